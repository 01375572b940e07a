// Turns the words of run, create, exec and update into requests.

import type { Pulling } from '../../core/engine/obtain.ts'
import { UserError } from '../../core/errors.ts'
import { capabilityName } from '../../core/spec/capabilities.ts'
import { checkRequest } from '../../core/spec/check-request.ts'
import type { ExecRequest } from '../../core/spec/exec-request.ts'
import { cleanPath } from '../../core/spec/mounts.ts'
import { signalNumber } from '../../core/spec/names.ts'
import { type ContainerRequest, defaultRequest, type RequestedResources, type Source } from '../../core/spec/request.ts'
import { type Environment, envEntries, envFileEntries } from './environment.ts'
import { mountFlag } from './mount-flag.ts'
import { device, tmpfs, volume, volumesFrom } from './mount-values.ts'
import { addHost, ipcMode, nameServer, namespaceMode, networkMode, publish } from './network-values.ts'
import { type ParsedFlags, parseFlags } from './parse.ts'
import { pullingOf } from './registry-flags.ts'
import { create, exec, run, update } from './run-table.ts'
import { securityOptions } from './security-values.ts'
import { idMappings, userMode } from './user-values.ts'
import { cpuCount, cpuList, keyValue, octalMode, sizeBytes, sizeOrUnlimited, ulimit, wholeNumber } from './values.ts'

/** What the words' meaning depends on besides the words. */
export interface Surroundings {
  readonly environment: Environment
  /** The working directory. */
  readonly directory: string
  /** A text file's content; throws when it cannot be read. */
  readonly readFile: (path: string) => string
  readonly selinux?: boolean
}

/** The value of a flag that was given, read by `read`. */
function given<Value>(
  flags: ParsedFlags,
  name: string,
  read: (flag: string, value: string) => Value,
): Value | undefined {
  const value = flags.text(name)
  return value === undefined ? undefined : read(`--${name}`, value)
}

/** podman takes 0 for "not given". */
const unlessZero = (number: number | undefined): number | undefined => (number === 0 ? undefined : number)

function resources(flags: ParsedFlags): RequestedResources {
  const asked: RequestedResources = {
    memoryBytes: unlessZero(given(flags, 'memory', sizeBytes)),
    memorySwapBytes: unlessZero(given(flags, 'memory-swap', sizeOrUnlimited)),
    memoryReservationBytes: unlessZero(given(flags, 'memory-reservation', sizeBytes)),
    cpus: unlessZero(given(flags, 'cpus', cpuCount)),
    cpuQuotaUsec: unlessZero(given(flags, 'cpu-quota', (flag, value) => wholeNumber(flag, value, -1))),
    cpuPeriodUsec: unlessZero(given(flags, 'cpu-period', (flag, value) => wholeNumber(flag, value, 0))),
    cpuShares: unlessZero(given(flags, 'cpu-shares', (flag, value) => wholeNumber(flag, value, 0))),
    cpusetCpus: given(flags, 'cpuset-cpus', cpuList),
    cpusetMems: given(flags, 'cpuset-mems', cpuList),
    pidsLimit: given(flags, 'pids-limit', (flag, value) => wholeNumber(flag, value, -1)),
    blkioWeight: unlessZero(given(flags, 'blkio-weight', (flag, value) => wholeNumber(flag, value, 0))),
  }
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
}

function readText(surroundings: Surroundings, flag: string, path: string): string {
  try {
    return surroundings.readFile(path)
  } catch (error) {
    throw new UserError(`${flag}=${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function environment(flags: ParsedFlags, surroundings: Surroundings): readonly string[] {
  const own = surroundings.environment
  return [
    ...flags.all('env-file').flatMap((path) => envFileEntries(path, readText(surroundings, '--env-file', path), own)),
    ...flags.all('env').flatMap((entry) => envEntries('--env', entry, own)),
  ]
}

function sourceOf(flags: ParsedFlags, word: string, directory: string): Source {
  if (!flags.on('rootfs')) return { kind: 'image', reference: word }
  const [, path = '', option] = /^(.*?)(?::([^:/]*))?$/s.exec(word) ?? []
  if (option !== undefined && option !== 'O')
    throw new UserError(`--rootfs ${word}: unknown option "${option}"; give :O for an overlay`)
  if (path === '') throw new UserError(`--rootfs ${word}: the directory is missing`)
  return {
    kind: 'rootfs',
    path: cleanPath(path.startsWith('/') ? path : `${directory}/${path}`),
    overlay: option === 'O',
  }
}

function entrypoint(value: string): readonly string[] {
  if (!value.startsWith('[')) return value === '' ? [] : [value]
  let words: unknown
  try {
    words = JSON.parse(value)
  } catch {
    return [value]
  }
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
    throw new UserError(`--entrypoint=${value}: must be a word or a JSON list of strings`)
  return words
}

function network(flags: ParsedFlags): ContainerRequest['network'] | undefined {
  const modes = flags.all('network')
  if (modes.length > 1) throw new UserError('--network: given twice; vitrine joins one network yet')
  return given(flags, 'network', networkMode)
}

const labels = (flags: ParsedFlags, name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(flags.all(name).map((value) => keyValue(`--${name}`, value, 'may-be-bare')))

function subordinates(flags: ParsedFlags): ContainerRequest['subordinates'] {
  const [uidName, gidName] = [flags.text('subuidname'), flags.text('subgidname')]
  const either = uidName ?? gidName
  return either === undefined ? undefined : { uidName: uidName ?? either, gidName: gidName ?? either }
}

const defined = <Fields extends object>(fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields

/** What of a request one line each of flag gives. */
function requestOf(flags: ParsedFlags, base: ContainerRequest, surroundings: Surroundings): ContainerRequest {
  const mode = (name: string) => given(flags, name, namespaceMode) ?? ({ kind: 'private' } as const)
  const read = (path: string) => readText(surroundings, '--security-opt=seccomp', path)
  const { directory, selinux } = surroundings
  const mounts = flags.all('mount').map((value) => mountFlag('--mount', value, directory, selinux))
  const others = flags.all('volumes-from').map((value) => volumesFrom('--volumes-from', value, selinux))
  return defined<ContainerRequest>({
    ...base,
    name: flags.text('name'),
    entrypoint: given(flags, 'entrypoint', (_, value) => entrypoint(value)),
    replace: flags.on('replace'),
    remove: flags.on('rm'),
    interactive: flags.on('interactive'),
    terminal: flags.on('tty'),
    env: environment(flags, surroundings),
    workingDirectory: flags.text('workdir'),
    user: flags.text('user'),
    groupAdd: flags.all('group-add'),
    umask: given(flags, 'umask', octalMode) ?? base.umask,
    hostname: flags.text('hostname'),
    volumes: [
      ...flags.all('volume').map((value) => volume('--volume', value, directory, selinux)),
      ...mounts.flatMap((mount) => (mount.kind === 'volume' ? mount.volume : [])),
    ],
    volumesFrom: others.length === 0 ? undefined : others,
    tmpfs: [
      ...flags.all('tmpfs').map((value) => tmpfs('--tmpfs', value)),
      ...mounts.flatMap((mount) => (mount.kind === 'tmpfs' ? mount.tmpfs : [])),
    ],
    shmSizeBytes: given(flags, 'shm-size', sizeBytes) ?? base.shmSizeBytes,
    readOnly: flags.on('read-only'),
    readOnlyTmpfs: flags.on('read-only-tmpfs', true),
    devices: flags.all('device').map((value) => device('--device', value)),
    resources: resources(flags),
    cgroupParent: flags.text('cgroup-parent'),
    ulimits: flags.all('ulimit').map((value) => ulimit('--ulimit', value)),
    sysctl: Object.fromEntries(flags.all('sysctl').map((value) => keyValue('--sysctl', value, 'needs-value'))),
    oomScoreAdj: given(flags, 'oom-score-adj', (flag, value) => wholeNumber(flag, value, -1000, 1000)),
    capAdd: flags.all('cap-add').map((value) => capabilityName(value, '--cap-add')),
    capDrop: flags.all('cap-drop').map((value) => capabilityName(value, '--cap-drop')),
    privileged: flags.on('privileged'),
    security: securityOptions(flags.all('security-opt'), read),
    userns: given(flags, 'userns', userMode),
    idMappings: idMappings(flags.all('uidmap'), flags.all('gidmap')),
    subordinates: subordinates(flags),
    pid: mode('pid'),
    ipc: given(flags, 'ipc', ipcMode) ?? base.ipc,
    uts: mode('uts'),
    cgroupns: mode('cgroupns'),
    network: network(flags) ?? base.network,
    publish: flags.all('publish').flatMap((value) => publish('--publish', value)),
    addHost: flags.all('add-host').map((value) => addHost('--add-host', value)),
    dns: flags.all('dns').map((value) => nameServer('--dns', value)),
    init: flags.on('init'),
    stopSignal: given(flags, 'stop-signal', (_, value) => signalNumber(value)),
    stopTimeoutSeconds: given(flags, 'stop-timeout', (flag, value) => wholeNumber(flag, value, 0)) ?? 10,
    labels: labels(flags, 'label'),
    annotations: labels(flags, 'annotation'),
  })
}

export type RunWords =
  | { readonly help: true }
  | {
      readonly help: false
      readonly request: ContainerRequest
      readonly dryRun: boolean
      /** Of an image that may have to be pulled. */
      readonly pulling: Pulling
    }

/**
 * The request that the words of `run` or `create` make.
 *
 * @param argv - what follows the command's name
 * @errors UserError naming the flag
 */
export function readRun(command: 'run' | 'create', argv: readonly string[], surroundings: Surroundings): RunWords {
  const flags = parseFlags(command === 'run' ? run : create, argv)
  if (flags.on('help')) return { help: true }
  const [word, ...rest] = flags.words
  if (word === undefined)
    throw new UserError(flags.on('rootfs') ? '--rootfs: the directory is missing' : 'the image is missing')
  const base = defaultRequest(sourceOf(flags, word, surroundings.directory), rest)
  const request = requestOf(flags, base, surroundings)
  const detach = command === 'run' && flags.on('detach')
  checkRequest({ ...request, detach })
  const pulling = pullingOf(flags)
  return { help: false, request: { ...request, detach }, dryRun: flags.on('dry-run'), pulling }
}

export type ExecWords =
  | { readonly help: true }
  | { readonly help: false; readonly request: ExecRequest; readonly dryRun: boolean }

/** The request that the words of `exec` make. @errors UserError naming the flag */
export function readExec(argv: readonly string[], surroundings: Surroundings): ExecWords {
  const flags = parseFlags(exec, argv)
  if (flags.on('help')) return { help: true }
  const [container, ...command] = flags.words
  if (container === undefined) throw new UserError('the container is missing')
  if (command.length === 0) throw new UserError('the command is missing: give one after the container')
  const workingDirectory = flags.text('workdir')
  if (workingDirectory !== undefined && !workingDirectory.startsWith('/'))
    throw new UserError(`--workdir=${workingDirectory}: must be an absolute path of the container`)
  const request = defined<ExecRequest>({
    container,
    command,
    env: environment(flags, surroundings),
    workingDirectory,
    user: flags.text('user'),
    privileged: flags.on('privileged'),
    detach: flags.on('detach'),
    interactive: flags.on('interactive'),
    terminal: flags.on('tty'),
  })
  return { help: false, request, dryRun: flags.on('dry-run') }
}

export type UpdateWords =
  | { readonly help: true }
  | { readonly help: false; readonly container: string; readonly resources: RequestedResources }

/** The limits that the words of `update` change. @errors UserError naming the flag, and when nothing is changed */
export function readUpdate(argv: readonly string[]): UpdateWords {
  const flags = parseFlags(update, argv)
  if (flags.on('help')) return { help: true }
  const [container, ...more] = flags.words
  if (container === undefined) throw new UserError('the container is missing')
  if (more.length > 0) throw new UserError(`update takes one container, not "${more[0]}" too`)
  const asked = resources(flags)
  if (Object.keys(asked).length === 0) throw new UserError('nothing to update: give a limit such as --memory=1g')
  return { help: false, container, resources: asked }
}

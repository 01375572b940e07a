// The OCI Spec of a request: the meaning of podman's flags, in one pure function.

import { UserError } from '../errors.ts'
import { capabilitiesOf } from './capabilities.ts'
import { checkRequest } from './check-request.ts'
import * as defaults from './defaults.ts'
import type { RequestFacts } from './facts.ts'
import type { ImageConfig } from './image-config.ts'
import { cleanPath, initDestination, mountsOf } from './mounts.ts'
import { signalName, signalNumber } from './names.ts'
import type { ContainerRequest, NamespaceMode } from './request.ts'
import { initialResources } from './resources.ts'
import type { LinuxDevice, LinuxDeviceCgroup, LinuxNamespace, LinuxNamespaceType, Process, Spec } from './types.ts'

/** Whom the request names, or the image, or nobody (root). */
export function userOf(request: ContainerRequest, image: ImageConfig | undefined): string {
  return request.user ?? image?.config?.User ?? ''
}

/** A signal's number: the request's, the image's, or TERM. */
export function stopSignalOf(request: ContainerRequest, image: ImageConfig | undefined): number {
  const fromImage = image?.config?.StopSignal
  return request.stopSignal ?? (fromImage ? signalNumber(fromImage) : defaults.defaultStopSignal)
}

/**
 * The program and its arguments. An entrypoint of the request drops the image's Cmd with the image's Entrypoint, since
 * the one is written for the other.
 *
 * @errors UserError when neither says what to run
 */
export function argsOf(request: ContainerRequest, image: ImageConfig | undefined): readonly string[] {
  const entrypoint = request.entrypoint ?? image?.config?.Entrypoint ?? []
  const imageCommand = request.entrypoint === undefined ? (image?.config?.Cmd ?? []) : []
  const command = request.command.length > 0 ? request.command : imageCommand
  const args = [...entrypoint, ...command]
  if (args.length === 0 || args[0] === '')
    throw new UserError('no command: give one after the image, since the image names none')
  return request.init ? [initDestination, '--', ...args] : args
}

/** Later ones win, and keep the place of the first. */
export function mergeEnv(...lists: readonly (readonly string[])[]): readonly string[] {
  const byName = new Map<string, string>()
  for (const entry of lists.flat()) {
    const equals = entry.indexOf('=')
    byName.set(equals < 0 ? entry : entry.slice(0, equals), entry)
  }
  return [...byName.values()]
}

/** The host's name of a container without `--hostname`: the first twelve digits of its id. */
export function hostnameOf(request: ContainerRequest, containerId: string): string {
  return request.hostname ?? containerId.slice(0, 12)
}

function processOf(request: ContainerRequest, image: ImageConfig | undefined, facts: RequestFacts): Process {
  const { user } = facts
  const hostname = request.uts.kind === 'private' ? [`HOSTNAME=${hostnameOf(request, facts.containerId)}`] : []
  const gids = [...new Set([...user.additionalGids, ...facts.addedGids])]
  const { apparmor } = request.security
  return {
    terminal: request.terminal,
    user: {
      uid: user.uid,
      gid: user.gid,
      umask: request.umask,
      ...(gids.length > 0 ? { additionalGids: gids } : {}),
    },
    args: argsOf(request, image),
    env: mergeEnv(defaults.defaultEnv, hostname, [`HOME=${user.home}`], image?.config?.Env ?? [], request.env),
    cwd: cleanPath(request.workingDirectory ?? image?.config?.WorkingDir ?? '/'),
    capabilities: capabilitiesOf(request, { uid: user.uid, boundingCapabilities: facts.boundingCapabilities }),
    ...(request.ulimits.length > 0 ? { rlimits: request.ulimits } : {}),
    noNewPrivileges: request.security.noNewPrivileges,
    ...(apparmor === undefined || apparmor === 'unconfined' ? {} : { apparmorProfile: apparmor }),
    ...(request.oomScoreAdj === undefined ? {} : { oomScoreAdj: request.oomScoreAdj }),
  }
}

function namespacesOf(request: ContainerRequest, facts: RequestFacts): readonly LinuxNamespace[] {
  const modes = {
    pid: request.pid,
    network: request.network,
    ipc: request.ipc,
    uts: request.uts,
    cgroup: request.cgroupns,
    user: userMode(request, facts),
  } as const
  const namespaces: LinuxNamespace[] = [{ type: 'mount' }]
  for (const [type, mode] of Object.entries(modes) as [LinuxNamespaceType, (typeof modes)[keyof typeof modes]][]) {
    if (mode.kind === 'host') continue
    if (mode.kind === 'path') namespaces.push({ type, path: mode.path })
    else if (mode.kind === 'container') {
      const path = facts.joinedPaths[type]
      if (path === undefined)
        throw new UserError(`container:${mode.container}: is not running, its ${type} namespace is gone`)
      namespaces.push({ type, path })
    } else namespaces.push({ type })
  }
  return namespaces
}

/** With ids of its own, whoever chose them, it is a new one. */
function userMode({ userns }: ContainerRequest, { newUserNamespace }: RequestFacts): NamespaceMode {
  if (newUserNamespace || userns?.kind === 'auto' || userns?.kind === 'keep-id') return { kind: 'private' }
  return userns ?? { kind: 'host' }
}

function devicesOf(
  request: ContainerRequest,
  facts: RequestFacts,
): { readonly nodes: readonly LinuxDevice[]; readonly rules: readonly LinuxDeviceCgroup[] } {
  const asked = request.devices.flatMap(({ source, destination, access }) => {
    const nodes = facts.deviceNodes[source] ?? []
    if (nodes.length === 0) throw new UserError(`--device=${source}: no such device on the host`)
    const place = (path: string) =>
      path === source ? destination : cleanPath(`${destination}/${path.slice(source.length)}`)
    return nodes.map((node) => ({ node: { ...node, path: place(node.path) }, access }))
  })
  const taken = new Set(asked.map(({ node }) => node.path))
  const nodes = asked.map(({ node }) => node)
  if (request.privileged)
    return {
      nodes: [...facts.hostDevices.filter((node) => !taken.has(node.path)), ...nodes],
      rules: defaults.allDeviceRules,
    }
  const rules = asked.map(({ node, access }): LinuxDeviceCgroup => {
    return { allow: true, type: node.type === 'b' ? 'b' : 'c', major: node.major, minor: node.minor, access }
  })
  return { nodes, rules: [...defaults.defaultDeviceRules, ...rules] }
}

/** Hidden and read-only paths: none for the privileged, fewer with unmask, more with mask. */
function hiddenPaths(request: ContainerRequest): {
  maskedPaths?: readonly string[]
  readonlyPaths?: readonly string[]
} {
  const { mask, unmask } = request.security
  const everything = request.privileged || unmask.includes('ALL')
  const shown = (path: string) => unmask.some((pattern) => matches(pattern, path))
  const masked = everything ? [] : defaults.defaultMaskedPaths.filter((path) => !shown(path))
  const readonly = everything ? [] : defaults.defaultReadonlyPaths.filter((path) => !shown(path))
  const maskedPaths = [...new Set([...masked, ...mask])]
  return {
    ...(maskedPaths.length > 0 ? { maskedPaths } : {}),
    ...(readonly.length > 0 ? { readonlyPaths: readonly } : {}),
  }
}

/** `/proc/*` is every path directly below /proc, as in podman. */
function matches(pattern: string, path: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
  return new RegExp(`^${source}$`).test(path)
}

function sysctlOf(request: ContainerRequest): Readonly<Record<string, string>> {
  const own = request.network.kind === 'bridge' || request.network.kind === 'none' || request.network.kind === 'private'
  return { ...(own ? defaults.defaultNetworkSysctl : {}), ...request.sysctl }
}

/**
 * The Spec that a request means. podman-run(1); OCI runtime spec 1.2, config.md; OCI image spec, conversion.md.
 *
 * @param image - the image's config; undefined for `--rootfs`
 * @param facts - what the engine has looked up
 * @errors UserError naming the flag: what does not go together, what the caller lacks, what is not there
 */
export function specFromRequest(request: ContainerRequest, image: ImageConfig | undefined, facts: RequestFacts): Spec {
  checkRequest(request)
  if (request.init && facts.initPath === undefined) throw new UserError('--init: there is no init program on this host')
  const { apparmor } = request.security
  if (apparmor !== undefined && apparmor !== 'unconfined' && !facts.apparmor)
    throw new UserError(`--security-opt=apparmor=${apparmor}: AppArmor is not enabled on this host`)
  const { nodes, rules } = devicesOf(request, facts)
  const sysctl = sysctlOf(request)
  const unconfined =
    request.security.seccomp.kind === 'unconfined' ||
    (request.privileged && request.security.seccomp.kind === 'default')
  return {
    ociVersion: defaults.ociVersion,
    process: processOf(request, image, facts),
    root: { path: facts.rootPath, readonly: request.readOnly },
    ...(request.uts.kind === 'private' ? { hostname: hostnameOf(request, facts.containerId) } : {}),
    mounts: mountsOf(request, image, facts),
    annotations: {
      'org.opencontainers.image.stopSignal': signalName(stopSignalOf(request, image)),
      ...request.annotations,
    },
    linux: {
      ...(facts.newUserNamespace && facts.idMappings
        ? { uidMappings: facts.idMappings.uid, gidMappings: facts.idMappings.gid }
        : {}),
      ...(Object.keys(sysctl).length > 0 ? { sysctl } : {}),
      cgroupsPath: facts.cgroupsPath,
      ...(nodes.length > 0 ? { devices: nodes } : {}),
      resources: { devices: rules, ...initialResources(request.resources, facts) },
      namespaces: namespacesOf(request, facts),
      ...hiddenPaths(request),
      ...(facts.seccomp === undefined || unconfined ? {} : { seccomp: facts.seccomp }),
    },
  }
}

// A container's start: plan, launch, ids, network, and the record of what runs. What was done before a refusal is undone.

import { UserError } from '../errors.ts'
import { ask, close, O, removeFile } from '../files.ts'
import type { Kernel, Launched, MonitorOptions } from '../kernel.ts'
import { terminalMaster } from '../launch/plan.ts'
import { moved, snapshotOf } from '../lifecycle/table.ts'
import type { PortMapping as NetworkPort } from '../network/ports.ts'
import type { NetworkState } from '../network/state.ts'
import { bootId, markOf } from '../store/alive.ts'
import { type ContainerState, phaseOf, type Stored, writeNewFile, writeState } from '../store/record.ts'
import { noteParents } from './cgroup-parent.ts'
import { launchAt } from './cgroup-place.ts'
import { fileSystemOf, launchError } from './failure.ts'
import type { Host, Settings } from './host.ts'
import { networkModeOf, writeNameFiles } from './name-files.ts'
import { type Prepared, prepare } from './prepare.ts'
import { writeMappings } from './rootless.ts'
import { afterRefusal, settle } from './settle.ts'
import type { Attachment } from './types.ts'
import { namespacesToMake } from './user-mode.ts'
import { type MadeNamespaces, withNamespaces } from './user-namespace.ts'
import { volumePlaces } from './volumes.ts'

export interface Running {
  readonly stored: Stored
  readonly launched: Launched
}

/** Environment of the cleanup command: what this program needs to find its state again. */
export function cleanupCommand(host: Host, settings: Settings, id: string): NonNullable<MonitorOptions['cleanup']> {
  const names = [
    'HOME',
    'PATH',
    'USER',
    'LOGNAME',
    'XDG_DATA_HOME',
    'XDG_RUNTIME_DIR',
    'DBUS_SESSION_BUS_ADDRESS',
    'VITRINE_TEST_RUN',
  ]
  const env = names.flatMap((name) => {
    const value = host.environment.variables[name]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  return { argv: [...settings.selfArgv, 'cleanup', id], env }
}

/** A pipe for a standard stream, which a program of any user may open again as /dev/stdin; the read end first. pipe(2). */
export function makePipe(kernel: Kernel): readonly [number, number] {
  const { data } = ask(kernel, { name: 'pipe2', pipefd: 8, flags: O.CLOEXEC }, 'make a pipe')
  const ends = new DataView(data!.buffer, data!.byteOffset)
  ask(kernel, { name: 'fchmod', fd: ends.getInt32(0, true), mode: 0o666 }, 'let any user open the pipe')
  return [ends.getInt32(0, true), ends.getInt32(4, true)]
}

/**
 * Starts a container's process. The caller holds its lock and has checked nothing.
 *
 * @errors UserError with 126 or 127 when the program cannot be executed; the container is `stopped` then, or gone with --rm
 */
export async function launch(
  host: Host,
  settings: Settings,
  before: Stored,
  attachment: Attachment | undefined,
): Promise<Running> {
  const wanted = namespacesToMake(host, before.record)
  return await withNamespaces(host, wanted, (made) => launchIn(host, settings, before, attachment, made))
}

async function launchIn(
  host: Host,
  settings: Settings,
  before: Stored,
  attachment: Attachment | undefined,
  made: MadeNamespaces,
): Promise<Running> {
  const { kernel } = host
  const { record, paths } = before
  const starting = snapshotOf(moved(phaseOf(before.state), 'start', record.name))
  const places = await volumePlaces(host, settings, before)
  const prepared = await prepare(host, settings, before, places, made)
  if (places.toPrepare) {
    const { makeVolumesReady } = await import('./volume-first-use.ts')
    await makeVolumesReady(host, settings, before, prepared, places)
  }
  if (before.state.startedMs !== undefined) removeFile(kernel, paths.exit)
  writeNameFiles(kernel, before)
  const { keep: _, failure: __, ...kept } = before.state
  let stored: Stored = {
    ...before,
    state: { ...kept, lifecycle: starting, cgroups: prepared.cgroup?.paths ?? null, bootId: bootId(kernel) },
  }
  let launched: Launched | undefined
  try {
    if (prepared.cgroupHost && record.scope === undefined)
      noteParents(host, settings, record.cgroupPath, prepared.cgroupHost)
    launched = await launchAt(host, record, prepared, () => begin(host, settings, stored, prepared, attachment))
    const process = markOf(kernel, launched.pid)
    const monitor = launched.monitorPid === undefined ? undefined : markOf(kernel, launched.monitorPid)
    stored = { ...stored, state: { ...stored.state, ...(process && { process }), ...(monitor && { monitor }) } }
    writeNewFile(kernel, paths.config, JSON.stringify(prepared.spec))
    stored = await follow(host, settings, stored, prepared, launched, attachment)
    return { stored, launched }
  } catch (error) {
    launched?.cleaned()
    launched?.close()
    await afterRefusal(host, () => settle(host, settings, stored, { failure: (error as Error).message }))
    throw error
  }
}

function begin(
  host: Host,
  settings: Settings,
  { record, paths }: Stored,
  prepared: Prepared,
  attachment: Attachment | undefined,
): Launched {
  const { kernel } = host
  const { interactive, terminal } = record.request
  // A detached `-i`: nobody writes, and the program is not told that nobody will.
  const held = attachment === undefined && interactive && !terminal ? makePipe(kernel) : undefined
  const stdin = held?.[0] ?? attachment?.stdin
  const options: MonitorOptions = {
    detached: attachment === undefined,
    directory: paths.directory,
    log: {
      path: paths.log,
      ...(settings.logMaxBytes === undefined ? {} : { maxBytes: settings.logMaxBytes }),
    },
    ...(attachment === undefined ? {} : { forward: { stdout: attachment.stdout, stderr: attachment.stderr } }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(held === undefined ? {} : { keepStdin: held[1] }),
    ...(terminal ? { terminal } : {}),
    ...(prepared.cgroup?.oomFile === undefined ? {} : { oomFile: prepared.cgroup.oomFile }),
    cleanup: cleanupCommand(host, settings, record.id),
    title: `vitrine-monitor ${record.id.slice(0, 12)} ${record.name}`,
  }
  try {
    const launched = kernel.launch(prepared.plan, options)
    if ('step' in launched) throw launchError(prepared.plan, launched)
    return launched
  } finally {
    for (const fd of held ?? []) close(kernel, fd)
  }
}

/** From clone3 to execve: answers each wait of the child, and records the container as running. */
async function follow(
  host: Host,
  settings: Settings,
  begun: Stored,
  prepared: Prepared,
  launched: Launched,
  attachment: Attachment | undefined,
): Promise<Stored> {
  const { kernel } = host
  let stored = begun
  for (;;) {
    const progress = await launched.progress()
    if (progress.state === 'refused')
      throw launchError(prepared.plan, progress.failure, (path) => fileSystemOf(kernel, path))
    if (progress.state === 'executed') break
    if (progress.at === 'maps') {
      if (prepared.mappings === undefined) throw new UserError('the plan waits for id mappings that there are not')
      await writeMappings(host, launched.pid, prepared.mappings)
    } else {
      const network = await giveNetwork(host, settings, stored, launched.pid)
      const state: ContainerState = {
        ...stored.state,
        network,
        startedMs: host.now(),
        startedNs: String(host.monotonicNs()),
      }
      stored = { ...stored, state }
      writeState(kernel, stored.paths, state)
      giveTerminal(stored, launched, attachment)
    }
    launched.release()
  }
  const state = { ...stored.state, lifecycle: snapshotOf(moved('starting', 'execute', stored.record.name)) }
  writeState(kernel, stored.paths, state)
  return { ...stored, state }
}

/** The network of a child that waits at `start`. The loopback interface of `none` the child has switched on itself. */
async function giveNetwork(host: Host, settings: Settings, stored: Stored, pid: number): Promise<NetworkState> {
  const { record } = stored
  const mode = networkModeOf(record.request)
  if (mode !== 'bridge') return { mode: mode === 'shared' ? 'none' : mode, ports: [] }
  const { setUpNetwork } = await import('../network/setup.ts')
  const network = await setUpNetwork(host.kernel, {
    containerId: record.id,
    pid,
    mode,
    ports: record.request.publish.map(networkPort),
    runroot: settings.runroot,
  })
  writeNameFiles(host.kernel, stored, network)
  return network
}

/** @errors UserError for a protocol that cannot be published */
export function networkPort(port: Stored['record']['request']['publish'][number]): NetworkPort {
  const { hostIp = '', hostPort = 0, containerPort, protocol } = port
  if (protocol === 'sctp') throw new UserError(`-p ${containerPort}/sctp: only tcp and udp ports can be published`)
  return { hostIp, hostPort, containerPort, protocol }
}

function giveTerminal({ record }: Stored, launched: Launched, attachment: Attachment | undefined): void {
  if (!record.request.terminal || attachment === undefined) return
  if (attachment.terminal === undefined)
    throw new UserError(`container ${record.name} has a terminal: whoever attaches to it must take one`)
  const taken = launched.take(terminalMaster)
  if ('errno' in taken) throw new UserError(`take the container's terminal: ${taken.errno}`)
  attachment.terminal(taken.value)
}

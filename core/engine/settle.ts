// What follows the end of a container's run, and the end of a container: nothing of it may stay on the host.

import { detectCgroups } from '../cgroup/detect.ts'
import { cgroupPaths } from '../cgroup/paths.ts'
import { killAll, removeCgroups } from '../cgroup/remove.ts'
import { UserError } from '../errors.ts'
import { removeUnpacked } from '../image/remove.ts'
import { next, snapshotOf } from '../lifecycle/table.ts'
import { releaseName } from '../store/names.ts'
import { type ContainerState, type Ending, phaseOf, type Stored, writeState } from '../store/record.ts'
import { removeParents } from './cgroup-parent.ts'
import type { Host, Settings } from './host.ts'
import { removeRootless } from './rootless.ts'

/** Where the container's cgroups are: recorded at its start, or, when that was interrupted, as they would be. */
function cgroupsOf(host: Host, { record, state }: Stored) {
  if (state.cgroups !== undefined) return state.cgroups ?? undefined
  if (record.cgroupPath === undefined) return undefined
  return cgroupPaths(record.cgroupPath, detectCgroups(host.kernel))
}

/**
 * Ends what is left of the container's processes, removes its cgroups and takes its network away. Safe to repeat.
 *
 * @param alone - its first process has ended and had a pid namespace: the kernel has ended all others then, and waited for
 * them. pid_namespaces(7), "The namespace init process"
 */
export async function clearHost(host: Host, settings: Settings, stored: Stored, alone = false): Promise<void> {
  const { kernel, sleep } = host
  const { record, state } = stored
  const cgroups = cgroupsOf(host, stored)
  if (cgroups !== undefined) {
    if (!alone) await killAll(kernel, cgroups, sleep)
    if (record.scope !== undefined) await (await import('../systemd/scope.ts')).stopScope(host, record.scope.unit)
    await removeCgroups(kernel, cgroups, sleep, settings.cgroupParent)
    removeParents(kernel, settings, cgroups)
  }
  if (state.network?.mode !== 'none' && state.network?.mode !== 'host') {
    const { tearDownNetwork } = await import('../network/setup.ts')
    await tearDownNetwork(kernel, { containerId: record.id, runroot: settings.runroot })
  }
}

/**
 * Cleans up after a refusal, which is the one to be told: what goes wrong over it is a warning, and found again by the
 * next command.
 */
export async function afterRefusal(host: Pick<Host, 'warn'>, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    host.warn(error.message)
  }
}

/**
 * Removes a container's files and gives its name back. Safe to repeat: the name goes first, the directory last.
 *
 * @param volumes - its anonymous volumes go too, unless another container has them
 */
export async function discard(
  host: Host,
  settings: Settings,
  stored: Pick<Stored, 'record' | 'paths'>,
  volumes = true,
): Promise<void> {
  const { kernel } = host
  releaseName(kernel, settings, stored.record.name, stored.record.id)
  if (volumes && stored.record.request?.volumes.some(({ kind }) => kind === 'anonymous')) {
    const { removeAnonymous } = await import('./volume-remove.ts')
    await removeAnonymous(host, settings, stored.record)
  }
  if (host.environment.uid === 0) removeUnpacked(kernel, stored.paths.directory)
  else await removeRootless(host, stored.paths.directory)
}

/**
 * Records how a run ended and clears the host; a container with --rm is removed. The caller holds its lock.
 *
 * @returns undefined when it has been removed
 */
export async function settle(
  host: Host,
  settings: Settings,
  stored: Stored,
  end: { readonly ending?: Ending; readonly failure?: string },
): Promise<Stored | undefined> {
  const phase = phaseOf(stored.state)
  const ownPids = stored.record.request.pid.kind === 'private'
  await clearHost(host, settings, stored, ownPids && end.ending !== undefined && !end.ending.unknown)
  if (stored.record.request.remove && stored.state.keep === undefined) {
    await discard(host, settings, stored)
    return undefined
  }
  const { process: _, monitor: __, cgroups: ___, bootId: ____, freezing: _____, network, ...kept } = stored.state
  const to = next(phase, end.ending === undefined ? 'fail' : 'exit') ?? 'stopped'
  const state: ContainerState = {
    ...kept,
    lifecycle: snapshotOf(to),
    ...(network === undefined ? {} : { network: { mode: network.mode, ports: network.ports } }),
    ...(end.ending === undefined ? {} : { ending: end.ending }),
    ...(end.failure === undefined ? {} : { failure: end.failure }),
  }
  writeState(host.kernel, stored.paths, state)
  return { ...stored, state }
}

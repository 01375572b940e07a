// What a command finds that the last one did not leave in order: a runtime that was killed, a process or monitor that vanished.

import { isFrozen, unpause } from '../cgroup/freeze.ts'
import { AT_FDCWD, list, readLink } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { snapshotOf } from '../lifecycle/table.ts'
import { monitorAlive, processAlive } from '../store/alive.ts'
import { idOfName } from '../store/names.ts'
import { containerPaths, namesDirectory } from '../store/paths.ts'
import { type Ending, newState, phaseOf, readEnding, readRemains, type Stored, writeState } from '../store/record.ts'
import { likelyPlace } from './cgroup-place.ts'
import { signalProcess } from './foreground.ts'
import type { Host, Settings } from './host.ts'
import { clearHost, discard, settle } from './settle.ts'

const SIGKILL = 9
/** How long a monitor may take from its child's death to the `exit` file. */
const patienceMs = 5000

/** Whether a container's record agrees with what runs, at the cost of two files of /proc. */
export function inOrder(kernel: Kernel, { state }: Stored): boolean {
  const phase = phaseOf(state)
  if (phase === 'created' || phase === 'stopped') return true
  if (phase !== 'running' && phase !== 'paused') return false
  return !state.freezing && processAlive(kernel, state) && monitorAlive(kernel, state)
}

/** Paused is what stands still as a whole; what does not goes on. */
function afterFreezing({ kernel }: Host, stored: Stored): Stored {
  const { freezing: _, ...kept } = stored.state
  const { cgroups } = kept
  const frozen = cgroups ? isFrozen(kernel, cgroups) : false
  if (cgroups && !frozen) unpause(kernel, cgroups)
  const state = { ...kept, lifecycle: snapshotOf(frozen ? 'paused' : 'running') }
  writeState(kernel, stored.paths, state)
  return { ...stored, state }
}

/**
 * Brings a container in order. The caller holds its lock, so that nobody is at work on it.
 *
 * @returns undefined when it had to be removed: it was never completely made, or it has --rm and has ended
 */
export async function recover(host: Host, settings: Settings, stored: Stored): Promise<Stored | undefined> {
  const { kernel } = host
  if (inOrder(kernel, stored)) return stored
  const phase = phaseOf(stored.state)
  if (phase === 'creating' || phase === 'deleted') {
    await clearHost(host, settings, stored)
    await discard(host, settings, stored)
    return undefined
  }
  const alive = processAlive(kernel, stored.state) && monitorAlive(kernel, stored.state)
  if (alive && stored.state.freezing) return afterFreezing(host, stored)
  const runs = phase === 'starting' && alive ? whatRuns(kernel, stored.state.process!.pid) : undefined
  if (runs === 'program') {
    const state = { ...stored.state, lifecycle: snapshotOf('running') }
    writeState(kernel, stored.paths, state)
    return { ...stored, state }
  }
  if (phase === 'starting' && stored.state.process === undefined)
    return settle(host, settings, stored, { failure: 'its start was interrupted' })
  const ending = runs === 'monitor' ? undefined : await endingOf(host, stored, runs === 'nothing')
  // Its cgroup is ended as a whole, but not everybody has one.
  if (processAlive(kernel, stored.state)) signalProcess(kernel, stored.state.process!, SIGKILL)
  if (ending === undefined || ending.unstarted)
    return settle(host, settings, stored, { failure: 'its start was interrupted' })
  return settle(host, settings, stored, { ending })
}

/**
 * How the process ended: the monitor's word, for which it is given a moment; unknown when that died with it.
 *
 * @param dying - it is on its way to its end
 */
async function endingOf(host: Host, stored: Stored, dying: boolean): Promise<Ending> {
  const { kernel } = host
  for (let waited = 0; ; waited += 5) {
    // Asked before the file is read: a monitor that goes in between has written it.
    const mayCome = monitorAlive(kernel, stored.state) && (dying || !processAlive(kernel, stored.state))
    const ending = readEnding(kernel, stored.paths)
    if (ending !== undefined) return ending
    if (!mayCome || waited >= patienceMs) break
    await host.sleep(5)
  }
  return { code: 255, signal: 0, oomKilled: false, atMs: host.now(), unknown: true }
}

/**
 * Until execve(2) the child runs the monitor's image, a memory file that no path names. One that is about to end has let go
 * of its memory, and so of what it ran, while it is still listed. proc_pid_exe(5)
 */
function whatRuns(kernel: Kernel, pid: number): 'program' | 'monitor' | 'nothing' {
  const exe = readLink(kernel, `/proc/${pid}/exe`)
  if (refused(exe)) return exe.errno === 'ENOENT' || exe.errno === 'ESRCH' ? 'nothing' : 'monitor'
  return exe.target?.startsWith('/memfd:vitrine-monitor') ? 'monitor' : 'program'
}

/** The name that a container without a readable record has claimed. */
export function nameOf(kernel: Kernel, settings: Settings, id: string): string | undefined {
  return list(kernel, namesDirectory(settings)).find((each) => idOfName(kernel, settings, each) === id)
}

/**
 * Removes the half of a container: its making was killed before it had a record, or its removal before the end. Should one
 * of its files have vanished while it ran, nothing of it may go on without being known. The caller holds its lock.
 */
export async function removeHalf(host: Host, settings: Settings, id: string): Promise<void> {
  const { kernel } = host
  const paths = containerPaths(settings, id)
  const name = nameOf(kernel, settings, id)
  const stored = {
    state: newState('stopped'),
    record: { id, name: name ?? id, ...likelyPlace(kernel, settings, id) } as Stored['record'],
    ...readRemains(kernel, paths, id),
    paths,
  }
  await clearHost(host, settings, stored)
  if (name !== undefined)
    kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: `${namesDirectory(settings)}/${name}`, flags: 0 })
  await discard(host, settings, { record: { id, name: name ?? id } as Stored['record'], paths })
}

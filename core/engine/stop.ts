// stop and restart: the stop signal, time to end, SIGKILL.

import { unpause as thaw } from '../cgroup/freeze.ts'
import { UserError } from '../errors.ts'
import { stopSignalOf } from '../spec/from-request.ts'
import { phaseOf, type Stored, writeState } from '../store/record.ts'
import { waitForEnd } from './ending.ts'
import { signalProcess } from './foreground.ts'
import type { Host, Settings } from './host.ts'
import { isGone, withContainer } from './open.ts'
import { unpauseStored } from './pause.ts'
import { start } from './start.ts'
import type { Created, StopOptions, Verbs } from './types.ts'

const SIGKILL = 9
/** How long a process may take to go after SIGKILL. */
const killPatienceMs = 10_000

/** Ends a container's run: not under its lock, since that may take long and others may look at it. */
export async function endRun(host: Host, stored: Stored, timeoutSeconds: number | undefined): Promise<void> {
  const { kernel } = host
  const { record, state } = stored
  const mark = state.process
  if (mark === undefined) return
  const seconds = timeoutSeconds ?? record.request.stopTimeoutSeconds
  if (phaseOf(state) === 'paused' && state.cgroups) thaw(kernel, state.cgroups)
  if (seconds > 0) {
    signalProcess(kernel, mark, stopSignalOf(record.request, record.image?.config))
    if (await waitForEnd(host, mark, seconds * 1000)) return
  }
  signalProcess(kernel, mark, SIGKILL)
  if (!(await waitForEnd(host, mark, killPatienceMs)))
    throw new UserError(
      `container ${record.name}: process ${mark.pid} is still there ${killPatienceMs / 1000} seconds after SIGKILL`,
    )
}

const runs = (stored: Stored) => ['running', 'paused'].includes(phaseOf(stored.state))

/**
 * What is to be ended goes on first: while it stands still it takes no signal (v1) or does nothing about it (v2). That is
 * written down, so that it is known should the rest not come to pass. The caller holds its lock.
 */
export async function going(host: Host, stored: Stored): Promise<Stored> {
  return phaseOf(stored.state) === 'paused' ? await unpauseStored(host, stored) : stored
}

/** What is running under the lock now; its end is waited for without. */
async function stopOne(host: Host, settings: Settings, container: string, options: StopOptions, keep: boolean) {
  const stored = await withContainer(host, settings, container, async (found) => {
    if (!runs(found)) return found
    const now = await going(host, found)
    if (keep && now.record.request.remove) writeState(host.kernel, now.paths, { ...now.state, keep: true })
    return now
  })
  if (!runs(stored)) return stored
  await endRun(host, stored, options.timeoutSeconds)
  // Whoever comes first records the end: the monitor's cleanup, whoever is attached, or we.
  try {
    await withContainer(host, settings, stored.record.id, () => {})
  } catch (error) {
    if (!(stored.record.request.remove && isGone(error))) throw error
  }
  return stored
}

/** Stops a container; one that does not run is left as it is. podman-stop(1). */
export async function stop(host: Host, settings: Settings, container: string, options: StopOptions): Promise<Created> {
  const { record } = await stopOne(host, settings, container, options, false)
  return { id: record.id, name: record.name }
}

/** Stops a container if it runs, and starts it. podman-restart(1). */
export async function restart(
  host: Host,
  settings: Settings,
  container: string,
  options: StopOptions,
): Promise<Created> {
  const { record } = await stopOne(host, settings, container, options, true)
  const { id, name } = await start(host, settings, record.id)
  return { id, name }
}

stop satisfies Verbs['stop']
restart satisfies Verbs['restart']

// A plan run by a monitor of the simulated machine: what backends/linux/monitor.ts does there.

import type { Errno } from '../../core/errno.ts'
import { RefusedError } from '../../core/errors.ts'
import { type Kernel, type Launched, type LaunchFailure, type MonitorOptions, refused } from '../../core/kernel.ts'
import { closeAll, openDescriptors, reportFd } from '../../core/launch/descriptors.ts'
import { planFailure, undo } from '../../core/launch/failure.ts'
import { eventKinds, launched, nextEvent } from '../../core/launch/launched.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import { type Job, monitor } from './monitor.ts'

const [SIGCHLD, EIO] = [17, 5]

/** What the parts of this backend share. */
export interface SimulatedParts extends Pick<Kernel, 'call' | 'wait'> {
  readonly machine: Machine
  /** Called right before a monitor executes the cleanup command of a container. */
  readonly cleanUp: (argv: readonly string[], task: Task) => void
}

/**
 * Walks a plan in a monitor; comes back when the container's first process is there or was refused. Without options the
 * process shares the caller's standard streams.
 */
export function launchSimulated(
  parts: SimulatedParts,
  plan: LaunchPlan,
  given: MonitorOptions | undefined,
): Launched | LaunchFailure {
  const { machine } = parts
  const options = given ?? { detached: false, title: 'vitrine-launch' }
  const shared = given === undefined
  const fds = openDescriptors(parts, options, shared)
  let task: Task | undefined
  const job: Job = {
    ...{ plan, options, fds: fds.monitor, shared },
    clone: plan.steps.findIndex((step) => step.call.name === 'clone3'),
    succeeded: new Set(),
    spawned: undefined,
    cleanUp: () => parts.cleanUp(options.cleanup?.argv ?? [], task!),
  }
  if (job.clone < 0) throw new Error('a plan has no clone3 step')
  let monitorPid: number
  try {
    const born = parts.call({ name: 'clone3', cl_args: { flags: 0, exit_signal: SIGCHLD } })
    if (refused(born)) throw new RefusedError('clone3 of the monitor', born.errno)
    monitorPid = born.value
    task = machine.lastBorn!
    task.run = monitor(job)
    machine.scheduler.runnable.add(task)
    waitForSpawn(parts, job, task, monitorPid)
  } catch (error) {
    closeAll(parts, fds.caller.values())
    throw error
  } finally {
    closeAll(parts, fds.monitorOnly)
  }
  const succeeded = (step: number) => job.succeeded.has(step)
  const first = nextEvent(parts, fds.caller.get('events')!)
  if (first?.kind !== eventKinds.started) {
    undo(parts, plan, succeeded)
    closeAll(parts, fds.caller.values())
    parts.call({ name: 'wait4', pid: monitorPid, wstatus: 4, options: 0, rusage: 0 })
    return planFailure(plan, first === undefined ? job.clone : first.value >>> 16, first ? first.value & 0xffff : EIO)
  }
  return launched(parts, plan, options, {
    ...{ fds, monitorPid, pid: first.value, succeeded },
    entries: plan.steps.map((_, step) => [step, step] as const).slice(job.clone),
    // One that was told to go goes at once.
    closed: () => void runUntil(machine, () => !task.alive, machine.clock.nowNs),
  })
}

/** As clone3 with CLONE_VFORK waits on Linux: until the monitor has its descriptors. @errors RefusedError it has not */
function waitForSpawn(parts: SimulatedParts, job: Job, task: Task, pid: number): void {
  runUntil(parts.machine, () => job.spawned !== undefined || !task.alive)
  if (job.spawned === true) return
  parts.call({ name: 'wait4', pid, wstatus: 4, options: 0, rusage: 0 })
  const errno: Errno = job.spawned ?? 'EIO'
  throw new RefusedError(`start the monitor (it needs ${reportFd + 1} descriptors, see \`ulimit -n\`)`, errno)
}

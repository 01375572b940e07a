// A plan run by a monitor of the simulated machine: what backends/linux/monitor.ts does there.

import { RefusedError } from '../../core/errors.ts'
import {
  type Kernel,
  type Launched,
  type LaunchFailure,
  type MonitorOptions,
  type Outcome,
  type Progress,
  refused,
} from '../../core/kernel.ts'
import { closeAll, openDescriptors, reportFd } from '../../core/launch/descriptors.ts'
import { planFailure, undo } from '../../core/launch/failure.ts'
import { eventKinds, launched, nextEvent } from '../../core/launch/launched.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import type { Run } from '../../sim/program.ts'
import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import { type Job, MonitorRun, monitorName, spawned } from './monitor.ts'

const [SIGCHLD, EIO] = [17, 5]
const MFD_CLOEXEC_SEALABLE = 3
const MFD_EXEC = 0x10
const F_ADD_SEALS = 1033
const F_SEAL_ALL = 0xf

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
  const clone = plan.steps.findIndex((step) => step.call.name === 'clone3')
  if (clone < 0) throw new Error('a plan has no clone3 step')
  const fds = openDescriptors(parts, options, shared)
  let program = -1
  let task: Task | undefined
  let job: Job
  let monitorPid: number
  try {
    program = monitorFile(parts)
    job = {
      ...{ plan, clone, options, fds: fds.monitor, program, shared, refused: undefined, succeeded: new Set() },
      ...{ task: undefined, cleanUp: parts.cleanUp },
    }
    monitorPid = value(
      parts.call({ name: 'clone3', cl_args: { flags: 0, exit_signal: SIGCHLD } }),
      'clone3 of the monitor',
    )
    task = machine.lastBorn!
    job.task = task
    execute(parts, job, task, monitorPid)
  } catch (error) {
    closeAll(parts, fds.caller.values())
    throw error
  } finally {
    closeAll(parts, program < 0 ? fds.monitorOnly : [...fds.monitorOnly, program])
  }
  const succeeded = (step: number) => job.succeeded.has(step)
  const first = nextEvent(parts, fds.caller.get('events')!)
  if (first?.kind !== eventKinds.started) {
    undo(parts, plan, succeeded)
    closeAll(parts, fds.caller.values())
    parts.call({ name: 'wait4', pid: monitorPid, wstatus: 4, options: 0, rusage: 0 })
    return planFailure(plan, first === undefined ? job.clone : first.value >>> 16, first ? first.value & 0xffff : EIO)
  }
  const made = launched(parts, plan, options, {
    ...{ fds, monitorPid, pid: first.value, succeeded },
    entries: plan.steps.map((_, step) => [step, step] as const).slice(job.clone),
    // One that was told to go goes at once.
    closed: () => void runUntil(machine, () => !task.alive, machine.clock.nowNs),
  })
  return Object.create(made, { progress: { value: async () => explained(await made.progress(), job) } }) as Launched
}

/** With the sentence that a real kernel does not give. */
function explained(progress: Progress, { why }: Job): Progress {
  if (progress.state !== 'refused' || why === undefined) return progress
  return { ...progress, failure: { ...progress.failure, sentence: why.replace(/^\w+\(2\): /, '') } }
}

/** The call's value; a refusal here is the machine's fault (no memory, no descriptors) and is thrown. */
function value(outcome: Outcome, tried: string): number {
  if (refused(outcome)) throw new RefusedError(tried, outcome.errno)
  return outcome.value
}

/** The file that is executed: its task is left to us then, to do what a monitor does. */
function monitorFile(parts: SimulatedParts): number {
  const flags = MFD_CLOEXEC_SEALABLE + MFD_EXEC
  const fd = value(parts.call({ name: 'memfd_create', label: monitorName, flags }), 'memfd_create')
  try {
    value(parts.call({ name: 'write', fd, buf: '#!sim outside\n' }), `write the ${monitorName}`)
    value(parts.call({ name: 'fcntl', fd, cmd: F_ADD_SEALS, arg: F_SEAL_ALL }), `seal the ${monitorName}`)
    return fd
  } catch (error) {
    parts.call({ name: 'close', fd })
    throw error
  }
}

/** As clone3 with CLONE_VFORK waits on Linux: until the monitor is executed. @errors RefusedError it could not be */
function execute({ machine, call }: SimulatedParts, job: Job, task: Task, pid: number): void {
  const first = spawned(job)
  const go = (run: Run) => {
    task.run = run
    machine.scheduler.runnable.add(task)
  }
  go(first)
  runUntil(machine, () => task.run !== first || !task.alive)
  if (task.alive) {
    go(new MonitorRun(job))
    return
  }
  call({ name: 'wait4', pid, wstatus: 4, options: 0, rusage: 0 })
  const tried = `start the monitor (it needs ${reportFd + 1} descriptors, see \`ulimit -n\`)`
  throw new RefusedError(tried, job.refused ?? 'EIO')
}

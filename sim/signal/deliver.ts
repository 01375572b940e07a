// A signal reaches its task: handler, stop, end, or nothing. A task is always in its program or in a call that waits, so
// that this happens as soon as mask and state let it. get_signal() in kernel/signal.c

import { endProcess } from '../life/exit.ts'
import type { Process } from '../process.ts'
import type { Task } from '../task.ts'
import type { SignalInfo } from './info.ts'
import { isOrphaned, stop } from './job-control.ts'
import { bit, isDump, isIgnoredByDefault, isKernelOnly, isStop, SA, SIG } from './numbers.ts'
import { dequeue, isBlocked } from './queue.ts'

/** Delivers all that may be. Answers whether a handler has run. */
export function deliver(task: Task): boolean {
  const before = task.handled.length
  while (task.alive && (task.pending.length > 0 || task.process.pending.length > 0)) {
    const info = next(task)
    if (info === undefined) break
    act(task, info)
  }
  return task.handled.length > before
}

function next(task: Task): SignalInfo | undefined {
  const { process } = task
  if (task.frozen === 1) return undefined
  if (task.state === 'stopped') return dequeue(task, (signal) => signal === SIG.KILL)
  const free =
    (task.signalMask | task.awaited) === 0n
      ? () => true
      : (signal: number) => !isBlocked(task, signal) && !isTaken(task, signal)
  // Only what ends it reaches a frozen task (cgroup v2), and one that waits and lets nothing disturb it (vfork(2)).
  if (task.frozen !== undefined || task.blocked?.interruptible === false)
    return dequeue(task, (signal) => free(signal) && isFatal(process, signal))
  return dequeue(task, free)
}

/** Whether a call takes it out of the queue; what is not blocked and ends the process does so first. complete_signal() */
const isTaken = (task: Task, signal: number): boolean =>
  (task.awaited & bit(signal)) !== 0n && (isDump(signal) || !isFatal(task.process, signal))

/** Whether a signal ends the process. sig_fatal() */
export function isFatal(process: Process, signal: number): boolean {
  if (isStop(signal) || isIgnoredByDefault(signal)) return false
  return process.actions.get(signal).disposition === 'default'
}

function act(task: Task, { signal }: SignalInfo): void {
  const { process, kernel } = task
  const action = process.actions.get(signal)
  if (action.disposition === 'ignore') return
  if (action.disposition === 'handler') {
    task.handled.push(signal)
    if (action.flags & SA.RESETHAND) process.actions.set(signal, { disposition: 'default', flags: 0, mask: 0n })
    kernel.scheduler.interrupt(task, (action.flags & SA.RESTART) !== 0)
    return
  }
  if (isIgnoredByDefault(signal)) return
  // What reaches an init nevertheless was sent from above (PID-004).
  if (process.unkillable && !isKernelOnly(signal)) return
  if (!isStop(signal)) endProcess(process, { code: 0, signal })
  else if (signal === SIG.STOP || !isOrphaned(process.group, undefined)) stop(process, signal)
}

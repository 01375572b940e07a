// Sending signals: what is dropped at once, what waits, and who gets it. prepare_signal() and complete_signal() in
// kernel/signal.c

import type { Process } from '../process.ts'
import type { Task } from '../task.ts'
import { deliver, isFatal } from './deliver.ts'
import { fromKernel, SI, type SignalInfo } from './info.ts'
import { goOn } from './job-control.ts'
import { isIgnoredByDefault, isKernelOnly, isStop, SIG } from './numbers.ts'
import { discard, enqueue, isBlocked } from './queue.ts'

/**
 * To a process as a whole: any thread that does not block it gets it.
 *
 * @param force - from the kernel, or from a pid namespace above: SIGKILL and SIGSTOP act on a namespace's init too (PID-005)
 */
export function sendToProcess(process: Process, info: SignalInfo, force = false): void {
  const { leader } = process
  const { signal } = info
  const isQueued = prepare(process, leader, signal, force) && enqueue(process.pending, info)
  if (signal === SIG.CONT) deliverAll(process)
  if (!isQueued) return
  process.signalChanges.wake()
  const chosen = leader.alive && !isBlocked(leader, signal) ? leader : firstFree(process, signal)
  if (chosen) deliver(chosen)
}

function firstFree(process: Process, signal: number): Task | undefined {
  for (const task of process.tasks) if (task.alive && !isBlocked(task, signal)) return task
  return undefined
}

/** To one thread. */
export function sendToTask(task: Task, info: SignalInfo, force = false): void {
  const { process } = task
  const isQueued = prepare(process, task, info.signal, force) && enqueue(task.pending, info)
  if (info.signal === SIG.CONT) deliverAll(process)
  if (!isQueued) return
  process.signalChanges.wake()
  deliver(task)
}

/** What came while it was stopped, and SIGCONT itself, if that is handled. */
function deliverAll(process: Process): void {
  for (const task of [...process.tasks]) deliver(task)
}

/** Whether a signal is to be queued at all. */
function prepare(process: Process, task: Task, signal: number, force: boolean): boolean {
  if (process.ending || !(task.alive || process.tasks.size > 1)) return false
  if (isStop(signal)) forget(process, (other) => other === SIG.CONT)
  else if (signal === SIG.CONT) {
    forget(process, isStop)
    goOn(process)
  }
  if (isBlocked(task, signal)) return true
  const { disposition } = process.actions.get(signal)
  if (process.unkillable && disposition === 'default' && !(force && isKernelOnly(signal))) return false
  return !(disposition === 'ignore' || (disposition === 'default' && isIgnoredByDefault(signal)))
}

function forget(process: Process, unwanted: (signal: number) => boolean): void {
  discard(process.pending, unwanted)
  for (const task of process.tasks) discard(task.pending, unwanted)
}

/** What a task's own signal says of its sender, as the receiver's namespaces see it. */
export function fromTask(sender: Task, receiver: Task, signal: number, code: number = SI.USER): SignalInfo {
  return {
    signal,
    code,
    pid: sender.process.leader.entry.in(receiver.pidNamespace) ?? 0,
    uid: receiver.credentials.namespace.shownUid(sender.credentials.uid),
  }
}

/** Whether the sender is outside of the receiver's pid namespace, as ancestors are. */
export const isFromAbove = (sender: Task, receiver: Task): boolean =>
  sender.entry.in(receiver.pidNamespace) === undefined

/** SIGKILL from the kernel itself: OOM, cgroup.kill, a pid namespace that ends. Acts on a namespace's init (PID-103). */
export function killProcess(process: Process): void {
  sendToProcess(process, fromKernel(SIG.KILL), true)
}

/** A signal that a task has brought upon itself (SIGSEGV, SIGSYS): neither mask nor disposition nor being init helps (PID-008). */
export function forceSignal(task: Task, signal: number): void {
  const { process } = task
  if (isBlocked(task, signal) || process.actions.get(signal).disposition === 'ignore') {
    process.actions.set(signal, { disposition: 'default', flags: 0, mask: 0n })
    task.signalMask &= ~(1n << BigInt(signal - 1))
  }
  if (process.actions.get(signal).disposition === 'default' && isFatal(process, signal)) process.unkillable = false
  sendToTask(task, fromKernel(signal), true)
}

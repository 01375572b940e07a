// Signals that wait: each task and each process has a list of its own. signal(7)

import type { Task } from '../task.ts'
import type { SignalInfo } from './info.ts'
import { bit, firstQueued } from './numbers.ts'

/** Of the old signals one of a kind waits at a time; answers whether it was put there. */
export function enqueue(pending: SignalInfo[], info: SignalInfo): boolean {
  if (info.signal < firstQueued) for (const other of pending) if (other.signal === info.signal) return false
  pending.push(info)
  return true
}

/** The lowest signal of some kind, those to the task alone before those to the process; taken out of the queue. */
export function dequeue(task: Task, wanted: (signal: number) => boolean): SignalInfo | undefined {
  return takeLowest(task.pending, wanted) ?? takeLowest(task.process.pending, wanted)
}

function takeLowest(pending: SignalInfo[], wanted: (signal: number) => boolean): SignalInfo | undefined {
  let found = -1
  for (let at = 0; at < pending.length; at++)
    if (wanted(pending[at]!.signal) && (found < 0 || pending[at]!.signal < pending[found]!.signal)) found = at
  return found < 0 ? undefined : pending.splice(found, 1)[0]
}

export function discard(pending: SignalInfo[], unwanted: (signal: number) => boolean): void {
  for (let at = pending.length - 1; at >= 0; at--) if (unwanted(pending[at]!.signal)) pending.splice(at, 1)
}

/** Of the task and of its process, bit n - 1 for signal n. */
export function pendingBits(task: Task): bigint {
  let bits = 0n
  for (const { signal } of task.pending) bits |= bit(signal)
  for (const { signal } of task.process.pending) bits |= bit(signal)
  return bits
}

export const isBlocked = (task: Task, signal: number): boolean =>
  task.signalMask !== 0n && (task.signalMask & bit(signal)) !== 0n

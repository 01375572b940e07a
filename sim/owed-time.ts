// Time that a task pays with on the way back from a call: memory.high and io.max make it slower, they never refuse (MEM-010).

import { isBlocked, type Reply } from './outcome.ts'
import type { Task } from './task.ts'

/** The reply of a call, once the time that the task owes has passed. A call that waits anyway pays at its next one. */
export function payTime(task: Task, reply: Reply): Reply {
  if (isBlocked(reply) || !task.alive) return reply
  const deadlineNs = task.kernel.clock.nowNs + task.owedNs
  task.owedNs = 0
  const outcome = typeof reply === 'number' ? { value: reply } : reply
  return { queues: [], interruptible: false, again: () => undefined, deadlineNs, timedOut: () => outcome }
}

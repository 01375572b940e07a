// What the memory of a guest costs its task: as much as anonymous pages that were all touched. No filter is asked, since
// execve(2) and page faults ask none.

import { isBlocked, isDenied, type Outcome, type Reply } from '../../../sim/outcome.ts'
import { calls } from '../../../sim/sys/memory.ts'
import type { Task } from '../../../sim/task.ts'

/** PROT_READ, PROT_WRITE */
const prot = 3
/** MAP_PRIVATE, MAP_ANONYMOUS, MAP_POPULATE */
const flags = 0x2 | 0x20 | 0x8000

type Handle = (task: Task, call: object) => Reply
const entry = (name: 'mmap' | 'munmap') => (calls[name] as unknown as { readonly handle: Handle }).handle

/** Undefined: the task waits until somebody else has given memory back. It may have been killed for it. */
export function charge(task: Task, bytes: number): Outcome | undefined {
  if (bytes === 0) return { value: 0 }
  const reply = entry('mmap')(task, { name: 'mmap', addr: 0, length: bytes, prot, flags, fd: -1, offset: 0 })
  if (typeof reply === 'number') return { value: reply }
  if (!isBlocked(reply)) return reply
  if (task.alive) task.kernel.scheduler.block(task, reply)
  return undefined
}

/** @param charged - what `charge` answered */
export function giveBack(task: Task, charged: Outcome, bytes: number): void {
  if (!isDenied(charged) && charged.value !== 0)
    entry('munmap')(task, { name: 'munmap', addr: charged.value, length: bytes })
}

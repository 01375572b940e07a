// What semaphore operations with SEM_UNDO are taken back at a task's end, or when it leaves its IPC namespace (IPC-101).
// semop(2), exit_sem() in ipc/sem.c

import type { Task } from '../task.ts'
import { type SemaphoreSet, semaphoreMax } from './semaphores.ts'

/** Shared with CLONE_SYSVSEM. */
export class UndoList {
  /** What is to be added to each semaphore of a set. */
  readonly adjustments = new Map<SemaphoreSet, number[]>()
  users = 1
}

/** The list of a task, made at the first need. */
function undoOf(task: Task): UndoList {
  task.semaphoreUndo ??= new UndoList()
  return task.semaphoreUndo
}

/** What a task will add to the semaphores of a set at its end. */
export function adjustmentsOf(task: Task, set: SemaphoreSet): number[] {
  const { adjustments } = undoOf(task)
  let known = adjustments.get(set)
  if (known === undefined) {
    known = new Array<number>(set.values.length).fill(0)
    adjustments.set(set, known)
    set.undone.add(known)
  }
  return known
}

/** clone(2) with CLONE_SYSVSEM: both have one list from now on. */
export function shareUndo(parent: Task, child: Task): void {
  const list = undoOf(parent)
  list.users += 1
  child.semaphoreUndo = list
}

/** A task leaves its list; what it holds happens when the last one does. */
export function leaveUndo(task: Task): void {
  const list = task.semaphoreUndo
  if (list === undefined) return
  task.semaphoreUndo = undefined
  list.users -= 1
  if (list.users > 0) return
  for (const [set, adjustments] of list.adjustments) {
    set.undone.delete(adjustments)
    if (set.removed) continue
    for (const [number, adjustment] of adjustments.entries()) {
      if (adjustment === 0) continue
      set.values[number] = Math.min(Math.max(set.values[number]! + adjustment, 0), semaphoreMax)
      set.pids[number] = task.entry.numbers[0]!
    }
    set.operated = task.kernel.now()
    set.changes.wake()
  }
}

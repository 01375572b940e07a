// A process or thread that has ended disappears: its numbers, its place among the children, its share of counts.
// release_task() in kernel/exit.c

import type { PidEntry } from '../ns/pid.ts'
import type { Process } from '../process.ts'
import type { Task } from '../task.ts'
import { uncountTask } from './limits.ts'
import { giveBackNumbers } from './numbers.ts'

/** Its parent has waited for a zombie, or never will. */
export function reap(process: Process): void {
  const { parent, leader, group, session } = process
  process.zombie = false
  if (parent) {
    parent.children.delete(process)
    parent.news.delete(process)
    parent.childChanges.wake()
  }
  leaveGroups(process)
  process.tasks.delete(leader)
  releaseTask(leader)
  giveBackNumbers(group)
  if (session !== group) giveBackNumbers(session)
  process.actions.users -= 1
}

function leaveGroups(process: Process): void {
  process.group.group.delete(process)
  process.session.session.delete(process)
}

/** The process is a member of another group, or session, from now on. */
export function moveToGroup(process: Process, group: PidEntry): void {
  const before = process.group
  before.group.delete(process)
  group.group.add(process)
  process.group = group
  giveBackNumbers(before)
}

export function moveToSession(process: Process, session: PidEntry): void {
  const before = process.session
  before.session.delete(process)
  session.session.add(process)
  process.session = session
  giveBackNumbers(before)
}

/** One thread is gone for good. */
export function releaseTask(task: Task): void {
  const { entry, kernel } = task
  task.state = 'dead'
  kernel.tasks.delete(task.id)
  uncountTask(task)
  task.credentials.namespace.release()
  kernel.cgroups.released(task)
  entry.task = undefined
  entry.changes.wake()
  giveBackNumbers(entry)
}

// Another program for a task: what it keeps, what it loses, and the end of its other threads. begin_new_exec() in fs/exec.c

import { commitCredentials } from '../commit-credentials.ts'
import type { ExecCredentials } from '../exec-credentials.ts'
import { inTime } from '../ns/ladder.ts'
import type { PidEntry } from '../ns/pid.ts'
import { SIG } from '../signal/numbers.ts'
import type { Task } from '../task.ts'
import { leaveTable, release } from '../vfs/open.ts'
import { hold } from '../vfs/path.ts'
import type { Executable } from './exec-file.ts'
import { endTask, leaveMemory } from './exit.ts'
import { ProgramImage } from './image.ts'
import { releaseTask } from './reap.ts'

/** Nothing refuses any more. */
export function execute(
  task: Task,
  { path, program, argv, title, unreadable }: Executable,
  envp: readonly string[],
  { credentials, secure }: ExecCredentials,
): void {
  const { process, kernel } = task
  beAlone(task)
  process.exitSignal = SIG.CHLD
  process.execCount += 1
  process.hasExecuted = true
  if (task.files.users > 1) {
    const own = task.files.copy()
    leaveTable(task.files)
    task.files = own
  }
  const actions = process.actions.withoutHandlers()
  process.actions.users -= 1
  process.actions = actions
  leaveMemory(task, true)
  path.dentry.inode.executions += 1
  const { hugePagesDisabled } = process.image
  process.image = new ProgramImage(hold(path), argv, envp, credentials.namespace)
  process.image.hugePagesDisabled = hugePagesDisabled
  task.namespaces = inTime(task.namespaces)
  closeOnExec(task)
  task.comm = cut(title)
  const { parentDeathSignal } = task
  const { uid, euid, gid, egid } = credentials
  process.image.dumpable = !unreadable && uid === euid && gid === egid && !secure
  // Who gains anything by it is not dumpable either.
  commitCredentials(task, credentials)
  task.parentDeathSignal = secure ? 0 : parentDeathSignal
  task.run = program?.(argv, envp, task)
  if (task.run) kernel.scheduler.runnable.add(task)
  else kernel.scheduler.runnable.delete(task)
}

/** Other threads end, and the one that remains takes over the number of the leader (CLN-058). de_thread() */
function beAlone(task: Task): void {
  const { process } = task
  const { leader } = process
  for (const other of [...process.tasks]) if (other !== task && other.alive) endTask(other)
  if (leader === task) return
  const [entry, old] = [leader.entry, task.entry]
  swap(task, entry)
  swap(leader, old)
  process.leader = task
  process.tasks.delete(leader)
  releaseTask(leader)
}

function swap(task: Task, entry: PidEntry): void {
  task.entry = entry
  entry.task = task
  const { namespace } = entry
  if (entry.numbers[namespace.level] === 1 && namespace.init?.process === task.process) namespace.init = task
}

function closeOnExec(task: Task): void {
  for (const [fd, { closeOnExec }] of task.files.entries()) if (closeOnExec) release(task.files.take(fd)!)
}

/** At most 15 bytes. */
export function cut(text: string): string {
  if (text.length <= 15) return text
  let bytes = 0
  let kept = ''
  for (const character of text) {
    const code = character.codePointAt(0)!
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (bytes > 15) break
    kept += character
  }
  return kept
}

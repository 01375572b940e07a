// The end of threads and processes: what they let go of, in Linux's order, who is told, and what ends with them. do_exit() in
// kernel/exit.c

import { leaveFs } from '../fs-context.ts'
import { leaveUndo } from '../ipc/undo.ts'
import { leaveSet } from '../ns/set.ts'
import type { Ending, Process } from '../process.ts'
import { releaseOrphans } from '../signal/job-control.ts'
import { SIG } from '../signal/numbers.ts'
import { killProcess } from '../signal/send.ts'
import type { Task } from '../task.ts'
import { leaveTable } from '../vfs/open.ts'
import { handOver, leaveChildren, livingThread, tellEnd } from './parents.ts'
import { reap, releaseTask } from './reap.ts'

/** All threads of a process end, unless they are about to already. exit_group(2) */
export function endProcess(process: Process, ending: Ending): void {
  if (process.ending) return
  process.ending = ending
  for (const task of [...process.tasks]) if (task.alive) endTask(task)
}

/** One thread ends. With the last one the process does. exit(2) */
export function endThread(task: Task, code: number): void {
  const { process } = task
  const others = [...process.tasks].some((other) => other !== task && other.alive)
  if (!others) process.ending ??= { code, signal: 0 }
  endTask(task)
}

/** A thread of several ends, whatever its process does. */
export function endTask(task: Task): void {
  const { process, kernel } = task
  kernel.scheduler.abandon(task)
  task.state = 'ending'
  task.run = undefined
  task.seccomp = undefined
  const isLast = livingThread(process) === undefined
  if (isLast && process.realTimer) process.realTimer.set(0, 0)
  leaveMemory(task, isLast)
  leaveUndo(task)
  leaveTable(task.files)
  leaveFs(task.fs)
  if (isLast) leaveTerminal(process)
  leaveSet(task.namespaces)
  kernel.cgroups.exited(task)
  const { namespace } = task.entry
  if (isLast && namespace.init?.process === process) {
    namespace.ownNumbers = task === process.leader ? 1 : 2
    endNamespace(process, () => {
      leaveChildren(process)
      namespace.init = undefined
      threadEnded(task)
    })
    return
  }
  if (isLast) leaveChildren(process)
  else handOver(task)
  threadEnded(task)
}

/** The parent of a vfork(2) goes on. mm_release() */
export function leaveMemory(task: Task, isLast: boolean): void {
  const { vforkDone } = task
  task.vforkDone = undefined
  if (isLast) task.process.image.leave()
  vforkDone?.wake()
}

/** The leader of a session ends: nobody in it has a terminal any more. disassociate_ctty() */
function leaveTerminal(process: Process): void {
  if (process.session === process.leader.entry) process.terminal?.disassociate()
  process.terminal = undefined
}

/**
 * The init of a pid namespace ends: everybody in it is killed and reaped, and it waits until only its own numbers are left
 * (PID-009); zombies whose parent is outside must be waited for there (PID-033). zap_pid_ns_processes()
 */
function endNamespace(init: Process, then: () => void): void {
  const { namespace } = init.leader.entry
  namespace.dying = true
  init.actions.set(SIG.CHLD, { disposition: 'ignore', flags: 0, mask: 0n })
  for (const { task } of [...namespace.entries.values()]) if (task && task.process !== init) killProcess(task.process)
  for (const child of [...init.children]) if (child.zombie) reap(child)
  if (namespace.rebootSignal !== 0) init.ending = { code: 0, signal: namespace.rebootSignal }
  if (namespace.entries.size > namespace.ownNumbers)
    namespace.emptied = () => {
      namespace.emptied = undefined
      then()
    }
  else then()
}

/** A zombie is left of a leader; of other threads nothing. exit_notify() */
function threadEnded(task: Task): void {
  const { process } = task
  if (task === process.leader) task.state = 'zombie'
  else {
    process.tasks.delete(task)
    releaseTask(task)
  }
  if (livingThread(process) !== undefined || process.leader.state !== 'zombie') return
  process.zombie = true
  process.leader.entry.changes.wake()
  releaseOrphans(process, process.parent, true)
  if (tellEnd(process)) reap(process)
}

// Parents: what they are told of their children, and who takes over the children of those that end. kernel/exit.c

import type { Process } from '../process.ts'
import { CLD, fromKernel, type SignalInfo } from '../signal/info.ts'
import { releaseOrphans } from '../signal/job-control.ts'
import { SA, SIG } from '../signal/numbers.ts'
import { sendToProcess } from '../signal/send.ts'
import type { Task } from '../task.ts'
import { reap } from './reap.ts'

export function adopt(parent: Process, parentTask: Task | undefined, child: Process): void {
  child.parent = parent
  child.parentTask = parentTask
  child.childOrder = child.leader.kernel.counters.nextUnique()
  parent.children.add(child)
  if (hasNews(child)) parent.news.add(child)
}

/** Something that wait(2) can tell. */
export const hasNews = (child: Process): boolean =>
  child.zombie || child.continued || (child.stopSignal !== 0 && !child.stopSeen)

/** A child has stopped or goes on. do_notify_parent_cldstop() */
export function tellParent(child: Process, code: number, status: number): void {
  const { parent } = child
  if (parent === undefined) return
  const { disposition, flags } = parent.actions.get(SIG.CHLD)
  if (disposition !== 'ignore' && !(flags & SA.NOCLDSTOP))
    sendToProcess(parent, childInfo(child, parent, code, status, SIG.CHLD))
  parent.news.add(child)
  parent.childChanges.wake()
}

/** A child has ended. Answers whether nobody is to wait for it: SIGCHLD is ignored (PID-016). do_notify_parent() */
export function tellEnd(child: Process): boolean {
  const { parent } = child
  if (parent === undefined) return false
  let signal = child.exitSignal
  if (signal !== SIG.CHLD && child.parentExecCount !== parent.execCount) signal = SIG.CHLD
  const { disposition, flags } = parent.actions.get(SIG.CHLD)
  const forgets = signal === SIG.CHLD && (disposition === 'ignore' || (flags & SA.NOCLDWAIT) !== 0)
  // A wait(2) that the signal disturbs finds the child before it thinks of the signal.
  if (!forgets) parent.news.add(child)
  if (signal !== 0 && !(forgets && disposition === 'ignore')) {
    const { code, signal: by } = child.ending!
    sendToProcess(parent, childInfo(child, parent, by ? CLD.KILLED : CLD.EXITED, by || code, signal))
  }
  parent.news.add(child)
  parent.childChanges.wake()
  return forgets
}

function childInfo(child: Process, parent: Process, code: number, status: number, signal: number): SignalInfo {
  const { leader } = parent
  return {
    signal,
    code,
    pid: child.leader.entry.in(leader.pidNamespace) ?? 0,
    uid: leader.credentials.namespace.shownUid(child.leader.credentials.uid),
    status,
  }
}

/** A thread ends whose process goes on: another thread takes over its children (PID-012). */
export function handOver(task: Task): void {
  const { process } = task
  let other: Task | undefined
  for (const child of process.children) {
    if (child.parentTask !== task) continue
    other ??= livingThread(process)
    child.parentTask = other
    tellDeath(child)
  }
}

/** A process has ended: its children get another parent. forget_original_parent() */
export function leaveChildren(process: Process): void {
  if (process.children.size === 0) return
  const reaper = reaperOf(process)
  const thread = reaper && livingThread(reaper)
  for (const child of [...process.children]) {
    process.children.delete(child)
    process.news.delete(child)
    child.exitSignal = SIG.CHLD
    if (reaper === undefined) {
      child.parent = undefined
      child.parentTask = undefined
      continue
    }
    adopt(reaper, thread, child)
    tellDeath(child)
    if (child.zombie && tellEnd(child)) reap(child)
    else releaseOrphans(child, process, false)
  }
}

/** PDEATHSIG (PID-026). A long line of processes may end one after the other of it. */
function tellDeath(child: Process): void {
  const { scheduler } = child.leader.kernel
  for (const { parentDeathSignal: signal } of child.tasks)
    if (signal !== 0) scheduler.later(() => sendToProcess(child, fromKernel(signal), false))
}

export function livingThread(process: Process): Task | undefined {
  for (const task of process.tasks) if (task.alive) return task
  return undefined
}

/**
 * Searched from the side of the process that ends: the nearest ancestor in its pid namespace that is a subreaper, else the
 * namespace's init (PID-012, PID-014). find_new_reaper()
 */
function reaperOf(process: Process): Process | undefined {
  const { namespace } = process.leader.entry
  for (let at = process.parent; at && at.leader.entry.namespace === namespace; at = at.parent)
    if (at.subreaper && livingThread(at)) return at
  return namespace.init?.process
}

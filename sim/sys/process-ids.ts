// Who a task is: its numbers, its parent's, its group and session. getpid(2), getppid(2), gettid(2), setpgid(2), setsid(2)

import { moveToGroup, moveToSession } from '../life/reap.ts'
import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Process } from '../process.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { int } from './arguments.ts'

/** How a task sees numbers: 0 is what is outside of its pid namespace (PID-001). */
const seen = (task: Task, entry: PidEntry): number => entry.in(task.pidNamespace) ?? 0

const own = ({ numbers, namespace }: PidEntry): number => numbers[namespace.level]!

function getppid(task: Task): number {
  const { parent } = task.process
  return parent ? seen(task, parent.leader.entry) : 0
}

function processOf(task: Task, pid: number, call: string): Process | Denied {
  if (pid === 0) return task.process
  const process = task.pidNamespace.find(pid)?.task?.process
  return process ?? deny('ESRCH', call, `${call}: there is no process ${pid}`)
}

/** The checks are in Linux's order. setpgid() in kernel/sys.c */
function setpgid(task: Task, pid: number, pgid: number): number | Denied {
  const call = 'setpgid(2)'
  const { process: own } = task
  const number = pid === 0 ? seen(task, own.leader.entry) : pid
  const wanted = pgid === 0 ? number : pgid
  if (wanted < 0) return deny('EINVAL', call, `${call}: the group has a negative number`)
  const member = task.pidNamespace.find(number)?.task
  if (member === undefined) return deny('ESRCH', call, `${call}: there is no process ${number}`)
  const { process } = member
  if (process.leader !== member) return deny('EINVAL', call, `${call}: ${number} is a thread`)
  if (process.parent === own) {
    if (process.session !== own.session) return deny('EPERM', call, `${call}: the child is in another session`)
    if (process.hasExecuted) return deny('EACCES', call, `${call}: the child has run execve(2) already`)
  } else if (process !== own)
    return deny('ESRCH', call, `${call}: ${number} is neither the caller nor a child of the caller`)
  if (process.session === member.entry)
    return deny('EPERM', call, `${call}: the leader of a session stays in its group`)
  let group: PidEntry | undefined = member.entry
  if (wanted !== number) {
    group = task.pidNamespace.find(wanted)
    const [first] = group?.group ?? []
    if (first === undefined || first.session !== own.session)
      return deny('EPERM', call, `${call}: the session has no process group ${wanted}`)
  }
  if (process.group !== group) moveToGroup(process, group!)
  return 0
}

function setsid(task: Task): number | Denied {
  const { process } = task
  const { entry } = process.leader
  if (process.session === entry || entry.group.size > 0)
    return deny('EPERM', 'setsid(2)', 'setsid(2): the caller leads a process group already')
  moveToSession(process, entry)
  moveToGroup(process, entry)
  process.terminal = undefined
  return seen(task, entry)
}

export const calls: Calls = {
  getpid: full((task) => own(task.process.leader.entry)),
  gettid: full((task) => own(task.entry)),
  getppid: full(getppid),
  getpgrp: full((task) => seen(task, task.process.group)),
  getpgid: full((task, { pid }) => {
    const process = processOf(task, int(pid), 'getpgid(2)')
    return isDenied(process) ? process : seen(task, process.group)
  }),
  getsid: full((task, { pid }) => {
    const process = processOf(task, int(pid), 'getsid(2)')
    return isDenied(process) ? process : seen(task, process.session)
  }),
  setpgid: full((task, { pid, pgid }) => setpgid(task, int(pid), int(pgid))),
  setsid: full(setsid),
}

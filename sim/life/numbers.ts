// Numbers of tasks: taken in every pid namespace that sees them, given back when nothing bears them any more. kernel/pid.c

import { type Credentials, capable } from '../credentials.ts'
import type { Pid } from '../ids.ts'
import { PidEntry, type PidNamespace } from '../ns/pid.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'

/** After a round through all numbers, those below are left to daemons (PID-019). */
const reserved = 300

/** One more than the highest number. Before Linux 6.14 there was one for all namespaces (PID-101). */
export function pidMaxOf(task: Task, namespace: PidNamespace): number {
  return task.kernel.since(6, 14) ? namespace.pidMax : task.kernel.initial.pid.pidMax
}

/**
 * Numbers for a new task, in its namespace and in all above. What was tried stays burnt when it fails later (CLN-103).
 *
 * @param wanted - numbers from the innermost namespace outwards (CLN-015); empty leaves it to the kernel
 * @errors EINVAL, EPERM, EEXIST of wanted numbers; EAGAIN none is free; ENOMEM the namespace's init has ended (PID-010)
 */
export function takeNumbers(
  task: Task,
  namespace: PidNamespace,
  wanted: readonly number[],
  call: string,
): PidEntry | Denied {
  if (wanted.length > namespace.level + 1)
    return deny('EINVAL', 'CLN-015', `${call}: set_tid has more numbers than there are pid namespaces`)
  const numbers: Pid[] = new Array(namespace.level + 1)
  let at: PidNamespace | undefined = namespace
  for (; at; at = at.parent) {
    const tid = wanted[namespace.level - at.level]
    const number = tid === undefined ? nextNumber(task, at, call) : wantedNumber(task, at, tid, call)
    if (isDenied(number)) {
      // A namespace without any number starts again at 1.
      if (namespace.entries.size === 0 && !namespace.dying) namespace.last = 0 as Pid
      return number
    }
    numbers[at.level] = number
    if (tid === undefined) at.last = number
  }
  if (namespace.dying)
    return deny(
      'ENOMEM',
      'PID-010',
      `${call}: process 1 of the pid namespace has ended: no task is born there any more`,
    )
  const entry = new PidEntry(namespace, numbers)
  for (at = namespace; at; at = at.parent) at.entries.set(numbers[at.level]!, entry)
  namespace.retain()
  return entry
}

/** The next that is free after the last one (PID-018); after the highest it goes on at 300. */
function nextNumber(task: Task, namespace: PidNamespace, call: string): Pid | Denied {
  const max = pidMaxOf(task, namespace)
  const { entries } = namespace
  const start = namespace.last + 1
  for (let number = start; number < max; number++) if (!entries.has(number as Pid)) return number as Pid
  const lowest = start > reserved ? reserved : 1
  for (let number = lowest; number < Math.min(start, max); number++)
    if (!entries.has(number as Pid)) return number as Pid
  return deny('EAGAIN', 'PID-019', `${call}: no number below kernel.pid_max (${max}) is free`)
}

function wantedNumber(task: Task, namespace: PidNamespace, tid: number, call: string): Pid | Denied {
  const max = pidMaxOf(task, namespace)
  if (tid < 1 || tid >= max) return deny('EINVAL', 'CLN-015', `${call}: set_tid wants a number from 1 to ${max - 1}`)
  if (tid !== 1 && namespace.init === undefined)
    return deny('EINVAL', 'CLN-015', `${call}: the first process of a pid namespace has number 1`)
  if (!mayChoose(task.credentials, namespace))
    return deny(
      'EPERM',
      'CLN-015',
      `${call}: set_tid needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE over the pid namespace`,
    )
  if (namespace.entries.has(tid as Pid)) return deny('EEXIST', 'CLN-015', `${call}: the number ${tid} is taken`)
  return tid as Pid
}

const mayChoose = (who: Credentials, { owner }: PidNamespace): boolean =>
  capable(who, 'CHECKPOINT_RESTORE', owner) || capable(who, 'SYS_ADMIN', owner)

/** Gives numbers back, unless a task, a group or a session bears them still. */
export function giveBackNumbers(entry: PidEntry): void {
  if (entry.task || entry.group.size > 0 || entry.session.size > 0) return
  const { namespace, numbers } = entry
  for (let at: PidNamespace | undefined = namespace; at; at = at.parent) {
    const number = numbers[at.level]!
    if (at.entries.get(number) !== entry) return
    at.entries.delete(number)
    if (at.entries.size === 0 && at.init === undefined) at.dying = true
    if (at.entries.size === at.ownNumbers && at.emptied) at.emptied()
  }
  namespace.release()
}

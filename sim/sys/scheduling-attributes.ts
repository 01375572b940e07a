// Scheduling by attributes, and priorities of I/O. sched_setattr(2), ioprio_set(2)

import { capable } from '../credentials.ts'
import { deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, uint } from './arguments.ts'
import { DEADLINE, isRealTime, mayChange, policies } from './policies.ts'
import { mayLowerNice, outranked, taskOf } from './processors.ts'

const FLAG = { RESET_ON_FORK: 1, KEEP_POLICY: 8, KEEP_PARAMS: 16, UTIL_CLAMP: 0x60, ALL: 0x7f } as const
const attrBytes = 48
const attrBytesMost = 4096

/** @errors E2BIG a size that is none, or with more than is known; EINVAL as sched_setscheduler(2). sched_setattr(2) */
function setAttr(task: Task, pid: number, bytes: Uint8Array, flags: number): Reply {
  const call = 'sched_setattr(2)'
  const invalid = (why: string) => deny('EINVAL', 'CPU-103', `${call}: ${why}`)
  if (pid < 0 || flags !== 0) return invalid('a negative number, or unknown flags')
  if (bytes.length < attrBytes) return deny('EFAULT', call, `${call}: the attributes are too short`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = view.getUint32(0, true) || attrBytes
  if (size < attrBytes || size > attrBytesMost || bytes.slice(56, size).some((byte) => byte !== 0))
    return deny('E2BIG', call, `${call}: no attributes have this size`)
  const wishes = view.getUint32(8, true)
  if (wishes & FLAG.UTIL_CLAMP) return deny('ENOSYS', call, `${call}: utilisation is not modelled`)
  const asked = view.getInt32(4, true)
  if (asked < 0) return invalid('a negative policy')
  const target = taskOf(task, pid, call)
  if (isDenied(target)) return target
  const { scheduling } = target
  const policy = wishes & FLAG.KEEP_POLICY ? scheduling.policy : asked
  const keeps = (wishes & FLAG.KEEP_PARAMS) !== 0
  const priority = keeps ? scheduling.priority : view.getUint32(20, true)
  if (!policies.has(policy) || wishes & ~FLAG.ALL || view.getUint32(12, true) !== 0)
    return invalid('there is no such policy or flag')
  if (policy === DEADLINE) return deny('ENOSYS', call, `${call}: SCHED_DEADLINE is not modelled`)
  if (priority > 99 || isRealTime(policy) !== priority > 0)
    return invalid('priorities are 1 to 99 of real-time policies, and 0 of others')
  const nice = keeps || isRealTime(policy) ? target.nice : Math.min(Math.max(view.getInt32(16, true), -20), 19)
  if (!mayLowerNice(task, target, nice))
    return deny('EPERM', 'CPU-103', `${call}: a lower nice value needs CAP_SYS_NICE, or RLIMIT_NICE`)
  const refusal = mayChange(task, target, policy, priority, call) ?? outranked(task, target, call)
  if (refusal) return refusal
  target.scheduling = { policy, priority, resetOnFork: (wishes & FLAG.RESET_ON_FORK) !== 0 }
  task.kernel.cpu?.update()
  target.nice = nice
  task.kernel.cpu?.changed(target)
  return 0
}

/** Class and level of I/O, for one task; nobody is preferred by it. ioprio_set(2) */
function setIoPriority(task: Task, which: number, who: number, value: number): Reply {
  const call = 'ioprio_set(2)'
  const [kind, level] = [value >> 13, value & 7]
  if (kind === 1 && !capable(task.credentials, 'SYS_ADMIN', task.kernel.initial.user) && !isNicer(task))
    return deny('EPERM', call, `${call}: the real-time class needs CAP_SYS_NICE`)
  if (kind < 0 || kind > 3 || (kind === 0 && level !== 0))
    return deny('EINVAL', call, `${call}: there is no such class or level`)
  if (which === 2 || which === 3) return deny('ENOSYS', call, `${call}: groups and users are not modelled`)
  if (which !== 1) return deny('EINVAL', call, `${call}: it is for a process, a group or a user`)
  const target = taskOf(task, who, call)
  if (isDenied(target)) return target
  const { euid, uid } = task.credentials
  if (target.credentials.uid !== euid && target.credentials.uid !== uid && !isNicer(task))
    return deny('EPERM', call, `${call}: the task is another user's`)
  return 0
}

const isNicer = (task: Task): boolean => capable(task.credentials, 'SYS_NICE', task.kernel.initial.user)

export const calls = {
  sched_setattr: partial(
    'no SCHED_DEADLINE, no clamps of utilisation; nobody is preferred',
    (task, { pid, attr, flags }) => setAttr(task, int(pid), attr, uint(flags)),
  ),
  ioprio_set: partial('of one task; nobody is preferred', (task, { which, who, ioprio }) =>
    setIoPriority(task, int(which), int(who), int(ioprio)),
  ),
} satisfies Calls

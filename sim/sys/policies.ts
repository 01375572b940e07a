// Scheduling policies of tasks: kept and inherited, with the rights that real-time ones need. The scheduler does not prefer
// anybody by them. sched(7), sched_setscheduler(2)

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int } from './arguments.ts'
import { mayArrange, outranked, taskOf } from './processors.ts'

const [FIFO, RR] = [1, 2] as const
export const DEADLINE = 6
export const policies = new Set([0, FIFO, RR, 3, 5, DEADLINE])
const RESET_ON_FORK = 0x40000000
const RLIMIT_RTPRIO = 14

export const isRealTime = (policy: number): boolean => policy === FIFO || policy === RR

const priorityIn = (param: Uint8Array): number =>
  new DataView(param.buffer, param.byteOffset, param.byteLength).getInt32(0, true)

/** What a task may become without CAP_SYS_NICE. user_check_sched_setscheduler() */
export function mayChange(
  task: Task,
  target: Task,
  policy: number,
  priority: number,
  call: string,
): Denied | undefined {
  const no = (why: string) => deny('EPERM', 'CPU-103', `${call}: ${why}`)
  const { scheduling } = target
  const isNice = capable(task.credentials, 'SYS_NICE', task.kernel.initial.user)
  if (isNice) return undefined
  if (!mayArrange(task, target)) return no("the task is another user's")
  if (isRealTime(policy)) {
    const most = target.process.limits.get(RLIMIT_RTPRIO)?.soft ?? 0
    if (policy !== scheduling.policy && most === 0) return no('a real-time policy needs CAP_SYS_NICE, or RLIMIT_RTPRIO')
    if (priority > scheduling.priority && priority > most) return no('the priority is above RLIMIT_RTPRIO')
  }
  if (scheduling.resetOnFork) return no('what is reset on fork stays so')
  return undefined
}

/**
 * @errors EINVAL no policy, or a priority that it has not; ESRCH no such task; EPERM rights
 * @param asked - undefined: the policy stays
 */
function setScheduler(task: Task, pid: number, asked: number | undefined, param: Uint8Array, call: string): Reply {
  const invalid = (why: string) => deny('EINVAL', 'CPU-103', `${call}: ${why}`)
  if (pid < 0 || param.length < 4 || (asked !== undefined && asked < 0)) return invalid('a negative number')
  const target = taskOf(task, pid, call)
  if (isDenied(target)) return target
  const policy = asked === undefined ? target.scheduling.policy : asked & ~RESET_ON_FORK
  const priority = priorityIn(param)
  if (!policies.has(policy) || policy === DEADLINE) return invalid('there is no such policy for this call')
  if (isRealTime(policy) ? priority < 1 || priority > 99 : priority !== 0)
    return invalid('priorities are 1 to 99 of real-time policies, and 0 of others')
  const refusal = mayChange(task, target, policy, priority, call) ?? outranked(task, target, call)
  if (refusal) return refusal
  const resetOnFork = asked === undefined ? target.scheduling.resetOnFork : (asked & RESET_ON_FORK) !== 0
  target.scheduling = { policy, priority, resetOnFork }
  return 0
}

function found(task: Task, pid: number, call: string): Task | Denied {
  return pid < 0 ? deny('EINVAL', 'CPU-103', `${call}: a negative number`) : taskOf(task, pid, call)
}

/** One end of the priorities of a policy. */
function range(policy: number, realTime: number, call: string): Reply {
  if (!policies.has(policy)) return deny('EINVAL', 'CPU-103', `${call}: there is no such policy`)
  return isRealTime(policy) ? realTime : 0
}

const number32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)

export const calls = {
  // Tasks wait for their turn on no processor in particular: the first that they may use.
  getcpu: partial('the first processor that the task may use', (task) => {
    const allowed = task.kernel.cpuset?.allowed(task) ?? 1n
    let cpu = 0
    while (((allowed >> BigInt(cpu)) & 1n) === 0n) cpu += 1
    return { value: 0, data: number32(cpu) }
  }),
  sched_get_priority_max: full((_task, { policy }) => range(int(policy), 99, 'sched_get_priority_max(2)')),
  sched_get_priority_min: full((_task, { policy }) => range(int(policy), 1, 'sched_get_priority_min(2)')),
  sched_getparam: full((task, { pid }) => {
    const target = found(task, int(pid), 'sched_getparam(2)')
    return isDenied(target) ? target : { value: 0, data: number32(target.scheduling.priority) }
  }),
  sched_getscheduler: full((task, { pid }) => {
    const target = found(task, int(pid), 'sched_getscheduler(2)')
    if (isDenied(target)) return target
    const { policy, resetOnFork } = target.scheduling
    return policy + (resetOnFork ? RESET_ON_FORK : 0)
  }),
  sched_setparam: partial('nobody is preferred', (task, { pid, param }) =>
    setScheduler(task, int(pid), undefined, param, 'sched_setparam(2)'),
  ),
  sched_setscheduler: partial('nobody is preferred', (task, { pid, policy, param }) =>
    setScheduler(task, int(pid), int(policy), param, 'sched_setscheduler(2)'),
  ),
} satisfies Calls

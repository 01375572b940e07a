// Limits and use of resources: getrlimit, setrlimit, prlimit64, getrusage, times. getrlimit(2), getrusage(2), times(2)

import type { Rlimit } from '../../core/syscall.ts'
import { residentPages } from '../address-space.ts'
import { capable } from '../credentials.ts'
import { descriptorsMost, limitOf, limitsCount, RLIMIT } from '../life/limits.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import type { ResourceLimit } from '../process.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, uint } from './arguments.ts'

const infinity = 2n ** 64n - 1n
const fromCall = (value: bigint): number | undefined => (value === infinity ? undefined : Number(value))
const toCall = (value: number | undefined): bigint => (value === undefined ? infinity : BigInt(value))
const beyond = (value: number | undefined, limit: number | undefined): boolean =>
  limit !== undefined && (value === undefined || value > limit)

function told({ soft, hard }: ResourceLimit): Outcome {
  const data = new Uint8Array(16)
  const view = new DataView(data.buffer)
  view.setBigUint64(0, toCall(soft), true)
  view.setBigUint64(8, toCall(hard), true)
  return { value: 0, data }
}

/** Answers the old limit. do_prlimit() in kernel/sys.c */
function change(task: Task, target: Task, resource: number, wanted: Rlimit | null, call: string): Reply {
  if (resource >= limitsCount) return deny('EINVAL', call, `${call}: there is no such resource`)
  const before = limitOf(target, resource)
  if (wanted === null) return told(before)
  const next = { soft: fromCall(wanted.soft), hard: fromCall(wanted.hard) }
  if (beyond(next.soft, next.hard)) return deny('EINVAL', call, `${call}: the soft limit is above the hard one`)
  if (resource === RLIMIT.NOFILE && beyond(next.hard, descriptorsMost))
    return deny('EPERM', call, `${call}: RLIMIT_NOFILE is at most fs.nr_open`)
  if (beyond(next.hard, before.hard) && !capable(task.credentials, 'SYS_RESOURCE', task.kernel.initial.user))
    return deny(
      'EPERM',
      'USR-107',
      `${call}: raising a hard limit needs CAP_SYS_RESOURCE in the initial user namespace`,
    )
  target.process.limits = new Map(target.process.limits).set(resource, next)
  return told(before)
}

/** Whose limits they are. check_prlimit_permission() */
function targetOf(task: Task, pid: number): Task | Denied {
  const call = 'prlimit(2)'
  if (pid === 0) return task
  const target = task.pidNamespace.find(pid)?.task
  if (target === undefined) return deny('ESRCH', call, `${call}: there is no process ${pid}`)
  if (target === task) return target
  const { uid, gid } = task.credentials
  const of = target.credentials
  const same =
    [of.uid, of.euid, of.suid].every((id) => id === uid) && [of.gid, of.egid, of.sgid].every((id) => id === gid)
  if (same || capable(task.credentials, 'SYS_RESOURCE', of.namespace)) return target
  return deny('EPERM', call, `${call}: another user's process, and no CAP_SYS_RESOURCE in its user namespace`)
}

/** SELF, CHILDREN, THREAD. */
const whose: ReadonlySet<number> = new Set([0, -1, 1])

/** Clock ticks since the machine was switched on, a hundred each second; what the process has had of processors, as data. */
function times(task: Task): Outcome {
  const data = new Uint8Array(32)
  new DataView(data.buffer).setBigInt64(0, BigInt(Math.floor(hadNs(task, RUSAGE_SELF) / 1e7)), true)
  return { value: Math.floor(task.kernel.clock.nowNs / 1e7), data }
}

const RUSAGE_SELF = 0
const RUSAGE_CHILDREN = -1

/** Processor time of a thread or of all that live of a process; all of it is user time. */
function hadNs(task: Task, who: number): number {
  task.kernel.cpu?.update()
  if (who === RUSAGE_CHILDREN) return 0
  if (who !== RUSAGE_SELF) return task.cpuNs
  let sum = 0
  for (const { cpuNs } of task.process.tasks) sum += cpuNs
  return sum
}

/** struct rusage: ru_utime, and ru_maxrss in KiB. */
function usage(task: Task, who: number): Outcome {
  const data = new Uint8Array(144)
  const view = new DataView(data.buffer)
  const usec = Math.floor(hadNs(task, who) / 1000)
  view.setBigInt64(0, BigInt(Math.floor(usec / 1e6)), true)
  view.setBigInt64(8, BigInt(usec % 1e6), true)
  const { space } = task.process.image
  if (who !== RUSAGE_CHILDREN && space) view.setBigInt64(32, BigInt(residentPages(space) * 4), true)
  return { value: 0, data }
}

export const calls: Calls = {
  getrlimit: full((task, { resource }) => change(task, task, uint(resource), null, 'getrlimit(2)')),
  setrlimit: full((task, { resource, rlim }) => {
    if (rlim === null) return deny('EFAULT', 'setrlimit(2)', 'setrlimit(2): the limits are no pointer')
    const reply = change(task, task, uint(resource), rlim, 'setrlimit(2)')
    return isDenied(reply) ? reply : 0
  }),
  prlimit64: full((task, { pid, resource, new_limit }) => {
    const target = targetOf(task, int(pid))
    return isDenied(target) ? target : change(task, target, uint(resource), new_limit, 'prlimit(2)')
  }),
  getrusage: partial('processor time of what lives, and memory as it is now', (task, { who }) =>
    whose.has(int(who))
      ? usage(task, int(who))
      : deny('EINVAL', 'getrusage(2)', 'getrusage(2): this is none of RUSAGE_*'),
  ),
  times: partial('processor time of children is not counted', times),
}

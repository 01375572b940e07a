// Resource limits: what a machine starts with, how many processes each user has, and how large queues. getrlimit(2)

import { type Credentials, capable } from '../credentials.ts'
import type { KUid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny } from '../outcome.ts'
import type { ResourceLimit } from '../process.ts'
import type { Task } from '../task.ts'

/** asm-generic/resource.h */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const
export const limitsCount = 16

/** fs.nr_open: RLIMIT_NOFILE is never higher. */
export const descriptorsMost = 1_048_576

const both = (value: number | undefined): ResourceLimit => ({ soft: value, hard: value })

/** INIT_RLIMITS, and what depends on the memory. */
export function initialLimits(kernel: Kernel): Map<number, ResourceLimit> {
  // Half of the threads that an eighth of the memory could hold the stacks of. set_max_threads() in kernel/fork.c
  const threadsMax = Math.min(Math.floor(kernel.config.memoryBytes / (8 * 16384)), 2 ** 22)
  const processes = both(Math.floor(threadsMax / 2))
  return new Map<number, ResourceLimit>([
    [RLIMIT.STACK, { soft: 8_388_608, hard: undefined }],
    [RLIMIT.CORE, { soft: 0, hard: undefined }],
    [RLIMIT.NPROC, processes],
    [RLIMIT.NOFILE, { soft: 1024, hard: 4096 }],
    [RLIMIT.MEMLOCK, both(8_388_608)],
    [RLIMIT.SIGPENDING, processes],
    [RLIMIT.MSGQUEUE, both(819_200)],
    [RLIMIT.NICE, both(0)],
    [RLIMIT.RTPRIO, both(0)],
  ])
}

const unlimited: ResourceLimit = { soft: undefined, hard: undefined }

export const limitOf = (task: Task, resource: number): ResourceLimit => task.process.limits.get(resource) ?? unlimited

/** A task more for its user, here and (for the creator of each user namespace) above. inc_rlimit_ucounts() */
export function countTask(task: Task, credentials: Credentials): void {
  task.countedAs = credentials
  add('tasks', credentials, 1)
}

/** It has been reaped, or is of another user from now on. */
export function uncountTask(task: Task): void {
  if (task.countedAs) add('tasks', task.countedAs, -1)
  task.countedAs = undefined
}

type Counted = keyof UserNamespace['counted']

function add(what: Counted, { uid, namespace }: Credentials, difference: number): void {
  let user: KUid = uid
  for (let ns: UserNamespace | undefined = namespace; ns; user = ns.ownerUid, ns = ns.parent) {
    const counts = ns.counted[what]
    const count = (counts.get(user) ?? 0) + difference
    if (count === 0) counts.delete(user)
    else counts.set(user, count)
  }
}

/** Whether the machine has as many threads as kernel.threads-max allows, whoever asks (CLN-101). */
export function threadsLeft({ kernel }: Task, call: string): Denied | undefined {
  const most = kernel.sysctls.get('threads-max')
  if (most === undefined || kernel.initial.pid.entries.size < most) return undefined
  return deny('EAGAIN', 'CLN-101', `${call}: the machine has as many threads as kernel.threads-max allows`)
}

/** Whether one process more would exceed RLIMIT_NPROC, here or for who made a user namespace above (CLN-102). */
export function mayFork(task: Task, as: Credentials, call: string): Denied | undefined {
  if (as.uid === 0 || !isOver('tasks', as, limitOf(task, RLIMIT.NPROC).soft, 1)) return undefined
  const { credentials, kernel } = task
  const { user } = kernel.initial
  if (capable(credentials, 'SYS_RESOURCE', user) || capable(credentials, 'SYS_ADMIN', user)) return undefined
  return deny('EAGAIN', 'CLN-102', `${call}: the user has as many processes as RLIMIT_NPROC allows`)
}

/** Whether a user has more processes than RLIMIT_NPROC allows, but for some. */
export function exceedsProcesses(task: Task, others: number): boolean {
  const { credentials } = task
  return credentials.uid !== 0 && isOver('tasks', credentials, limitOf(task, RLIMIT.NPROC).soft, -others)
}

/** is_rlimit_overlimit() in kernel/ucount.c */
function isOver(what: Counted, { uid, namespace }: Credentials, limit: number | undefined, more: number): boolean {
  let user: KUid = uid
  let most = limit
  for (let ns: UserNamespace | undefined = namespace; ns; user = ns.ownerUid, most = ns.most[what], ns = ns.parent)
    if (most !== undefined && (ns.counted[what].get(user) ?? 0) + more > most) return true
  return false
}

/** Bytes of a message queue, charged to its creator for as long as it is there; false: RLIMIT_MSGQUEUE forbids it. */
export function chargeQueue(task: Task, bytes: number): boolean {
  if (isOver('queueBytes', task.credentials, limitOf(task, RLIMIT.MSGQUEUE).soft, bytes)) return false
  add('queueBytes', task.credentials, bytes)
  return true
}

export const unchargeQueue = (creator: Credentials, bytes: number): void => add('queueBytes', creator, -bytes)

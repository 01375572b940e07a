// Where tasks run and how much of it they get: sched_setaffinity(2), getpriority(2)

import { bytesOf, firstCpus, maskOf } from '../cpu/mask.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, uint } from './arguments.ts'

/** More is not looked at: 8192 processors. */
const maskBytesMost = 1024

/** The task of a number as the caller says it; 0 is itself. */
export function taskOf(task: Task, pid: number, call: string): Task | Denied {
  if (pid === 0) return task
  const found = pid < 0 ? undefined : task.pidNamespace.find(pid)?.task
  return found ?? deny('ESRCH', call, `${call}: there is no task ${pid}`)
}

/** Whose affinity and priority may be changed: one's own user's, or anybody's with CAP_SYS_NICE. */
export function mayArrange(task: Task, target: Task): boolean {
  const { euid } = task.credentials
  const { uid, euid: its, namespace } = target.credentials
  return euid === uid || euid === its || capable(task.credentials, 'SYS_NICE', namespace)
}

/** Who may do less does not arrange who may do more. cap_safe_nice() in security/commoncap.c */
export function outranked(task: Task, target: Task, call: string): Denied | undefined {
  if (!(target.credentials.permitted & ~task.credentials.permitted)) return undefined
  if (capable(task.credentials, 'SYS_NICE', target.credentials.namespace)) return undefined
  return deny('EPERM', 'capabilities(7)', `${call}: the process has capabilities that the caller lacks`)
}

function setAffinity(task: Task, pid: number, bytes: Uint8Array): Reply {
  const call = 'sched_setaffinity(2)'
  const target = taskOf(task, pid, call)
  if (isDenied(target)) return target
  if (!mayArrange(task, target)) return deny('EPERM', call, `${call}: the task is another user's`)
  const refusal = outranked(task, target, call)
  if (refusal) return refusal
  const { kernel } = task
  const wanted = maskOf(bytes) & firstCpus(kernel.config.cpus)
  const had = target.affinity
  kernel.cpu?.update()
  target.affinity = undefined
  const there = kernel.cpuset?.allowed(target) ?? firstCpus(kernel.config.cpus)
  target.affinity = had
  if ((wanted & there) === 0n) return deny('EINVAL', 'CST-104', `${call}: none of these processors is in the cpuset`)
  target.affinity = wanted
  kernel.cpu?.changed(target)
  return 0
}

/** Answers how many bytes the kernel's own mask has. */
function getAffinity(task: Task, pid: number, length: number): Reply {
  const call = 'sched_getaffinity(2)'
  const { kernel } = task
  if (length * 8 < kernel.config.cpus || length % 8 !== 0)
    return deny('EINVAL', call, `${call}: the mask is no whole words, or shorter than there are processors`)
  const target = taskOf(task, pid, call)
  if (isDenied(target)) return target
  const value = Math.min(length, Math.ceil(kernel.config.cpus / 64) * 8)
  return { value, data: bytesOf(kernel.cpuset?.allowed(target) ?? firstCpus(kernel.config.cpus), value) }
}

const RLIMIT_NICE = 13

/** Tasks that PRIO_PROCESS, PRIO_PGRP or PRIO_USER mean. */
function meant(task: Task, which: number, who: number, call: string): readonly Task[] | Denied {
  if (which < 0 || which > 2) return deny('EINVAL', call, `${call}: this is none of PRIO_*`)
  const none = deny('ESRCH', call, `${call}: nobody is meant`)
  if (which === 0) {
    const one = taskOf(task, who, call)
    return isDenied(one) ? one : [one]
  }
  if (which === 1) {
    const group = who === 0 ? task.process.group : task.pidNamespace.find(who)
    // Who came last stands first. attach_pid() in kernel/pid.c
    const tasks = [...(group?.group ?? [])].reverse().flatMap((process) => [...process.tasks])
    return tasks.length > 0 ? tasks : none
  }
  const uid = who === 0 ? task.credentials.uid : task.credentials.namespace.kuid(who)
  const tasks = [...task.kernel.tasks.values()].filter((each) => each.alive && each.credentials.uid === uid)
  return tasks.length > 0 ? tasks : none
}

/** Whether a task may give another this nice value, as far as it is a lower one. is_nice_reduction() and CAP_SYS_NICE */
export function mayLowerNice(task: Task, target: Task, nice: number): boolean {
  const limit = target.process.limits.get(RLIMIT_NICE)
  const lowest = limit ? 20 - (limit.soft ?? 40) : 20
  return nice >= target.nice || nice >= lowest || capable(task.credentials, 'SYS_NICE', task.kernel.initial.user)
}

/** Why one task's nice value is not set. set_one_prio() in kernel/sys.c */
function mayNotSet(task: Task, target: Task, nice: number, call: string): Denied | undefined {
  if (!mayArrange(task, target)) return deny('EPERM', call, `${call}: the process is another user's`)
  if (!mayLowerNice(task, target, nice))
    return deny('EACCES', call, `${call}: a lower nice value needs CAP_SYS_NICE, or RLIMIT_NICE`)
  return outranked(task, target, call)
}

/** Of several it sets those that it may, and answers why it did not set the last of the others. */
function setPriority(task: Task, which: number, who: number, priority: number): Reply {
  const call = 'setpriority(2)'
  const tasks = meant(task, which, who, call)
  if (isDenied(tasks)) return tasks
  const nice = Math.min(19, Math.max(-20, priority))
  const { kernel } = task
  let refusal: Denied | undefined
  kernel.cpu?.update()
  for (const each of tasks) {
    const denied = mayNotSet(task, each, nice, call)
    refusal = denied ?? refusal
    if (denied) continue
    each.nice = nice
    kernel.cpu?.changed(each)
  }
  return refusal ?? 0
}

export const calls = {
  sched_setaffinity: full((task, { pid, cpusetsize, mask }) =>
    setAffinity(task, int(pid), mask.subarray(0, Math.min(uint(cpusetsize), maskBytesMost))),
  ),
  sched_getaffinity: full((task, { pid, cpusetsize }) => getAffinity(task, int(pid), uint(cpusetsize))),
  // The kernel answers 20 minus the nice value, so that no answer looks like an errno.
  getpriority: partial('PRIO_USER walks through all tasks', (task, { which, who }) => {
    const tasks = meant(task, int(which), int(who), 'getpriority(2)')
    return isDenied(tasks) ? tasks : 20 - Math.min(...tasks.map(({ nice }) => nice))
  }),
  setpriority: partial('PRIO_USER walks through all tasks', (task, { which, who, prio }) =>
    setPriority(task, int(which), int(who), int(prio)),
  ),
} satisfies Calls

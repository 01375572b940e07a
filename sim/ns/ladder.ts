// New namespaces for a task or its child: kind after kind, in Linux's order, all or none. Used by clone, clone3 and unshare.
// create_new_namespaces() in kernel/nsproxy.c

import type { Cgroup } from '../cgroup/cgroup.ts'
import { type Credentials, capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { FsContext, NamespaceSet, Task } from '../task.ts'
import { copyMountNamespace } from '../vfs/mount-namespace.ts'
import { CgroupNamespace } from './cgroup.ts'
import { IpcNamespace } from './ipc.ts'
import { type NamespaceKind, namespaceFlags } from './namespace.ts'
import { NetNamespace } from './net.ts'
import { PidNamespace, pidLevelsMax } from './pid.ts'
import { enterSet } from './set.ts'
import { TimeNamespace } from './time.ts'
import { UtsNamespace } from './uts.ts'

const CLONE_VM = 0x100
const CLONE_SYSVSEM = 0x40000
const {
  mnt: NEWNS,
  uts: NEWUTS,
  ipc: NEWIPC,
  pid: NEWPID,
  cgroup: NEWCGROUP,
  net: NEWNET,
  time: NEWTIME,
} = namespaceFlags
/** All of CLONE_NEW* but CLONE_NEWUSER. */
export const otherNamespaces = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWCGROUP | NEWNET | NEWTIME

/** In the order in which Linux makes them. */
const rungs: readonly NamespaceKind[] = ['mnt', 'uts', 'ipc', 'pid', 'cgroup', 'net', 'time']

/**
 * The namespaces of a task, new where flags ask for it. The answer is kept for the one task that takes it, which gives it
 * back with `leaveSet`. A refusal leaves nothing behind.
 *
 * @param flags - CLONE_*, CLONE_NEWUSER ignored: the caller has made that one before
 * @param credentials - with which it is to go on: their user namespace owns the new ones
 * @param fs - whose root and working directory move into a new mount namespace, when there is one
 * @errors EPERM without CAP_SYS_ADMIN (CLN-040), ENOSPC at a limit (CLN-041, CLN-044), EINVAL (CLN-033)
 */
export function copyNamespaces(
  task: Task,
  flags: number,
  credentials: Credentials,
  fs: FsContext,
  call = 'unshare(2)',
): NamespaceSet | Denied {
  if ((flags & otherNamespaces) === 0) return enterSet(task.namespaces)
  return needsAdmin(credentials, call) ?? climb(task, flags, credentials, fs, call)
}

/**
 * The same for a child: it also enters the time namespace that waits for it (TIM-001), unless it shares the memory of its
 * parent.
 *
 * @errors EINVAL besides, when CLONE_SYSVSEM is to share what CLONE_NEWIPC parts (CLN-005)
 */
export function childNamespaces(
  task: Task,
  flags: number,
  credentials: Credentials,
  fs: FsContext,
  call: string,
): NamespaceSet | Denied {
  let set: NamespaceSet | Denied
  if ((flags & otherNamespaces) === 0) set = enterSet(task.namespaces)
  else {
    const refusal = needsAdmin(credentials, call)
    if (refusal) return refusal
    if (flags & NEWIPC && flags & CLONE_SYSVSEM)
      return deny('EINVAL', 'CLN-005', `${call}: CLONE_NEWIPC and CLONE_SYSVSEM exclude each other`)
    set = climb(task, flags, credentials, fs, call)
  }
  return isDenied(set) || flags & CLONE_VM ? set : inTime(set)
}

/** The set of a task after it has entered its time namespace for children; fork(2) and execve(2) do so (TIM-005). */
export function inTime(set: NamespaceSet): NamespaceSet {
  const { time, timeForChildren } = set
  if (time === timeForChildren) return set
  timeForChildren.retain()
  timeForChildren.fixed = true
  time.release()
  return { ...set, time: timeForChildren }
}

function needsAdmin(credentials: Credentials, call: string): Denied | undefined {
  if (capable(credentials, 'SYS_ADMIN', credentials.namespace)) return undefined
  return deny('EPERM', 'CLN-040', `${call}: every new namespace but a user namespace needs CAP_SYS_ADMIN`)
}

function climb(
  task: Task,
  flags: number,
  credentials: Credentials,
  fs: FsContext,
  call: string,
): NamespaceSet | Denied {
  const { namespace: owner, euid } = credentials
  const charged: NamespaceKind[] = []
  for (const kind of rungs) {
    if ((flags & namespaceFlags[kind]) === 0) continue
    let refusal = kind === 'pid' ? mayNest(task, credentials, call) : undefined
    if (refusal === undefined) {
      if (owner.charge(kind, euid)) charged.push(kind)
      else refusal = deny('ENOSPC', 'CLN-041', `${call}: user.max_${kind}_namespaces forbids one more, here or above`)
    }
    if (refusal === undefined) continue
    for (const taken of charged) owner.uncharge(taken, euid)
    return refusal
  }
  return make(task, flags, credentials, fs)
}

/** Whether the children of a task may have a pid namespace of their own. copy_pid_ns() in kernel/pid_namespace.c */
function mayNest(task: Task, { namespace }: Credentials, call: string): Denied | undefined {
  const { pidForChildren } = task.namespaces
  if (pidForChildren !== task.pidNamespace)
    return deny('EINVAL', 'CLN-033', `${call}: another pid namespace is already waiting for the children`)
  if (!namespace.isBelow(pidForChildren.owner))
    return deny('EINVAL', 'pid_namespaces(7)', `${call}: the pid namespace above is owned from elsewhere`)
  if (pidForChildren.level >= pidLevelsMax)
    return deny('ENOSPC', 'CLN-044', `${call}: pid namespaces are at most ${pidLevelsMax} deep`)
  return undefined
}

/** Nothing refuses any more. */
function make(task: Task, flags: number, { namespace: owner, euid }: Credentials, fs: FsContext): NamespaceSet {
  const { counters } = task.kernel
  const before = task.namespaces
  const set: { -readonly [K in keyof NamespaceSet]: NamespaceSet[K] } = { ...before }
  if (flags & NEWNS) set.mnt = copyMountNamespace(task, before.mnt, owner, euid, fs)
  if (flags & NEWUTS) set.uts = new UtsNamespace(counters, owner, euid, before.uts)
  if (flags & NEWIPC) set.ipc = new IpcNamespace(counters, owner, euid)
  if (flags & NEWPID) set.pidForChildren = new PidNamespace(counters, owner, euid, before.pidForChildren)
  if (flags & NEWCGROUP) set.cgroup = new CgroupNamespace(counters, owner, euid, cgroupsOf(task))
  if (flags & NEWNET) set.net = new NetNamespace(counters, owner, euid, task.kernel.initial.net)
  if (flags & NEWTIME) set.timeForChildren = new TimeNamespace(counters, owner, euid, before.timeForChildren)
  return enterSet(set)
}

/** The cgroup of each hierarchy, by the hierarchy's number (CGN-001). */
function cgroupsOf({ cgroups }: Task): readonly Cgroup[] {
  const roots: Cgroup[] = []
  for (const [{ id }, cgroup] of cgroups) roots[id] = cgroup
  return roots
}

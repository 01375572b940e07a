// A new user namespace for a task: what forbids it, in Linux's order, and the credentials with which the task goes on.
// create_user_ns() in kernel/user_namespace.c

import { allCapabilities, CAP, type Credentials } from '../credentials.ts'
import { limitOf, RLIMIT } from '../life/limits.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { topmost } from '../vfs/mounting.ts'
import { samePath } from '../vfs/path.ts'
import { UserNamespace } from './user.ts'

/** 33 below the initial one (CLN-043). */
export const userLevelsMax = 33

/**
 * Credentials in a user namespace that is new and kept once, for the task that takes them (`commitCredentials`); who gives
 * up meanwhile calls `credentials.namespace.release()`.
 *
 * @errors ENOSPC too deep, or at a limit; EPERM in a chroot, or the creator's ids are not mapped (CLN-109)
 */
export function createUserNamespace(task: Task, call = 'unshare(2)'): Credentials | Denied {
  const { credentials } = task
  const parent = credentials.namespace
  if (parent.level >= userLevelsMax)
    return deny('ENOSPC', 'CLN-043', `${call}: user namespaces are at most ${userLevelsMax} deep`)
  const { euid, egid } = credentials
  if (!parent.charge('user', euid))
    return deny('ENOSPC', 'CLN-041', `${call}: user.max_user_namespaces forbids one more, here or above`)
  const refusal = maynot(task, call)
  if (refusal) {
    parent.uncharge('user', euid)
    return refusal
  }
  const couldSetFileCapabilities = ((credentials.effective >> BigInt(CAP.SETFCAP)) & 1n) === 1n
  const namespace = new UserNamespace(task.kernel.counters, parent, { uid: euid, gid: egid, couldSetFileCapabilities })
  if (credentials.uid !== 0) namespace.most.tasks = limitOf(task, RLIMIT.NPROC).soft
  namespace.most.queueBytes = limitOf(task, RLIMIT.MSGQUEUE).soft
  return inNamespace(credentials, namespace.retain())
}

function maynot(task: Task, call: string): Denied | undefined {
  if (isChrooted(task))
    return deny(
      'EPERM',
      'CLN-045',
      `${call}: no user namespace for who is in a chroot: its root is not that of its mounts`,
    )
  const { namespace, euid, egid } = task.credentials
  if (namespace.uid(euid) === undefined || namespace.gid(egid) === undefined)
    return deny('EPERM', 'CLN-046', `${call}: the effective ids of the creator are not mapped in its user namespace`)
  return undefined
}

/** Whether the root of a task is another than that of its mount namespace. current_chrooted() in fs/namespace.c */
export function isChrooted({ namespaces, fs }: Task): boolean {
  const { root } = namespaces.mnt
  return !samePath(fs.root, topmost({ mount: root, dentry: root.root }))
}

/** How credentials look right after a user namespace was entered (USR-001). set_cred_user_ns() */
export function inNamespace(credentials: Credentials, namespace: UserNamespace): Credentials {
  return {
    ...credentials,
    securebits: 0,
    inheritable: 0n,
    permitted: allCapabilities,
    effective: allCapabilities,
    bounding: allCapabilities,
    ambient: 0n,
    namespace,
  }
}

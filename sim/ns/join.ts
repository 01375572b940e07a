// What joining each kind of namespace asks for, and the context that comes of it. The install functions of each kind in
// kernel/nsproxy.c and its neighbours

import { type Credentials, capable } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import type { NamespaceSet, Task } from '../task.ts'
import { topmost } from '../vfs/mounting.ts'
import { hold, letGo, type Path } from '../vfs/path.ts'
import { CgroupNamespace } from './cgroup.ts'
import { inNamespace } from './create-user.ts'
import { IpcNamespace } from './ipc.ts'
import { MountNamespace } from './mnt.ts'
import type { Namespace } from './namespace.ts'
import { NetNamespace } from './net.ts'
import { PidNamespace } from './pid.ts'
import { enterSet } from './set.ts'
import { TimeNamespace } from './time.ts'
import { UserNamespace } from './user.ts'
import { UtsNamespace } from './uts.ts'

const call = 'setns(2)'
type Draft = { -readonly [K in keyof NamespaceSet]: NamespaceSet[K] }

/** Nothing of the task changes before `commit`; a refusal is simply the end of it. */
export class Join {
  readonly #task: Task
  readonly #set: Draft
  #credentials: Credentials
  readonly #several: boolean
  #root: Path | undefined

  /** @param several - more than one kind is joined by one call */
  constructor(task: Task, several: boolean) {
    this.#task = task
    this.#several = several
    this.#set = { ...task.namespaces }
    this.#credentials = task.credentials
  }

  enter(target: Namespace): Denied | undefined {
    if (target instanceof UserNamespace) return this.#user(target)
    if (target instanceof TimeNamespace) return this.#time(target)
    const refusal = this.#needsAdmin(target)
    if (refusal) return refusal
    if (target instanceof MountNamespace) return this.#mounts(target)
    if (target instanceof PidNamespace) return this.#pid(target)
    if (target instanceof UtsNamespace) this.#set.uts = target
    else if (target instanceof IpcNamespace) this.#set.ipc = target
    else if (target instanceof CgroupNamespace) this.#set.cgroup = target
    else if (target instanceof NetNamespace) this.#set.net = target
    return undefined
  }

  /** The new set is kept for the task, and so is a new user namespace; root and working directory have moved. */
  commit(): { set: NamespaceSet; credentials: Credentials } {
    const { fs, credentials } = this.#task
    if (this.#root) {
      const { root, cwd } = fs
      fs.root = hold(this.#root)
      fs.cwd = hold(this.#root)
      letGo(root)
      letGo(cwd)
    }
    this.#set.time.fixed = true
    if (this.#credentials !== credentials) this.#credentials.namespace.retain()
    return { set: enterSet(this.#set), credentials: this.#credentials }
  }

  /** Over the namespace, and where the task will be (CLN-060); the latter is asked of who it is now (USR-023). */
  #needsAdmin(target: Namespace): Denied | undefined {
    const { credentials } = this.#task
    if (!capable(credentials, 'SYS_ADMIN', target.owner))
      return deny('EPERM', 'CLN-060', `${call}: it needs CAP_SYS_ADMIN over the ${target.kind} namespace`)
    if (!capable(credentials, 'SYS_ADMIN', this.#credentials.namespace))
      return deny('EPERM', 'CLN-060', `${call}: it needs CAP_SYS_ADMIN in the user namespace of the caller, too`)
    return undefined
  }

  #user(target: UserNamespace): Denied | undefined {
    const task = this.#task
    if (target === task.credentials.namespace)
      return deny('EINVAL', 'CLN-037', `${call}: the caller is in the user namespace already, maybe with less rights`)
    if (task.process.tasks.size > 1)
      return deny('EINVAL', 'CLN-038', `${call}: all threads of a process are in one user namespace`)
    if (task.fs.users > 1)
      return deny('EINVAL', 'CLN-038', `${call}: root and working directory are shared with another task`)
    if (!capable(task.credentials, 'SYS_ADMIN', target))
      return deny('EPERM', 'CLN-038', `${call}: it needs CAP_SYS_ADMIN in the user namespace that is joined`)
    this.#credentials = inNamespace(this.#credentials, target)
    return undefined
  }

  #mounts(target: MountNamespace): Denied | undefined {
    const { credentials, fs } = this.#task
    if (!capable(credentials, 'SYS_CHROOT', this.#credentials.namespace))
      return deny('EPERM', 'CLN-111', `${call}: a mount namespace is joined with CAP_SYS_CHROOT`)
    // Together with others, Linux looks at a copy that it has just made, which nobody shares. prepare_nsset()
    if (fs.users > 1 && !this.#several)
      return deny('EINVAL', 'CLN-038', `${call}: root and working directory are shared with another task`)
    this.#set.mnt = target
    this.#root = topmost({ mount: target.root, dentry: target.root.root })
    return undefined
  }

  #pid(target: PidNamespace): Denied | undefined {
    if (!target.isBelow(this.#task.pidNamespace))
      return deny('EINVAL', 'CLN-035', `${call}: only the caller’s own pid namespace and those below it can be joined`)
    this.#set.pidForChildren = target
    return undefined
  }

  #time(target: TimeNamespace): Denied | undefined {
    const { process } = this.#task
    if (process.tasks.size > 1 || process.image.users > 1)
      return deny('EUSERS', 'CLN-112', `${call}: all threads of a process are in one time namespace`)
    const refusal = this.#needsAdmin(target)
    if (refusal) return refusal
    this.#set.time = target
    this.#set.timeForChildren = target
    return undefined
  }
}

// A namespace as a file: what /proc/PID/ns/* lead to, what can be opened, kept, bind-mounted and asked. ioctl_ns(2), nsfs

import { overflowId, rootGid, rootUid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { descriptorsMax } from '../sys/arguments.ts'
import type { Task } from '../task.ts'
import { anonymousMount } from '../vfs/anonymous.ts'
import { Dentry } from '../vfs/dentry.ts'
import { type FileOperations, OpenFile } from '../vfs/file.ts'
import { Inode } from '../vfs/inode.ts'
import { begun } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import type { Superblock } from '../vfs/superblock.ts'
import { type Namespace, namespaceFlags } from './namespace.ts'
import { PidNamespace } from './pid.ts'
import { UserNamespace } from './user.ts'

const NS_GET_USERNS = 0xb701
const NS_GET_PARENT = 0xb702
const NS_GET_NSTYPE = 0xb703
const NS_GET_OWNER_UID = 0xb704
const NS_GET_MNTNS_ID = 0x8008b705
const NS_GET_PID_FROM_PIDNS = 0x8004b706
const NS_GET_TGID_FROM_PIDNS = 0x8004b707
const NS_GET_PID_IN_PIDNS = 0x8004b708
const NS_GET_TGID_IN_PIDNS = 0x8004b709

/** Each open description of it, and each mount that shows it, keeps the namespace (CLN-050). */
export class NamespaceInode extends Inode {
  override readonly namespace: Namespace

  constructor(superblock: Superblock, namespace: Namespace) {
    super(superblock, namespace.ino, { kind: 'file', mode: 0o444, uid: rootUid, gid: rootGid })
    this.namespace = namespace
  }

  override open(_task: Task, file: OpenFile): FileOperations | Denied {
    const { namespace } = this
    if (file.flags & 3) return deny('EPERM', 'namespaces(7)', 'open(2): the file of a namespace cannot be changed')
    return { seekable: false, isUnreadable: true, ioctl: (task, request, arg) => ioctl(task, namespace, request, arg) }
  }

  override pinned(): void {
    this.namespace.retain()
  }

  override unpinned(): void {
    this.namespace.release()
  }
}

/** The name that readlink(2) of /proc/PID/ns/KIND shows (CLN-047). */
export const namespaceName = ({ kind, ino }: Namespace): string => `${kind}:[${ino}]`

/** Where the magic link of a namespace leads: always the same inode for the same namespace. */
export function namespacePath(kernel: Kernel, namespace: Namespace): Path {
  const mount = anonymousMount(kernel, 'nsfs')
  let { file } = namespace
  if (file === undefined) {
    const inode = new NamespaceInode(mount.superblock, namespace)
    inode.atime = inode.mtime = inode.ctime = kernel.now()
    file = new Dentry(mount.superblock, inode, namespaceName(namespace), undefined)
    namespace.file = file
  }
  return { mount, dentry: file }
}

/** The namespace that an open file stands for; undefined when it is no such file. */
export function namespaceOf({ inode }: OpenFile): Namespace | undefined {
  return inode instanceof NamespaceInode ? inode.namespace : undefined
}

function ioctl(task: Task, namespace: Namespace, request: number, arg: Uint8Array | number): Reply {
  switch (request >>> 0) {
    case NS_GET_USERNS:
      return answered(task, ownerSeen(task, namespace))
    case NS_GET_PARENT:
      return answered(task, parentSeen(task, namespace))
    case NS_GET_NSTYPE:
      return namespaceFlags[namespace.kind]
    case NS_GET_OWNER_UID:
      return ownerUid(task, namespace, arg)
  }
  return (task.kernel.since(6, 11) ? newer(task, namespace, request >>> 0, arg) : undefined) ?? unknown(request)
}

const unknown = (request: number): Denied =>
  deny('ENOTTY', 'ioctl_ns(2)', `ioctl(2): a namespace does not know the request 0x${request.toString(16)}`)

/** Requests since Linux 6.11: the number of a mount namespace, and numbers of processes there and here. */
function newer(task: Task, namespace: Namespace, request: number, arg: Uint8Array | number): Reply | undefined {
  if (request === NS_GET_MNTNS_ID) {
    if (namespace.kind !== 'mnt')
      return deny('EINVAL', 'ioctl_ns(2)', 'ioctl(2): only mount namespaces have such a number')
    if (!(arg instanceof Uint8Array) || arg.length < 8)
      return deny('EFAULT', 'ioctl_ns(2)', 'ioctl(2): there is no place for the number')
    const data = arg.slice()
    new DataView(data.buffer).setBigUint64(0, BigInt(namespace.ino), true)
    return { value: 0, data }
  }
  if (request < NS_GET_PID_FROM_PIDNS || request > NS_GET_TGID_IN_PIDNS) return undefined
  if (!(namespace instanceof PidNamespace))
    return deny('EINVAL', 'ioctl_ns(2)', 'ioctl(2): only pid namespaces have numbers of processes')
  const number = typeof arg === 'number' ? arg : 0
  const inwards = request >= NS_GET_PID_IN_PIDNS
  const from = inwards ? task.pidNamespace : namespace
  const to = inwards ? namespace : task.pidNamespace
  const found = from.find(number)?.task
  const isGroup = request === NS_GET_TGID_FROM_PIDNS || request === NS_GET_TGID_IN_PIDNS
  const shown = (isGroup ? found?.process.leader.entry : found?.entry)?.in(to)
  return shown ?? deny('ESRCH', 'ioctl_ns(2)', 'ioctl(2): there is no such process, or it has no number there')
}

/** The user namespace that owns one, when the caller's is it or above it (CLN-049). ns_get_owner() */
function ownerSeen(task: Task, namespace: Namespace): Namespace | Denied {
  const owner = namespace instanceof UserNamespace ? namespace.parent : namespace.owner
  if (owner?.isBelow(task.credentials.namespace)) return owner
  return deny('EPERM', 'CLN-049', 'ioctl(2): the user namespace asked for lies outside of the caller’s own')
}

function parentSeen(task: Task, namespace: Namespace): Namespace | Denied {
  if (namespace instanceof UserNamespace) return ownerSeen(task, namespace)
  if (!(namespace instanceof PidNamespace))
    return deny('EINVAL', 'CLN-048', 'ioctl(2): only pid and user namespaces have parents')
  const { parent } = namespace
  if (parent?.isBelow(task.pidNamespace)) return parent
  return deny('EPERM', 'CLN-049', 'ioctl(2): the pid namespace asked for lies outside of the caller’s own')
}

function ownerUid(task: Task, namespace: Namespace, arg: Uint8Array | number): Reply {
  if (!(namespace instanceof UserNamespace))
    return deny('EINVAL', 'CLN-048', 'ioctl(2): only a user namespace has an owner’s uid')
  const uid = task.credentials.namespace.uid(namespace.ownerUid) ?? overflowId
  if (!(arg instanceof Uint8Array) || arg.length < 4)
    return deny('EFAULT', 'ioctl_ns(2)', 'ioctl(2): there is no place for the uid')
  const data = arg.slice()
  new DataView(data.buffer).setUint32(0, uid, true)
  return { value: 0, data }
}

/** A new descriptor for a namespace, close-on-exec. */
function answered(task: Task, namespace: Namespace | Denied): number | Denied {
  if (isDenied(namespace)) return namespace
  const path = namespacePath(task.kernel, namespace)
  const { inode } = path.dentry
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', 'ioctl_ns(2)', 'ioctl(2): the process has as many descriptors as RLIMIT_NOFILE allows')
  const file = new OpenFile(inode, path, 0, task.credentials)
  file.operations = inode.open(task, file) as FileOperations
  return task.files.add(begun(file), true, descriptorsMax(task))!
}

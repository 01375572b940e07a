// POSIX message queues by descriptor: mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2)

import type { Fd } from '../../core/syscall.ts'
import { capable } from '../credentials.ts'
import { type QueueDirectory, QueueInode, type QueueSize, queuesOf } from '../ipc/posix-queue.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { openInode } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { checkPermission, mayRead, mayWrite } from '../vfs/permission.ts'
import { mayCreate, mayDelete, newAttributes } from '../vfs/rights.ts'
import { encode } from '../vfs/utf8.ts'
import { lookupIn, newDentry } from '../vfs/walk.ts'
import { descriptorsMax, fileOf, int, uint } from './arguments.ts'

const priorityMax = 32_768
const hardMessages = 65_536
const hardMessageBytes = 16 * 1024 * 1024

/** The directory of the caller's IPC namespace, whether it is mounted or not. */
function directoryOf({ kernel, namespaces }: Task): Path {
  const mount = queuesOf(kernel, namespaces.ipc)
  return { mount, dentry: mount.root }
}

function checkName(name: string | null, call: string): string | Denied {
  if (name === null) return deny('EFAULT', call, `${call}: the name is no pointer`)
  if (name === '') return deny('ENOENT', call, `${call}: an empty name names nothing`)
  if (name.includes('/') || name === '.' || name === '..')
    return deny('EACCES', call, `${call}: a name has no slash but the first, which the library takes off`)
  return name
}

/** mq_attr_ok() in ipc/mqueue.c */
function sizeOf(task: Task, attr: Uint8Array | null, call: string): QueueSize | undefined | Denied {
  if (attr === null) return undefined
  if (attr.length < 24) return deny('EFAULT', call, `${call}: the attributes are too short`)
  const view = new DataView(attr.buffer, attr.byteOffset, attr.byteLength)
  const messagesMax = Number(view.getBigInt64(8, true))
  const messageBytesMax = Number(view.getBigInt64(16, true))
  const { limits } = task.namespaces.ipc
  const free = capable(task.credentials, 'SYS_RESOURCE', task.kernel.initial.user)
  const mostMessages = free ? hardMessages : limits.mqueueMsgMax
  const mostBytes = free ? hardMessageBytes : limits.mqueueMsgsizeMax
  if (messagesMax <= 0 || messageBytesMax <= 0 || messagesMax > mostMessages || messageBytesMax > mostBytes)
    return deny('EINVAL', call, `${call}: messages and their size are above 0 and within fs.mqueue.*`)
  return { messagesMax, messageBytesMax }
}

function open(task: Task, given: string | null, flags: number, mode: number, attr: Uint8Array | null): number | Denied {
  const call = 'mq_open(2)'
  const full = task.files.lowest() >= descriptorsMax(task)
  const name = checkName(given, call)
  // What is no name at all comes before the descriptor, a slash in it behind.
  if (isDenied(name) && (!full || name.errno !== 'EACCES')) return name
  if (full) return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  if (isDenied(name)) return name
  const directory = directoryOf(task)
  const there = lookupIn(task, directory.dentry, name, call)
  if (isDenied(there)) return there
  let dentry = there
  if (dentry === undefined) {
    if (!(flags & O.CREAT)) return deny('ENOENT', call, `${call}: there is no queue ${name}`)
    const size = sizeOf(task, attr, call)
    if (isDenied(size)) return size
    const refusal = mayCreate(task, directory, call)
    if (refusal) return refusal
    const attributes = newAttributes(task, directory, 'file', mode & ~task.fs.umask & 0o777)
    const made = (directory.dentry.inode as QueueDirectory).createQueue(task, name, attributes, size)
    if (isDenied(made)) return made
    dentry = newDentry(directory.dentry, name, made)
  } else {
    if (flags & O.CREAT && flags & O.EXCL) return deny('EEXIST', call, `${call}: O_EXCL, and there is the queue`)
    const access = flags & O.ACCMODE
    if (access === O.ACCMODE) return deny('EINVAL', call, `${call}: it is for reading, for writing or for both`)
    const mask = access === 0 ? mayRead : access === 1 ? mayWrite : mayRead | mayWrite
    const refusal = checkPermission(task.credentials, directory.mount, dentry.inode, mask, call)
    if (refusal) return refusal
  }
  const opening = openInode(task, { mount: directory.mount, dentry }, flags & (O.ACCMODE | O.NONBLOCK), call)
  if (isDenied(opening)) return opening
  return task.files.add(opening.file, true, descriptorsMax(task))!
}

function unlink(task: Task, given: string | null): number | Denied {
  const call = 'mq_unlink(2)'
  const name = checkName(given, call)
  if (isDenied(name)) return name
  const directory = directoryOf(task)
  const dentry = lookupIn(task, directory.dentry, name, call)
  if (isDenied(dentry)) return dentry
  if (dentry === undefined) return deny('ENOENT', call, `${call}: there is no queue ${name}`)
  const refusal = mayDelete(task, directory, dentry, false, call)
  if (refusal) return refusal
  const denied = directory.dentry.inode.unlink!(task, name, dentry.inode)
  if (denied) return denied
  dentry.deleted = true
  directory.dentry.children.delete(name)
  return 0
}

interface Opened {
  readonly file: OpenFile
  readonly queue: QueueInode
}

function opened(task: Task, fd: Fd, forbidden: number, call: string): Opened | Denied {
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  const { inode } = file
  if (!(inode instanceof QueueInode) || (file.flags & O.ACCMODE) === forbidden)
    return deny('EBADF', call, `${call}: it is no queue, or not open for this`)
  return { file, queue: inode }
}

/** Waits until an attempt gives an outcome, or until a time of the wall clock. */
function wait(
  task: Task,
  { file, queue }: Opened,
  attempt: () => Outcome | undefined,
  untilNs: bigint | null,
  call: string,
): Reply {
  const outcome = attempt()
  if (outcome) return outcome
  if (file.flags & O.NONBLOCK) return deny('EAGAIN', call, `${call}: O_NONBLOCK, and the queue is full or empty`)
  const blocked = { queues: [queue.changes], again: attempt, interruptible: true }
  if (untilNs === null) return blocked
  const timedOut = (): Outcome => deny('ETIMEDOUT', call, `${call}: the time is up`)
  return { ...blocked, deadlineNs: Number(untilNs) - task.kernel.config.bootSeconds * 1e9, timedOut }
}

function send(task: Task, fd: Fd, given: Uint8Array | string, priority: number, untilNs: bigint | null): Reply {
  const call = 'mq_timedsend(2)'
  if (priority >= priorityMax) return deny('EINVAL', call, `${call}: a priority is below ${priorityMax}`)
  const at = opened(task, fd, 0, call)
  if (isDenied(at)) return at
  const bytes = typeof given === 'string' ? encode(given) : given.slice()
  const { queue } = at
  if (bytes.length > queue.size.messageBytesMax)
    return deny('EMSGSIZE', call, `${call}: the message is longer than those of the queue may be`)
  const attempt = (): Outcome | undefined => {
    if (queue.full) return undefined
    queue.put({ priority, bytes })
    return { value: 0 }
  }
  return wait(task, at, attempt, untilNs, call)
}

function receive(task: Task, fd: Fd, roomBytes: number, untilNs: bigint | null): Reply {
  const call = 'mq_timedreceive(2)'
  const at = opened(task, fd, 1, call)
  if (isDenied(at)) return at
  const { queue } = at
  if (roomBytes < queue.size.messageBytesMax)
    return deny('EMSGSIZE', call, `${call}: the buffer is smaller than messages of the queue may be`)
  const attempt = (): Outcome | undefined => {
    if (queue.messages.length === 0) return undefined
    const { bytes } = queue.take()
    return { value: bytes.length, data: bytes }
  }
  return wait(task, at, attempt, untilNs, call)
}

export const calls: Calls = {
  mq_open: full((task, { mq, oflag, mode, attr }) => open(task, mq, int(oflag), uint(mode), attr)),
  mq_timedreceive: partial('the priority is not told', (task, { mqdes, msg, abs_timeout }) =>
    receive(task, mqdes, msg, abs_timeout),
  ),
  mq_timedsend: full((task, { mqdes, msg, prio, abs_timeout }) => send(task, mqdes, msg, uint(prio), abs_timeout)),
  mq_unlink: full((task, { mq }) => unlink(task, mq)),
}

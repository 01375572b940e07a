// POSIX message queues: files of a file system that each IPC namespace has one of, mounted or not. mq_overview(7)

import type { Credentials } from '../credentials.ts'
import type { Kernel } from '../kernel.ts'
import { chargeQueue, unchargeQueue } from '../life/limits.ts'
import type { IpcNamespace } from '../ns/ipc.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from '../vfs/file.ts'
import type { Inode, NewInode } from '../vfs/inode.ts'
import type { Mount } from '../vfs/mount.ts'
import { newMount } from '../vfs/mounting.ts'
import { readable, writable } from '../vfs/poll-events.ts'
import { Tmpfs, TmpfsInode } from '../vfs/tmpfs.ts'
import { encode } from '../vfs/utf8.ts'
import { WaitQueue } from '../wait.ts'

export interface PosixMessage {
  readonly priority: number
  readonly bytes: Uint8Array
}

/** struct mq_attr, what of it a queue keeps. */
export interface QueueSize {
  readonly messagesMax: number
  readonly messageBytesMax: number
}

const fileBytes = 80

/** One instance for each IPC namespace, which keeps it; mounts of it show the same queues (IPC-005). */
export class QueueFileSystem extends Tmpfs {
  readonly namespace: IpcNamespace

  constructor(kernel: Kernel, namespace: IpcNamespace) {
    super(kernel, namespace.owner, { type: 'mqueue', source: 'none', mode: 0o1777 })
    this.namespace = namespace
    const { root } = this
    root.inode = new QueueDirectory(this, 1, {
      kind: 'directory',
      mode: 0o1777,
      uid: root.inode.uid,
      gid: root.inode.gid,
    })
  }

  override newInode(made: NewInode): TmpfsInode {
    if (made.kind !== 'file') return super.newInode(made)
    this.usedInodes += 1
    return new QueueInode(this, this.kernel.counters.nextInode(), made)
  }
}

/** With the tree that keeps them in order: a struct msg_msg and a node for each message. mqueue_get_inode() */
const bytesOf = ({ messagesMax, messageBytesMax }: QueueSize): number => messagesMax * (messageBytesMax + 48 + 48)

export class QueueDirectory extends TmpfsInode {
  override create(task: Task, name: string, made: NewInode): Inode | Denied {
    return this.createQueue(task, name, made)
  }

  createQueue(task: Task, name: string, made: NewInode, wanted?: QueueSize): Inode | Denied {
    const { namespace, usedInodes } = this.superblock as QueueFileSystem
    const { limits } = namespace
    if (made.kind !== 'file') return deny('EPERM', 'mq_overview(7)', 'mqueue: there are queues in it, and nothing else')
    if (usedInodes - 1 >= namespace.limits.queuesMax)
      return deny('ENOSPC', 'mq_open(3)', 'mq_open(2): fs.mqueue.queues_max allows no more queues')
    const size = wanted ?? {
      messagesMax: Math.min(limits.mqueueMsgMax, limits.mqueueMsgDefault),
      messageBytesMax: Math.min(limits.mqueueMsgsizeMax, limits.mqueueMsgsizeDefault),
    }
    if (!chargeQueue(task, bytesOf(size)))
      return deny('EMFILE', 'getrlimit(2)', 'mq_open(2): RLIMIT_MSGQUEUE allows the user no queue of this size more')
    const queue = super.create(task, name, made)
    if (isDenied(queue)) unchargeQueue(task.credentials, bytesOf(size))
    else (queue as QueueInode).belongTo(task.credentials, size)
    return queue
  }

  override link(): Denied {
    return deny('EPERM', 'mq_overview(7)', 'mqueue: a queue has one name')
  }
}

export class QueueInode extends TmpfsInode {
  size: QueueSize = { messagesMax: 0, messageBytesMax: 0 }
  #creator: Credentials | undefined
  /** The highest priority first; of one priority the oldest. */
  readonly messages: PosixMessage[] = []
  readonly changes = new WaitQueue()

  constructor(superblock: QueueFileSystem, ino: number, made: NewInode) {
    super(superblock, ino, made)
    this.sizeBytes = fileBytes
  }

  /** Its size has been charged to who made it. */
  belongTo(creator: Credentials, size: QueueSize): void {
    this.#creator = creator
    this.size = size
  }

  override drop(): void {
    super.drop()
    if (this.#creator) unchargeQueue(this.#creator, bytesOf(this.size))
    this.#creator = undefined
  }

  get full(): boolean {
    return this.messages.length >= this.size.messagesMax
  }

  override open(_task: Task, file: OpenFile): FileOperations {
    const { messages, changes } = this
    return {
      seekable: true,
      seek(_by, offset, whence) {
        // default_llseek() with a file of 80 bytes.
        const none = deny('ENXIO', 'lseek(2)', 'lseek(2): the offset is beyond the end')
        if (whence >= 3 && offset >= fileBytes) return none
        const from = [0, file.offset, fileBytes, 0, fileBytes - offset][whence]!
        if (from + offset < 0) return deny('EINVAL', 'lseek(2)', 'lseek(2): the offset would be negative')
        file.offset = from + offset
        return file.offset
      },
      read: (_by, count, offset) => this.#read(count, offset),
      poll: () => {
        let events = messages.length > 0 && (file.flags & 3) !== 1 ? readable : 0
        if (!this.full && (file.flags & 3) !== 0) events |= writable
        return { events, queues: [changes] }
      },
    }
  }

  put(message: PosixMessage): void {
    const at = this.messages.findIndex(({ priority }) => priority < message.priority)
    this.messages.splice(at < 0 ? this.messages.length : at, 0, message)
    this.changes.wake()
  }

  take(): PosixMessage {
    const message = this.messages.shift()!
    this.changes.wake()
    return message
  }

  #read(count: number, offset: number): Reply {
    const bytes = this.messages.reduce((sum, message) => sum + message.bytes.length, 0)
    const column = (value: number, width: number): string => String(value).padEnd(width)
    const text = `QSIZE:${column(bytes, 10)} NOTIFY:${column(0, 5)} SIGNO:${column(0, 5)} NOTIFY_PID:${column(0, 6)}\n`
    const data = encode(text).slice(offset, offset + count)
    return { value: data.length, data }
  }
}

/** The mount by which an IPC namespace keeps its queues: made at the first need. */
export function queuesOf(kernel: Kernel, namespace: IpcNamespace): Mount {
  const { queueMount } = namespace
  if (queueMount) return queueMount
  const superblock = new QueueFileSystem(kernel, namespace)
  const mount = newMount(kernel, superblock, superblock.root)
  namespace.queueMount = mount
  return mount
}

// Descriptors that stand for a process, or for a thread: they outlive its number. pidfd_open(2)

import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { anyFileOf, descriptorsMax } from '../sys/arguments.ts'
import type { Task } from '../task.ts'
import { anonymousMount, newAnonymousInode } from '../vfs/anonymous.ts'
import { Dentry } from '../vfs/dentry.ts'
import { type FileOperations, OpenFile } from '../vfs/file.ts'
import type { Inode } from '../vfs/inode.ts'
import { begun } from '../vfs/open.ts'
import { POLLHUP, readable } from '../vfs/poll-events.ts'
import type { WaitQueue } from '../wait.ts'

/** O_EXCL of the open description says so. */
export const PIDFD_THREAD = 0o200
export const PIDFD_NONBLOCK = 0o4000
const O_RDWR = 2

/** Directories of /proc/PID are pidfds for pidfd_send_signal(2), too: their inodes have this. */
export interface OfProcess {
  readonly pidEntry: PidEntry
}

export class PidfdOperations implements FileOperations {
  readonly seekable = false
  readonly isUnreadable = true
  readonly entry: PidEntry
  readonly isThread: boolean

  constructor(entry: PidEntry, isThread: boolean) {
    this.entry = entry
    this.isThread = isThread
  }

  poll(task: Task): { readonly events: number; readonly queues: readonly WaitQueue[] } {
    const { entry, isThread } = this
    const queues = [entry.changes]
    const of = entry.task
    if (of === undefined) return { events: readable | (task.kernel.since(6, 9) ? POLLHUP : 0), queues }
    const ended = isThread ? of.state === 'zombie' : of.process.zombie
    return { events: ended ? readable : 0, queues }
  }
}

/** A new close-on-exec descriptor; the caller has seen to it that there is room. */
export function openPidfd(task: Task, entry: PidEntry, flags: number): number | undefined {
  const { kernel } = task
  const mount = anonymousMount(kernel, 'pidfs')
  const { superblock } = mount
  const inode = newAnonymousInode(kernel, superblock, 'file', 0o700)
  const dentry = new Dentry(superblock, inode, 'anon_inode:[pidfd]', undefined)
  const file = new OpenFile(
    inode,
    { mount, dentry },
    O_RDWR | (flags & (PIDFD_THREAD | PIDFD_NONBLOCK)),
    task.credentials,
  )
  file.operations = new PidfdOperations(entry, (flags & PIDFD_THREAD) !== 0)
  return task.files.add(begun(file), true, descriptorsMax(task))
}

/** @errors EBADF the descriptor is not open, or none of a process */
export function pidfdOf(task: Task, fd: number, call: string): OpenFile | Denied {
  const file = anyFileOf(task, fd, call)
  if (isDenied(file) || file.operations instanceof PidfdOperations) return file
  return deny('EBADF', 'pidfd_open(2)', `${call}: descriptor ${fd} does not stand for a process`)
}

/** The numbers that a pidfd stands for; also of a directory of /proc/PID, where those are taken. */
export function pidEntryOf(file: OpenFile, orDirectory = false): PidEntry | undefined {
  if (file.operations instanceof PidfdOperations) return file.operations.entry
  return orDirectory ? (file.inode as Inode & Partial<OfProcess>).pidEntry : undefined
}

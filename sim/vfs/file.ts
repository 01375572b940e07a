// An open file description: what open(2) makes, dup(2) and fork(2) share, and a descriptor stands for.

import type { Denied, Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { WaitQueue } from '../wait.ts'
import type { DirectoryEntry, Inode } from './inode.ts'
import type { Path } from './path.ts'

/** What a kind of file does. Absent means that the call is not for it: EINVAL, ESPIPE, ENOTTY, as the caller knows. */
export interface FileOperations {
  /** From an offset; a stream ignores it. Data of fewer bytes than asked is a short read, of none the end. */
  read?(task: Task, count: number, offset: number): Reply
  write?(task: Task, bytes: Uint8Array, offset: number): Reply
  /** Whether lseek(2) and pread(2) mean anything. */
  readonly seekable: boolean
  ioctl?(task: Task, request: number, arg: Uint8Array | number): Reply
  /** POLLIN and its kin that hold now, and what is woken when that changes. poll(2) */
  poll?(task: Task): { readonly events: number; readonly queues: readonly WaitQueue[] }
  truncate?(task: Task, lengthBytes: number): Denied | number
  /** fallocate(2); modes that are no file system's have been refused. */
  allocate?(task: Task, offset: number, lengthBytes: number, mode: number): Denied | number
  /** fcntl(2) where the kind of file has a say (seals, pipe sizes); undefined: not its command. */
  fcntl?(task: Task, command: number, arg: number): Reply | undefined
  /** write(2) leaves the offset where it is, unlike the rest. */
  readonly keepsOffset?: true
  /** It has no write_iter: each buffer of writev(2) is a write of its own. */
  readonly writesEachBuffer?: true
  /** A seq_file: pwrite(2) is ESPIPE. seq_open() in fs/seq_file.c */
  readonly isSequence?: true
  /** pread(2) and pwrite(2) are EINVAL, though lseek(2) is ESPIPE: neither a stream nor anything to be read. */
  readonly isUnreadable?: true
  /** lseek(2) where it is not the usual arithmetic. */
  seek?(task: Task, offset: number, whence: number): Reply
  /** Where data (or a hole) begins from an offset on, or the end; absent: all of the file is data. */
  seekData?(offset: number, data: boolean): number
  /** Of a directory whose offsets belong to names, and are no counts. */
  readonly listsByOffset?: true
  /** The last descriptor is gone. */
  release?(): void
}

/** lseek(2) of what has no offset and does not say so. noop_llseek() in fs/read_write.c */
export const staysAtZero = (): Reply => 0

/** What is told when an open description ends: epoll instances that watch it, locks that it holds. */
export interface FileEnd {
  ended(file: OpenFile): void
}

export class OpenFile {
  readonly inode: Inode
  /** Where it was opened; the mount is busy while it is. */
  readonly path: Path
  /** O_* as F_GETFL tells them. */
  flags: number
  offset = 0
  /** Filled right after the inode was opened. O_PATH descriptions have none. */
  operations: FileOperations | undefined
  /** Descriptors, of all tables, that stand for it. */
  references = 0
  /** Who opened it: rights that are checked at a later write (CG-104 and others) are those of this moment. */
  readonly opener: Task['credentials']

  /** It came with its file and was never opened: it keeps nobody from executing that. FMODE_WRITER */
  isNoWriter = false

  /** O_NOCTTY: the terminal does not become the process's own. */
  keepsTerminal = false

  /** Told at the end, each once; undefined: there was never anybody. */
  atEnd: Set<FileEnd> | undefined
  /** Where getdents64(2) is: the names as they were when it began. */
  listing: readonly DirectoryEntry[] | undefined

  constructor(inode: Inode, path: Path, flags: number, opener: Task['credentials']) {
    this.inode = inode
    this.path = path
    this.flags = flags
    this.opener = opener
  }

  tellAtEnd(end: FileEnd): void {
    this.atEnd ??= new Set()
    this.atEnd.add(end)
  }
}

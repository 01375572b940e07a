// An inode: what a file is, whatever its names. File systems give their own kinds. inode(7)

import type { KGid, KUid } from '../ids.ts'
import type { Namespace } from '../ns/namespace.ts'
import type { Denied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { epoch, type Moment } from '../time.ts'
import type { FileOperations, OpenFile } from './file.ts'
import type { FileLocks } from './locks.ts'
import type { Watcher } from './notify.ts'
import type { Path } from './path.ts'
import type { Pipe } from './pipe.ts'
import type { Superblock } from './superblock.ts'

/** anonymous: what eventfd(2) and its kin give, of no type at all. */
export type InodeKind = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket' | 'anonymous'

/** S_IFMT bits of st_mode. inode(7) */
export const kindBits: Readonly<Record<InodeKind, number>> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
  anonymous: 0,
}

/** What is given to a new inode. */
export interface NewInode {
  readonly kind: InodeKind
  /** Permission bits, the umask taken off. */
  readonly mode: number
  readonly uid: KUid
  readonly gid: KGid
  /** Of a symbolic link. */
  readonly target?: string
  /** Of a device: major and minor number. */
  readonly device?: readonly [number, number]
}

/** What chmod(2), chown(2) and truncate(2) want changed. Ids are as the file system writes them. */
export type Attributes = Partial<Pick<Inode, 'mode' | 'uid' | 'gid' | 'sizeBytes'>>

export interface DirectoryEntry {
  readonly name: string
  readonly ino: number
  readonly kind: InodeKind
  /** Where lseek(2) finds it, in directories whose offsets are no counts. */
  readonly offset?: number
}

/**
 * One file, directory, link or device of a file system. The VFS has checked rights and flags before it calls these; a file
 * system answers only for itself.
 */
export abstract class Inode {
  readonly superblock: Superblock
  readonly ino: number
  readonly kind: InodeKind
  // Facts that are declared, not defined, so that a file system of other file systems can answer with theirs.
  /** Permission bits with setuid, setgid and sticky. */
  declare mode: number
  declare uid: KUid
  declare gid: KGid
  declare linkCount: number
  /** Open descriptions of it; with no name and none of these its content goes. */
  opens = 0
  declare sizeBytes: number
  declare atime: Moment
  declare mtime: Moment
  declare ctime: Moment
  /** When it was made; undefined where the file system does not say. */
  declare btime: Moment | undefined
  /** Open descriptions for writing, and programs that run from it: each forbids the other (ETXTBSY). */
  writers = 0
  /** It has lost its last name while it was open; counted by its superblock. */
  orphan = false
  executions = 0
  /** Of a fifo that is open. */
  pipe: Pipe | undefined
  /** Of a socket: who is bound to it. unix(7) */
  boundSocket: object | undefined
  /** inotify(7) */
  watchers: Set<Watcher> | undefined
  /** flock(2) */
  locks: FileLocks | undefined
  readonly device: readonly [number, number]
  /** st_dev where it is not the superblock's (overlayfs). */
  statDevice: readonly [number, number] | undefined
  /** By whole name. */
  declare readonly xattrs: Map<string, Uint8Array>
  /** Of pidfs: whether it has ever had one. */
  hadXattrs?: true

  constructor(superblock: Superblock, ino: number, made: NewInode) {
    this.superblock = superblock
    this.ino = ino
    this.kind = made.kind
    this.mode = made.mode
    this.uid = made.uid
    this.gid = made.gid
    this.linkCount = 1
    this.sizeBytes = 0
    this.atime = this.mtime = this.ctime = epoch
    this.btime = undefined
    this.xattrs = new Map()
    this.device = made.device ?? [0, 0]
  }

  /** What an open(2) of this inode works with. */
  abstract open(task: Task, file: OpenFile): FileOperations | Denied

  /** The target of a symbolic link, or how a magic link of /proc looks. */
  readlink?(task: Task): string | Denied
  /** A magic link: where it leads, whatever its text says. */
  jump?(task: Task): Path | Denied
  /** Who may open and search it, whatever its bits say. */
  admits?(task: Task): boolean
  /** What access(2) and chdir(2) ask before rights (PID-035). inode_operations.permission in linux/fs.h */
  refuses?(task: Task): Denied | undefined

  // Of directories. Names are single components, neither empty nor `.` nor `..`.

  /** Undefined when there is nothing of that name. */
  lookup?(task: Task, name: string): Inode | undefined | Denied
  create?(task: Task, name: string, made: NewInode): Inode | Denied
  link?(task: Task, name: string, inode: Inode): Denied | undefined
  unlink?(task: Task, name: string, inode: Inode): Denied | undefined
  rmdir?(task: Task, name: string, inode: Inode): Denied | undefined
  rename?(task: Task, name: string, to: Inode, newName: string, flags: number): Denied | undefined
  /** All but `.` and `..`, in an order that does not change by itself. */
  entries?(task: Task): readonly DirectoryEntry[]
  /** Of /proc/sys: nobody writes in it, whatever capabilities he has. proc_sys_permission() in fs/proc/proc_sysctl.c */
  readonly neverWritten?: boolean
  /** Names come and go by themselves (proc, sysfs): a dentry that is known is asked for again. */
  readonly volatile?: boolean
  /** Makes owner and group what stat(2) tells, where they follow something else. */
  showsOwner?(): void
  /** st_blocks, in units of 512 bytes; absent: as its size says. */
  blocks512?(): number
  /** O_TMPFILE: a file without a name. */
  createUnnamed?(task: Task, made: NewInode): Inode | Denied
  /** One more keeps it in use, or one less: an open description, or a mount that has it for its root. */
  pinned?(): void
  unpinned?(): void
  /** Whether link(2) may give it a first name. */
  linkable?: boolean
  /** Of nsfs: the namespace that the file stands for; `end` lets go of it. */
  readonly namespace?: Namespace
  /** Overlays that have it for their upper or work directory (OVL-008). */
  overlays?: number
  /** A directory of proc or sysfs that only serves to be mounted on: covering it hides nothing (USR-019). */
  readonly alwaysEmpty?: boolean
  /** The last name, the last open description and the last mount that shows it as its root are gone. */
  end?(): void

  /** setxattr(2) where the file system has a say; undefined is removal. */
  setXattr?(task: Task, name: string, value: Uint8Array | undefined): Denied | undefined

  /** chmod(2), chown(2), truncate(2) where the file system has a say; absent means that it is as it is written down. */
  setAttributes?(task: Task, changes: Attributes): Denied | undefined
}

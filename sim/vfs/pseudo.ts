// Files whose content is made when it is asked for: what proc and sysfs consist of. fs/seq_file.c, fs/proc/generic.c

import type { Credentials } from '../credentials.ts'
import { type KGid, type KUid, rootGid, rootUid } from '../ids.ts'
import type { Kernel } from '../kernel.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from './dentry.ts'
import type { FileOperations, OpenFile } from './file.ts'
import { type Attributes, type DirectoryEntry, Inode, type InodeKind } from './inode.ts'
import { readable, writable } from './poll-events.ts'
import type { Superblock } from './superblock.ts'
import { encode } from './utf8.ts'

export interface Owner {
  readonly uid: KUid
  readonly gid: KGid
}

export const rootOwner: Owner = { uid: rootUid, gid: rootGid }

/** What a file says, and what may be written to it. */
export interface Content {
  /** @param opener - the credentials of the open description */
  readonly read?: (task: Task, opener: Credentials) => string | Uint8Array | Denied
  readonly write?: (task: Task, bytes: Uint8Array, offset: number, opener: Credentials) => Reply
  /** Asked at open(2), after the permission bits. */
  readonly check?: (task: Task, flags: number) => Denied | undefined
  readonly poll?: FileOperations['poll']
}

const readonly = (): Denied =>
  deny('EPERM', 'proc(5)', 'chmod(2), chown(2): files that the kernel makes stay as they are')

abstract class PseudoInode extends Inode {
  constructor(superblock: Superblock, kernel: Kernel, kind: InodeKind, mode: number, owner: Owner) {
    // The root, which comes first, is number 1: PROC_ROOT_INO, and kernfs has it so too.
    const ino = kind === 'directory' && superblock.root === undefined ? 1 : kernel.counters.nextInode()
    super(superblock, ino, { kind, mode, uid: owner.uid, gid: owner.gid })
    this.atime = this.mtime = this.ctime = kernel.now()
  }

  override setAttributes(_task: Task, changes: Attributes): Denied | undefined {
    // Owners in proc change in name only: the next look makes them the process's again. proc_setattr()
    if (this.superblock.type === 'proc' && this.superblock.root?.inode === this) return undefined
    const owned = this.superblock.type !== 'proc' && (changes.uid !== undefined || changes.gid !== undefined)
    return changes.mode !== undefined || owned ? readonly() : undefined
  }

  override blocks512(): number {
    return 0
  }
}

export class PseudoFile extends PseudoInode {
  readonly #content: Content

  constructor(superblock: Superblock, kernel: Kernel, mode: number, content: Content, owner = rootOwner) {
    super(superblock, kernel, 'file', mode, owner)
    this.#content = content
  }

  open(task: Task, file: OpenFile): FileOperations | Denied {
    return this.#content.check?.(task, file.flags) ?? contentOperations(this.#content, file)
  }
}

/** An open file of made content: read in pieces of what it was at the start. */
export function contentOperations({ read, write, poll }: Content, file: OpenFile): FileOperations {
  let text: Uint8Array | undefined
  return {
    seekable: true,
    read(task, count, offset): Reply {
      if (read === undefined) return deny('EINVAL', 'proc(5)', 'read(2): the file can only be written')
      if (offset === 0 || text === undefined) {
        const made = read(task, file.opener)
        if (isDenied(made)) return made
        text = typeof made === 'string' ? encode(made) : made
      }
      const data = text.slice(offset, offset + count)
      return { value: data.length, data }
    },
    write(task, bytes, offset): Reply {
      if (write === undefined) return deny('EIO', 'proc(5)', 'write(2): the file can only be read')
      return write(task, bytes, offset, file.opener)
    },
    truncate: () => 0,
    ...(poll && { poll }),
  }
}

/** A symbolic link; with `jump` a magic one. */
export class PseudoLink extends PseudoInode {
  override readonly readlink: (task: Task) => string | Denied

  constructor(
    superblock: Superblock,
    kernel: Kernel,
    readlink: (task: Task) => string | Denied,
    jump?: Inode['jump'],
    owner = rootOwner,
    mode = 0o777,
  ) {
    super(superblock, kernel, 'symlink', mode, owner)
    this.readlink = readlink
    if (jump) this.jump = jump
  }

  open(): Denied {
    return deny('ELOOP', 'open(2)', 'open(2): a symbolic link has no content')
  }
}

/** A directory whose entries come and go by themselves. */
export abstract class PseudoDirectory extends PseudoInode {
  override readonly volatile = true

  constructor(superblock: Superblock, kernel: Kernel, mode = 0o555, owner = rootOwner) {
    super(superblock, kernel, 'directory', mode, owner)
    this.linkCount = 2
  }

  open(task: Task, _file: OpenFile): FileOperations | Denied {
    return this.mayOpen(task) ?? { seekable: true }
  }

  /** Whether its names may be listed, and asked for. */
  mayOpen(_task: Task): Denied | undefined {
    return undefined
  }

  abstract override lookup(task: Task, name: string): Inode | undefined | Denied
  abstract override entries(task: Task): readonly DirectoryEntry[]
}

/** A node of a tree that is written down: a directory of nodes, or how to make the inode. */
export type Made = (superblock: Superblock, kernel: Kernel) => Inode

/** A directory of fixed names. Each inode is made at the first use. */
export class FixedDirectory extends PseudoDirectory {
  override readonly alwaysEmpty: boolean
  readonly #kernel: Kernel
  readonly #nodes: Readonly<Record<string, Made>>
  readonly #inodes = new Map<string, Inode>()

  constructor(
    superblock: Superblock,
    kernel: Kernel,
    nodes: Readonly<Record<string, Made>>,
    mode = 0o555,
    owner = rootOwner,
  ) {
    super(superblock, kernel, mode, owner)
    this.#kernel = kernel
    this.#nodes = nodes
    this.alwaysEmpty = Object.keys(nodes).length === 0
  }

  lookup(_task: Task, name: string): Inode | undefined | Denied {
    const known = this.#inodes.get(name)
    if (known) return known
    if (!Object.hasOwn(this.#nodes, name)) return undefined
    const inode = this.#nodes[name]!(this.superblock, this.#kernel)
    this.#inodes.set(name, inode)
    return inode
  }

  entries(task: Task): readonly DirectoryEntry[] {
    return Object.keys(this.#nodes).map((name) => entryOf(name, this.lookup(task, name) as Inode))
  }
}

export const entryOf = (name: string, { ino, kind }: Inode): DirectoryEntry => ({ name, ino, kind })

/** A file of a fixed tree. */
export const file =
  (content: Content, mode = content.write ? 0o644 : 0o444): Made =>
  (superblock, kernel) =>
    // proc_reg_poll() in fs/proc/inode.c, kernfs_fop_poll(): there is always something to be had.
    new PseudoFile(superblock, kernel, mode, { poll: () => ({ events: readable | writable, queues: [] }), ...content })

/** A text that never changes. */
export const text = (words: string, mode = 0o444): Made => file({ read: () => words }, mode)

export const directory =
  (nodes: Readonly<Record<string, Made>>, mode = 0o555): Made =>
  (superblock, kernel) =>
    new FixedDirectory(superblock, kernel, nodes, mode)

export const link =
  (target: string): Made =>
  (superblock, kernel) =>
    new PseudoLink(superblock, kernel, () => target)

/** The root of an instance. */
export const rootOf = (superblock: Superblock, inode: Inode): Dentry => new Dentry(superblock, inode, '/', undefined)

// tmpfs: files in memory, each page paid for by whoever wrote it first. tmpfs(5)

import type { Kernel } from '../kernel.ts'
import { Charges, type Payer, pageBytes } from '../memory.ts'
import type { UserNamespace } from '../ns/user.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import { Dentry } from './dentry.ts'
import type { FileOperations, OpenFile } from './file.ts'
import { type Attributes, type DirectoryEntry, Inode, type NewInode } from './inode.ts'
import { PageCache } from './page-cache.ts'
import { Pages } from './pages.ts'
import type { Statfs, Superblock } from './superblock.ts'
import { TmpfsDirectory } from './tmpfs-directory.ts'
import { SEAL, TmpfsFile } from './tmpfs-file.ts'
import { utf8Length } from './utf8.ts'

export interface TmpfsOptions {
  readonly type?: string
  readonly source?: string
  readonly mode?: number
  readonly uid?: Inode['uid']
  readonly gid?: Inode['gid']
  /** undefined is no limit. */
  readonly sizeBytes?: number
  readonly inodes?: number
  /** It stands for a disk: what is in memory is a cache, which can be reclaimed. */
  readonly disk?: boolean
  /** As mountinfo shows them, without a comma in front. */
  readonly shown?: string
}

/** What a directory entry counts for in the size of a tmpfs directory. mm/shmem.c BOGO_DIRENT_SIZE */
const entryBytes = 20
const magic = 0x01021994
const RENAME_WHITEOUT = 4

/** What hides a name of a lower layer from overlayfs. */
const whiteoutOf = ({ credentials }: Task): NewInode => ({
  ...{ kind: 'character', mode: 0, uid: credentials.fsuid, gid: credentials.fsgid, device: [0, 0] },
})

export class Tmpfs implements Superblock {
  readonly kernel: Kernel
  readonly type: string
  readonly device: readonly [number, number]
  readonly source: string
  readonly owner: UserNamespace
  readonly root: Dentry
  /** user. since 6.6. */
  readonly xattrPrefixes: readonly string[] | undefined
  flags = 0
  writers = 0
  mounts = 0
  /** As it was mounted, for mountinfo: a later chmod does not change it. */
  readonly madeMode: number
  shown: () => string
  /** Whoever finds it by something else than its mounts is told. */
  ended: () => void = () => {}
  limitPages: number | undefined
  limitInodes: number | undefined
  readonly disk: boolean
  usedPages = 0
  usedInodes = 0
  #ino = 0

  constructor(kernel: Kernel, owner: UserNamespace, options: TmpfsOptions) {
    this.kernel = kernel
    this.type = options.type ?? 'tmpfs'
    this.device = [0, kernel.counters.devices.take()]
    this.source = options.source ?? this.type
    this.owner = owner
    const kept = kernel.since(6, 6) ? ['user.', 'trusted.', 'security.'] : ['trusted.', 'security.']
    this.xattrPrefixes = this.type === 'mqueue' || this.type === 'ramfs' ? undefined : kept
    this.madeMode = options.mode ?? 0o1777
    const { shown = '' } = options
    this.shown = () => shown
    this.limitPages = options.sizeBytes === undefined ? undefined : Math.ceil(options.sizeBytes / pageBytes)
    this.limitInodes = options.inodes
    this.disk = options.disk === true
    const made: NewInode = {
      kind: 'directory',
      mode: options.mode ?? 0o1777,
      uid: options.uid ?? (0 as Inode['uid']),
      gid: options.gid ?? (0 as Inode['gid']),
    }
    this.root = new Dentry(this, this.newInode(made), '/', undefined)
  }

  newInode(made: NewInode): TmpfsInode {
    this.usedInodes += 1
    return new TmpfsInode(this, ++this.#ino, made)
  }

  full(): Denied | undefined {
    const { limitInodes, usedInodes } = this
    if (limitInodes === undefined || usedInodes < limitInodes) return undefined
    return deny('ENOSPC', 'MNT-034', 'tmpfs(5): the file system has as many files as nr_inodes allows')
  }

  readonly options = (): string => this.shown()

  readonly statfs = (): Statfs => {
    const blocks = this.limitPages ?? 0
    const files = this.limitInodes ?? 0
    return {
      type: magic,
      blockBytes: pageBytes,
      blocks,
      blocksFree: blocks && blocks - this.usedPages,
      files,
      filesFree: files && files - this.usedInodes,
      nameLengthMax: 255,
    }
  }

  readonly end = (): void => {
    this.ended()
    this.kernel.counters.devices.giveBack(this.device[1])
    const forget = (inode: Inode): void => {
      const { names } = inode as TmpfsInode
      for (const child of names.values()) forget(child)
      names.clear()
      ;(inode as TmpfsInode).drop()
    }
    forget(this.root.inode)
  }
}

/** What those have that can have none: entries, content. */
const nothing = new Map<string, never>()
const noPages = new Pages()
const noCharges = new Charges('shmem')

export class TmpfsInode extends Inode {
  declare readonly superblock: Tmpfs
  /** The entries of a directory, the newest last. */
  readonly names: Map<string, Inode>
  /** Where lseek(2) finds them: a name keeps its offset when another file takes it over. */
  readonly #offsets: Map<string, number>
  #nextOffset = 3
  readonly target: string
  readonly pages: Pages
  readonly charges: Charges
  /** Of a file on a disk; made when it is first read or written. */
  cache: PageCache | undefined
  /** F_SEAL_* of a regular file: those of a path are sealed against more from the start. mm/shmem.c */
  seals: number | undefined

  constructor(superblock: Tmpfs, ino: number, made: NewInode) {
    super(superblock, ino, made)
    const { kind } = made
    this.names = kind === 'directory' ? new Map() : nothing
    this.#offsets = kind === 'directory' ? new Map() : nothing
    this.pages = kind === 'file' ? new Pages() : noPages
    this.charges = kind === 'file' ? new Charges('shmem') : noCharges
    this.target = made.target ?? ''
    this.sizeBytes = made.kind === 'directory' ? 2 * entryBytes : utf8Length(this.target)
    if (made.kind === 'directory') this.linkCount = 2
    if (made.kind === 'file' && !superblock.disk) this.seals = SEAL.SEAL
    this.atime = this.mtime = this.ctime = this.btime = superblock.kernel.now()
  }

  open(_task: Task, file: OpenFile): FileOperations | Denied {
    if (this.kind === 'file') return new TmpfsFile(this, file)
    if (this.kind === 'directory') return new TmpfsDirectory(file)
    return { seekable: false }
  }

  override readlink(): string {
    return this.target
  }

  override lookup(_task: Task, name: string): Inode | undefined {
    return this.names.get(name)
  }

  override create(_task: Task, name: string, made: NewInode): Inode | Denied {
    const refusal = this.superblock.full()
    if (refusal) return refusal
    const inode = this.superblock.newInode(made)
    this.#add(name, inode)
    return inode
  }

  override createUnnamed(_task: Task, made: NewInode): Inode | Denied {
    const refusal = this.superblock.full()
    if (refusal) return refusal
    const inode = this.superblock.newInode(made)
    inode.linkCount = 0
    return inode
  }

  override blocks512(): number {
    return this.pages.count * 8
  }

  override link(_task: Task, name: string, inode: Inode): Denied | undefined {
    inode.linkCount += 1
    inode.ctime = this.superblock.kernel.now()
    this.#add(name, inode)
    return undefined
  }

  override unlink(_task: Task, name: string, inode: Inode): undefined {
    this.#remove(name, inode)
    inode.linkCount -= 1
    inode.ctime = this.mtime
    if (inode.linkCount > 0) return undefined
    if (inode.opens === 0) inode.end?.()
    else {
      inode.orphan = true
      inode.superblock.orphans = (inode.superblock.orphans ?? 0) + 1
    }
  }

  override rmdir(_task: Task, name: string, inode: Inode): Denied | undefined {
    if ((inode as TmpfsInode).names.size > 0)
      return deny('ENOTEMPTY', 'rmdir(2)', 'rmdir(2): the directory is not empty')
    this.#remove(name, inode)
    inode.linkCount = 0
    inode.ctime = this.mtime
    if (inode.opens === 0) inode.end?.()
    return undefined
  }

  override rename(task: Task, name: string, to: TmpfsInode, newName: string, flags: number): Denied | undefined {
    const inode = this.names.get(name)!
    const there = to.names.get(newName)
    const exchange = (flags & 2) !== 0
    const offset = to.#offsets.get(newName)
    if (there && !exchange) {
      const refusal = there.kind === 'directory' ? to.rmdir(task, newName, there) : to.unlink(task, newName, there)
      if (refusal) return refusal
    }
    const before = this.#offsets.get(name)
    this.#remove(name, inode)
    if (there && exchange) {
      to.#remove(newName, there)
      if (before !== undefined) this.#offsets.set(name, before)
      this.#add(name, there)
    }
    if (flags & RENAME_WHITEOUT) this.#add(name, this.superblock.newInode(whiteoutOf(task)))
    if (offset !== undefined) to.#offsets.set(newName, offset)
    to.#add(newName, inode)
    inode.ctime = this.superblock.kernel.now()
    if (there) there.ctime = inode.ctime
    return undefined
  }

  /** The newest first, as dcache lists them; 6.6 to 6.11 went by offset. fs/libfs.c */
  override entries(): readonly DirectoryEntry[] {
    const { kernel } = this.superblock
    const entries = Array.from(this.names, ([name, { ino, kind }]) => ({
      ...{ name, ino, kind },
      ...(kernel.since(6, 12) && { offset: this.#offsets.get(name)! }),
    }))
    return kernel.since(6, 6) && !kernel.since(6, 12) ? entries : entries.reverse()
  }

  override setAttributes(_task: Task, changes: Attributes): Denied | undefined {
    const { seals = 0 } = this
    const { sizeBytes, mode } = changes
    if (mode !== undefined && seals & SEAL.EXEC && (mode ^ this.mode) & 0o111)
      return deny('EPERM', 'fcntl(2)', 'chmod(2): a seal forbids changing who may execute')
    if (sizeBytes === undefined) return undefined
    if (sizeBytes < this.sizeBytes && seals & SEAL.SHRINK)
      return deny('EPERM', 'fcntl(2)', 'ftruncate(2): a seal forbids shrinking')
    if (sizeBytes > this.sizeBytes && seals & SEAL.GROW)
      return deny('EPERM', 'fcntl(2)', 'ftruncate(2): a seal forbids growing')
    if (sizeBytes < this.sizeBytes) {
      this.pages.cut(sizeBytes, this.gone)
      this.cache?.cut(sizeBytes)
    }
    this.sizeBytes = sizeBytes
    return undefined
  }

  override end(): void {
    this.superblock.usedInodes -= 1
    this.drop()
  }

  /** Lets go of its content. */
  drop(): void {
    this.superblock.usedPages -= this.pages.count
    this.pages.cut(0, () => {})
    this.charges.giveBackAll()
    this.cache?.cut(0)
  }

  /** One page more: of the file system, and of the writer's memory. */
  ask(task: Task): Payer | undefined | Denied {
    const { superblock } = this
    if (superblock.limitPages !== undefined && superblock.usedPages >= superblock.limitPages)
      return deny('ENOSPC', 'MNT-034', 'tmpfs(5): the file system is as large as its size option allows')
    const payer = superblock.disk ? undefined : this.charges.take(task, 1)
    if (!isDenied(payer)) superblock.usedPages += 1
    return payer
  }

  /** What is read or written is in memory afterwards; only files on disks have a cache that it is in. */
  touched(task: Task, offset: number, lengthBytes: number): Denied | undefined {
    if (!this.superblock.disk) return undefined
    this.cache ??= new PageCache()
    return this.cache.touch(task, offset, lengthBytes)
  }

  readonly gone = (payer: Payer | undefined): void => {
    this.superblock.usedPages -= 1
    this.charges.giveBack(payer, 1)
  }

  #add(name: string, inode: Inode): void {
    this.names.set(name, inode)
    if (!this.#offsets.has(name)) this.#offsets.set(name, this.#nextOffset++)
    this.sizeBytes += entryBytes
    if (inode.kind === 'directory') this.linkCount += 1
    this.mtime = this.ctime = this.superblock.kernel.now()
  }

  #remove(name: string, inode: Inode): void {
    this.names.delete(name)
    this.#offsets.delete(name)
    this.sizeBytes -= entryBytes
    if (inode.kind === 'directory') this.linkCount -= 1
    this.mtime = this.ctime = this.superblock.kernel.now()
  }

  /** For the digest. */
  hidden(): object {
    return { offsets: this.#offsets }
  }
}

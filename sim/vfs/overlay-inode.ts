// A file or directory of an overlay: it stands for one in the upper layer, or for those of lower layers until something is
// changed. filesystems/overlayfs.rst

import type { KGid, KUid } from '../ids.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from './file.ts'
import { mayBeWritten } from './flags.ts'
import { type Attributes, type DirectoryEntry, Inode, type NewInode } from './inode.ts'
import type { Overlay } from './overlay.ts'
import * as change from './overlay-change.ts'
import { copyUp, originOf } from './overlay-copy.ts'
import { findIn, isWhiteout, noUpper, type Real } from './overlay-layers.ts'
import { groupOf, groupThrough, ownerOf, ownerThrough } from './permission.ts'

export class OverlayInode extends Inode {
  declare readonly superblock: Overlay
  /** From the top; of a file there is one. Of a directory, those that are merged. */
  stack: readonly Real[]
  /** The first of the stack is in the upper layer. */
  inUpper: boolean
  /** Where it is copied up to. */
  parent: OverlayInode | undefined
  name: string
  /** Names that were taken from it while it was in a lower layer, which stays as it is. */
  unlinked = 0
  /** With index=on, of a file that was copied up: names that only a lower layer has. */
  namesBelow = 0
  /** Descriptions that read from a lower layer: after a copy-up they read from the copy (OVL-006). */
  readonly readers = new Set<OpenFile>()
  /** What its names are known to stand for: of one name there is one object. */
  readonly known = new Map<string, OverlayInode>()
  #pins = 0

  constructor(superblock: Overlay, stack: readonly Real[], parent: OverlayInode | undefined, name: string) {
    const { layer, dentry } = stack[0]!
    const { inode } = dentry
    super(superblock, superblock.inoOf(stack), {
      kind: inode.kind,
      mode: inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      device: inode.device,
    })
    this.stack = stack
    this.inUpper = layer === superblock.upper
    this.parent = parent
    this.name = name
    if (inode.kind !== 'directory') this.statDevice = layer.device
  }

  get real(): Inode {
    return this.stack[0]!.dentry.inode
  }

  open(task: Task, file: OpenFile): FileOperations | Denied {
    if (mayBeWritten(file.flags)) {
      const refusal = this.toUpper(task)
      if (refusal) return refusal
    }
    if (this.kind === 'directory') return { seekable: true }
    if (!this.inUpper) {
      this.readers.add(file)
      file.tellAtEnd({ ended: () => this.readers.delete(file) })
    }
    return this.real.open(task, file)
  }

  /** A copy-up puts it where it was looked for last. */
  reached(parent: OverlayInode, name: string): void {
    if (this.inUpper || this.kind === 'directory') return
    this.parent = parent
    this.name = name
  }

  /** Makes sure that it is in the upper layer (OVL-003). */
  toUpper(task: Task): Denied | undefined {
    if (this.inUpper) return undefined
    if (this.superblock.upper === undefined) return noUpper('open(2)')
    if (this.linkCount === 0)
      return deny('ESTALE', 'OVL-003', 'overlayfs: a file of a lower layer without a name has no place in the upper')
    return copyUp(task, this)
  }

  /** One name less, or all of a directory; a lower layer stays as it is. */
  nameGone(wasUpper: boolean): void {
    if (this.kind === 'directory') this.unlinked = Number.POSITIVE_INFINITY
    else if (!wasUpper) this.unlinked += 1
  }

  /** It has been copied up. */
  rise(task: Task, upper: Real): void {
    const before = this.real
    if (this.superblock.index && this.kind === 'file') this.namesBelow = Math.max(0, this.linkCount - 1)
    this.stack = this.kind === 'directory' ? [upper, ...this.stack] : [upper]
    this.inUpper = true
    this.unlinked = 0
    before.opens -= this.#pins
    this.real.opens += this.#pins
    for (const file of this.readers) {
      const operations = this.real.open(task, file)
      if (!isDenied(operations)) file.operations = operations
    }
    this.readers.clear()
  }

  override pinned(): void {
    this.#pins += 1
    this.real.opens += 1
  }

  override unpinned(): void {
    this.#pins -= 1
    const { real } = this
    real.opens -= 1
    if (real.opens === 0 && real.linkCount === 0) real.end?.()
  }

  override readlink(task: Task): string | Denied {
    return this.real.readlink!(task)
  }

  override blocks512(): number {
    return this.real.blocks512?.() ?? Math.ceil(this.real.sizeBytes / 512)
  }

  override lookup(task: Task, name: string): Inode | undefined | Denied {
    const { superblock } = this
    const known = this.known.get(name)
    if (known) {
      known.reached(this, name)
      return known
    }
    const found = findIn(task, this.stack, name, superblock.prefix, superblock.lower)
    if (isDenied(found) || found.length === 0) return isDenied(found) ? found : undefined
    return superblock.inodeFor(found, this, name)
  }

  override entries(task: Task): readonly DirectoryEntry[] {
    const { prefix } = this.superblock
    const seen = new Set<string>()
    const all: DirectoryEntry[] = []
    for (const { dentry: directory } of this.stack)
      for (const entry of directory.inode.entries?.(task) ?? []) {
        if (seen.has(entry.name)) continue
        seen.add(entry.name)
        if (entry.kind !== 'character' && entry.kind !== 'file') {
          all.push(entry)
          continue
        }
        const inode = directory.inode.lookup?.(task, entry.name)
        if (inode === undefined || isDenied(inode) || isWhiteout(inode, prefix)) continue
        all.push({ ...entry, ino: originOf(inode, prefix) ?? entry.ino })
      }
    return all
  }

  override create(task: Task, name: string, made: NewInode): Inode | Denied {
    return change.create(task, this, name, made)
  }

  override createUnnamed(task: Task, made: NewInode): Inode | Denied {
    const real = task.kernel.since(6, 10) ? change.createUnnamed(task, this, made) : undefined
    if (real === undefined) return deny('EOPNOTSUPP', 'open(2)', 'open(2): the upper layer has no O_TMPFILE')
    return isDenied(real) ? real : new OverlayInode(this.superblock, [real], this, real.dentry.name)
  }

  override link(task: Task, name: string, inode: Inode): Denied | undefined {
    return change.link(task, this, name, inode as OverlayInode)
  }

  override unlink(task: Task, name: string, inode: Inode): Denied | undefined {
    return change.remove(task, this, name, inode as OverlayInode)
  }

  override rmdir(task: Task, name: string, inode: Inode): Denied | undefined {
    return change.remove(task, this, name, inode as OverlayInode)
  }

  override rename(task: Task, name: string, to: Inode, newName: string, flags: number): Denied | undefined {
    return change.rename(task, { from: this, name, to: to as OverlayInode, newName, flags })
  }

  override setAttributes(task: Task, changes: Attributes): Denied | undefined {
    return this.toUpper(task) ?? (this.inUpper ? this.real.setAttributes?.(task, changes) : undefined)
  }

  override setXattr(task: Task, name: string, value: Uint8Array | undefined): Denied | undefined {
    const refusal = this.toUpper(task)
    if (refusal || !this.inUpper) return refusal
    const denied = this.real.setXattr?.(task, name, value)
    if (denied) return denied
    if (value === undefined) this.real.xattrs.delete(name)
    else this.real.xattrs.set(name, value)
    return undefined
  }

  /** For the digest. */
  hidden(): object {
    return { pins: this.#pins }
  }
}

/** Facts are those of the file it stands for; a lower layer is never written to. */
function mirror<K extends keyof Inode>(
  field: K,
  get: (of: OverlayInode) => unknown,
  set: (of: OverlayInode, value: Inode[K]) => void,
): void {
  Object.defineProperty(OverlayInode.prototype, field, {
    get(this: OverlayInode) {
      return get(this)
    },
    set(this: OverlayInode, value: Inode[K]) {
      // The constructor of all inodes has no stack yet.
      if (this.stack !== undefined && this.inUpper) set(this, value)
    },
  })
}

const mountOf = (of: OverlayInode) => of.stack[0]!.layer.mount

for (const field of ['mode', 'sizeBytes', 'atime', 'mtime', 'ctime', 'btime'] as const)
  mirror(
    field,
    ({ real }) => real[field],
    ({ real }, value) => Object.assign(real, { [field]: value }),
  )
mirror(
  'uid',
  (of) => ownerOf(mountOf(of), of.real) ?? (65534 as KUid),
  (of, value) => {
    of.real.uid = ownerThrough(mountOf(of), value) ?? value
  },
)
mirror(
  'gid',
  (of) => groupOf(mountOf(of), of.real) ?? (65534 as KGid),
  (of, value) => {
    of.real.gid = groupThrough(mountOf(of), value) ?? value
  },
)
mirror(
  'linkCount',
  (of) =>
    of.kind === 'directory' && of.stack.length > 1 && of.unlinked === 0
      ? 1
      : Math.max(0, of.real.linkCount + of.namesBelow - of.unlinked),
  () => {},
)
mirror(
  'xattrs',
  ({ real, superblock: { prefix } }) => {
    for (const name of real.xattrs.keys())
      if (name.startsWith(prefix)) return new Map([...real.xattrs].filter(([other]) => !other.startsWith(prefix)))
    return real.xattrs
  },
  () => {},
)

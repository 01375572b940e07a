// A cgroup as a directory: its files come and go with its controllers, its subdirectories are its children. kernfs in Linux

import type { Kernel } from '../kernel.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations } from '../vfs/file.ts'
import { type DirectoryEntry, Inode, type NewInode } from '../vfs/inode.ts'
import { inOrder } from '../vfs/kernfs-order.ts'
import type { Cgroup, Held } from './cgroup.ts'
import type { CgroupFile } from './controller.ts'
import { CgroupFileInode } from './file.ts'
import { superblockOf } from './superblock.ts'
import { makeChild, removeCgroup, roomForChild } from './tree.ts'

export class CgroupDirectory extends Inode {
  readonly cgroup: Cgroup
  readonly kernel: Kernel
  /** Those that were looked up; no other can have watchers. */
  readonly #files = new Map<string, CgroupFileInode>()
  override readonly volatile = true

  constructor(kernel: Kernel, cgroup: Cgroup, mode: number) {
    const { uid, gid } = cgroup.owner
    super(superblockOf(kernel, cgroup.hierarchy), cgroup.id, { kind: 'directory', mode, uid, gid })
    this.cgroup = cgroup
    this.kernel = kernel
    this.linkCount = 2 + cgroup.children.size
    this.atime = this.mtime = this.ctime = kernel.now()
  }

  open(): FileOperations {
    return { seekable: true, listsByOffset: true }
  }

  override lookup(_task: Task, name: string): Inode | undefined {
    const child = this.cgroup.children.get(name)
    return child ? directoryOf(child) : this.file(name)
  }

  /** A file by its name; undefined when the cgroup has none of that name now. */
  file(name: string): CgroupFileInode | undefined {
    const known = this.#files.get(name)
    if (known?.alive) return known
    if (known) this.#files.delete(name)
    const found = superblockOf(this.kernel, this.cgroup.hierarchy).files.get(name)
    if (found === undefined) return undefined
    const held = found.controller && this.cgroup.held.get(found.controller)
    if (!isThere(this.cgroup, found.file, found.controller !== undefined, held)) return undefined
    const inode = new CgroupFileInode(this, found.file, held)
    this.#files.set(name, inode)
    return inode
  }

  /** What a file tells has changed. */
  fileChanged(name: string): void {
    this.#files.get(name)?.changed()
  }

  /** The directory is gone: whoever polls a file of it is told. */
  gone(): void {
    this.linkCount = 0
    for (const file of this.#files.values()) file.changed()
  }

  override create(task: Task, name: string, made: NewInode): Inode | Denied {
    const { cgroup, kernel } = this
    if (made.kind === 'file') return deny('EACCES', 'CG-007', 'open(2): in a cgroup only cgroups are made, by mkdir(2)')
    if (made.kind !== 'directory')
      return deny('EPERM', 'CG-007', 'mknod(2): in a cgroup only cgroups are made, by mkdir(2)')
    if (name.includes('\n')) return deny('EINVAL', 'CG-007', 'mkdir(2): the name of a cgroup has no newline')
    if (cgroup.dead) return deny('ENODEV', 'CG-007', 'mkdir(2): the cgroup has been removed')
    const refusal = roomForChild(cgroup)
    if (refusal) return refusal
    const { fsuid: uid, fsgid: gid } = task.credentials
    const child = makeChild(cgroup, name, { uid, gid }, this.superblockIds())
    child.directory = new CgroupDirectory(kernel, child, made.mode)
    this.linkCount += 1
    this.mtime = this.ctime = kernel.now()
    return child.directory
  }

  private superblockIds(): number {
    return superblockOf(this.kernel, this.cgroup.hierarchy).nextIno()
  }

  override rmdir(_task: Task, name: string): Denied | undefined {
    const child = this.cgroup.children.get(name)!
    const refusal = removeCgroup(child)
    if (refusal) return refusal
    child.directory?.gone()
    this.linkCount -= 1
    this.mtime = this.ctime = this.kernel.now()
    return undefined
  }

  /** Version 1 alone, and only inside of one directory (V1-006). */
  override rename(_task: Task, name: string, to: Inode, newName: string, flags: number): Denied | undefined {
    const { cgroup } = this
    if (cgroup.hierarchy.version === 2)
      return deny('EPERM', 'CG-007', 'rename(2): cgroups of version 2 keep their name')
    if (flags) return deny('EINVAL', 'V1-006', 'rename(2): cgroups are renamed without flags')
    if (newName.includes('\n')) return deny('EINVAL', 'V1-006', 'rename(2): the name of a cgroup has no newline')
    const child = cgroup.children.get(name)
    if (child === undefined) return deny('ENOTDIR', 'V1-006', 'rename(2): only directories are renamed')
    if (to !== this) return deny('EIO', 'V1-006', 'rename(2): a cgroup stays below its parent')
    if (this.lookup(_task, newName)) return deny('EEXIST', 'V1-006', 'rename(2): there is something of this name')
    cgroup.children.delete(name)
    child.name = newName
    cgroup.children.set(newName, child)
    return undefined
  }

  override entries(): readonly DirectoryEntry[] {
    const { cgroup } = this
    const { files } = superblockOf(this.kernel, cgroup.hierarchy)
    const entries: DirectoryEntry[] = []
    if (!cgroup.dead)
      for (const name of files.keys()) {
        const inode = this.file(name)
        if (inode) entries.push({ name, ino: inode.ino, kind: 'file' })
      }
    for (const [name, child] of cgroup.children) entries.push({ name, ino: child.id, kind: 'directory' })
    return inOrder(entries)
  }

  override blocks512(): number {
    return 0
  }
}

/** Whether a cgroup has a file now. */
export function isThere(
  cgroup: Cgroup,
  file: Pick<CgroupFile, 'where' | 'exists'>,
  ofController: boolean,
  held: Held | undefined,
): boolean {
  if (cgroup.dead || (ofController && held === undefined)) return false
  if (file.where !== undefined && (file.where === 'root') !== (cgroup.parent === undefined)) return false
  return file.exists?.(cgroup) !== false
}

/** The directory of a cgroup, made when it is first asked for. */
export function directoryOf(cgroup: Cgroup): CgroupDirectory {
  cgroup.directory ??= new CgroupDirectory(cgroup.hierarchy.superblock!.kernel, cgroup, cgroup.parent ? 0o755 : 0o555)
  return cgroup.directory
}

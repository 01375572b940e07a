// A dentry: a name in a directory. The tree of dentries is what paths walk along and what mounts are put on.

import type { Inode } from './inode.ts'
import type { Mount } from './mount.ts'
import type { Superblock } from './superblock.ts'

export class Dentry {
  readonly superblock: Superblock
  inode: Inode
  /** `/` for the root of a file system. */
  name: string
  /** Undefined for a root. */
  parent: Dentry | undefined
  /** Names that were walked to; a file system is asked again for those that may change by themselves (proc). */
  readonly children = new Map<string, Dentry>()
  /** Its name is gone (unlink, rmdir): mountinfo says `//deleted`, and nothing can be made in it (MNT-029). */
  deleted = false
  /** Mounts that lie on it, in any mount namespace. */
  mounts = 0
  /** The same as a set, once there was one. Kept by attach and detach. */
  mountsOn: Set<Mount> | undefined

  constructor(superblock: Superblock, inode: Inode, name: string, parent: Dentry | undefined) {
    this.superblock = superblock
    this.inode = inode
    this.name = name
    this.parent = parent
  }

  /** Whether this is another dentry or lies below it. */
  isBelow(other: Dentry): boolean {
    for (let at: Dentry | undefined = this; at; at = at.parent) if (at === other) return true
    return false
  }
}

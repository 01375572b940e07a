// A mount: a file system, or a part of one, seen at a place of a mount namespace. mount_namespaces(7)

import type { Counters } from '../counters.ts'
import type { IdMapping } from '../ns/id-map.ts'
import type { MountNamespace } from '../ns/mnt.ts'
import type { Dentry } from './dentry.ts'
import type { Path } from './path.ts'
import type { Superblock } from './superblock.ts'

/** Mounts that tell each other of mounts and unmounts below them (MNT-002). Ended when the last member leaves. */
export interface PeerGroup {
  /** As mountinfo shows it: `shared:7`. */
  readonly id: number
  readonly members: Set<Mount>
  /** Slaves of the whole group. */
  readonly slaves: Set<Mount>
}

/** MNT_* flags of one mount, which a bind does not share (MNT-020). */
export interface MountFlags {
  readonly: boolean
  nosuid: boolean
  nodev: boolean
  noexec: boolean
  nosymfollow: boolean
  atime: 'relatime' | 'noatime' | 'strictatime'
  nodiratime: boolean
  /** Flags that a less privileged mount namespace may not clear (USR-027 and its kin). */
  locked: ReadonlySet<'readonly' | 'nosuid' | 'nodev' | 'noexec' | 'atime'>
}

/** A tree of mounts that open_tree(2) or fsmount(2) made and that is attached nowhere: a descriptor keeps it. */
export interface DetachedTree {
  readonly root: Mount
}

export class Mount {
  /** Where its numbers come from and go back to. */
  readonly counters: Counters
  readonly id: number
  /** Never used again. statmount(2) */
  readonly uniqueId: number
  readonly superblock: Superblock
  /** What of the file system it shows. */
  readonly root: Dentry
  /** As mountinfo shows it. */
  readonly source: string
  flags: MountFlags
  /** Undefined while it is attached nowhere. */
  namespace: MountNamespace | undefined
  /** Set instead of `namespace` in a tree that is attached nowhere. With neither it has been unmounted. */
  tree: DetachedTree | undefined
  /** Where it lies; undefined for the root of a namespace and for a detached one. */
  at: Path | undefined
  /** Lying on this one, in the order in which they were put there. */
  readonly children = new Set<Mount>()
  /** The same by the dentry that each covers: what a path walk goes through. One for each; a second lies on the first's root. */
  readonly covers = new Map<Dentry, Mount>()
  group: PeerGroup | undefined
  /** The group that it receives from. */
  master: PeerGroup | undefined
  unbindable = false
  /** Put here by a more privileged mount namespace: it cannot be taken off alone (USR-029 and its kin). */
  locked = false
  /** MNT_EXPIRE was asked for, and nobody has used it since (MNT-015). */
  expiring = false
  idMapping: IdMapping | undefined
  /** Open descriptions, working directories and roots on it: it is busy while there are any (MNT-013). */
  users = 0
  /** Of those, descriptions for writing: while there are any it does not become read-only (MNT-022). */
  writers = 0
  /** Called when the last user has gone; set for one that is attached nowhere any more, which then ends. */
  unused: (() => void) | undefined

  constructor(counters: Counters, superblock: Superblock, root: Dentry, flags: MountFlags, source: string) {
    this.counters = counters
    this.id = counters.mounts.take()
    // Above all numbers of the other kind. MNT_UNIQUE_ID_OFFSET in fs/namespace.c
    this.uniqueId = 2 ** 31 + counters.nextUnique()
    this.superblock = superblock
    this.root = root
    this.flags = flags
    this.source = source
  }
}

export const plainFlags = (): MountFlags => ({
  readonly: false,
  nosuid: false,
  nodev: false,
  noexec: false,
  nosymfollow: false,
  atime: 'relatime',
  nodiratime: false,
  locked: new Set(),
})

// What a less privileged mount namespace may not change about mounts that a more privileged one made.
// mount_namespaces(7), fs/namespace.c

import type { Kernel } from '../kernel.ts'
import type { MountNamespace } from '../ns/mnt.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Dentry } from './dentry.ts'
import type { Mount, MountFlags } from './mount.ts'
import { superblockReadonly } from './permission.ts'
import type { Superblock } from './superblock.ts'

type Lock = MountFlags['locked'] extends ReadonlySet<infer L> ? L : never
const clearable = ['readonly', 'nosuid', 'nodev', 'noexec'] as const

/** Locks flags as they are, and all mounts but the first in their places (USR-020). lock_mnt_tree() */
export function lockTree(tree: readonly Mount[]): void {
  tree.forEach((mount, index) => {
    const locked = new Set<Lock>(mount.flags.locked).add('atime')
    for (const flag of clearable) if (mount.flags[flag]) locked.add(flag)
    mount.flags.locked = locked
    if (index > 0) mount.locked = true
  })
}

/** Whether new flags keep what is locked. can_change_locked_flags() */
export function keepsLocks({ flags }: Mount, wish: MountFlags): boolean {
  const { locked } = flags
  if (locked.size === 0) return true
  for (const flag of clearable) if (locked.has(flag) && !wish[flag]) return false
  return !locked.has('atime') || (flags.atime === wish.atime && flags.nodiratime === wish.nodiratime)
}

/** Whether a bind of one mount alone would show what another, locked, hides (USR-020). has_locked_children() */
export function hidesByLock(mount: Mount, dentry: Dentry): boolean {
  for (const child of mount.children) if (child.locked && child.at!.dentry.isBelow(dentry)) return true
  return false
}

/**
 * proc and sysfs in a user namespace may show no more than an instance that is seen there already: one whole, that nothing
 * covers for good, and with flags that are kept (USR-019, USR-112). Answers the flags for the new mount.
 * mount_too_revealing()
 */
export function revealingFlags(
  kernel: Kernel,
  namespace: MountNamespace,
  superblock: Superblock,
  flags: MountFlags,
  call: string,
): MountFlags | Denied {
  const type = kernel.fileSystems.get(superblock.type)
  if (namespace.owner === kernel.initial.user || !type?.revealing) return flags
  for (const mount of namespace.mounts) {
    if (mount.superblock.type !== superblock.type || mount.root !== mount.superblock.root) continue
    const { locked } = mount.flags
    const readonly = locked.has('readonly') || (mount.superblock.flags & superblockReadonly) !== 0
    if (readonly && !flags.readonly) continue
    if (locked.has('atime') && (mount.flags.atime !== flags.atime || mount.flags.nodiratime !== flags.nodiratime))
      continue
    let covered = false
    for (const child of mount.children) if (child.locked && !child.at!.dentry.inode.alwaysEmpty) covered = true
    if (covered) continue
    const kept = new Set<Lock>(flags.locked)
    if (readonly) kept.add('readonly')
    if (locked.has('atime')) kept.add('atime')
    return { ...flags, locked: kept }
  }
  return deny(
    'EPERM',
    'USR-019',
    `${call}: a new ${superblock.type} would show more than any that the mount namespace has, where parts are covered or read-only`,
  )
}

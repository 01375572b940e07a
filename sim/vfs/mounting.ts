// Putting a mount in its place and taking it away again: the one place that keeps a mount, its parent and the covered
// dentry in agreement.

import type { Counters } from '../counters.ts'
import type { Kernel } from '../kernel.ts'
import type { MountNamespace } from '../ns/mnt.ts'
import type { Dentry } from './dentry.ts'
import { Mount, type MountFlags, plainFlags } from './mount.ts'
import type { Path } from './path.ts'
import type { Superblock } from './superblock.ts'

/** A mount of a part of a file system, not attached anywhere. It keeps the superblock, and the content of its root. */
export function newMount(
  kernel: { readonly counters: Counters },
  superblock: Superblock,
  root: Dentry,
  flags: MountFlags = plainFlags(),
  source = superblock.source,
): Mount {
  superblock.mounts = (superblock.mounts ?? 0) + 1
  root.inode.opens += 1
  root.inode.pinned?.()
  return new Mount(kernel.counters, superblock, root, flags, source)
}

/** A mount that is attached nowhere and used by nobody is no more; the last one of a superblock ends that. */
export function endMount(mount: Mount): void {
  for (const child of [...mount.children]) {
    detach(child)
    endWhenUnused(child)
  }
  const { superblock, root, counters } = mount
  counters.mounts.giveBack(mount.id)
  root.inode.opens -= 1
  root.inode.unpinned?.()
  if (root.inode.opens === 0 && root.inode.linkCount === 0) root.inode.end?.()
  superblock.mounts = superblock.mounts! - 1
  if (superblock.mounts === 0) superblock.end?.()
}

/** What is unmounted lives on for who still uses it (MNT-013). */
export function endWhenUnused(mount: Mount): void {
  if (mount.users === 0) {
    endMount(mount)
    return
  }
  mount.unused = () => {
    mount.unused = undefined
    if (mount.at === undefined) endMount(mount)
  }
}

/** Lays a mount on a place where no other lies (a path walk ends at the topmost one's root). */
export function attach(mount: Mount, at: Path, namespace: MountNamespace | undefined): void {
  mount.at = at
  at.mount.children.add(mount)
  at.mount.covers.set(at.dentry, mount)
  at.dentry.mounts += 1
  at.dentry.mountsOn ??= new Set()
  at.dentry.mountsOn.add(mount)
  mount.namespace = namespace
  namespace?.mounts.add(mount)
}

/** Takes a mount from its place; it stays with its namespace until `leaveNamespace`. */
export function unplace(mount: Mount): void {
  const { at } = mount
  if (at === undefined) return
  at.mount.children.delete(mount)
  at.mount.covers.delete(at.dentry)
  at.dentry.mounts -= 1
  at.dentry.mountsOn?.delete(mount)
  mount.at = undefined
}

export function leaveNamespace(mount: Mount): void {
  mount.namespace?.mounts.delete(mount)
  mount.namespace = undefined
  mount.tree = undefined
}

export function detach(mount: Mount): void {
  unplace(mount)
  leaveNamespace(mount)
}

/** A mount and all that lie on it, each before what lies on it. */
export function treeOf(mount: Mount): Mount[] {
  const all: Mount[] = []
  const visit = (at: Mount): void => {
    all.push(at)
    for (const child of at.children) visit(child)
  }
  visit(mount)
  return all
}

/** Whether a mount of a namespace lies on a dentry, through whatever mount it is seen. is_local_mountpoint() (MNT-018) */
export function isMountpointIn(namespace: MountNamespace, dentry: Dentry): boolean {
  if (dentry.mounts === 0) return false
  for (const mount of dentry.mountsOn!) if (mount.namespace === namespace) return true
  return false
}

/** The root of the topmost mount on a place; the place itself when nothing lies there. */
export function topmost(path: Path): Path {
  let { mount, dentry } = path
  while (dentry.mounts > 0) {
    const over = mount.covers.get(dentry)
    if (over === undefined) break
    mount = over
    dentry = over.root
  }
  return mount === path.mount ? path : { mount, dentry }
}

/** A file system without a place in any tree: pipefs, sockfs, nsfs, anon_inodefs. Made at first use. */
export function internalMount(kernel: Kernel, make: () => Superblock, type: string): Mount {
  const known = kernel.internalMounts.get(type)
  if (known) return known
  const superblock = make()
  const mount = newMount(kernel, superblock, superblock.root)
  kernel.internalMounts.set(type, mount)
  return mount
}

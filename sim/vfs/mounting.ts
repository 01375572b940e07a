// Putting a mount in its place and taking it away again: the one place that keeps a mount, its parent and the covered
// dentry in agreement.

import type { Kernel } from '../kernel.ts'
import type { MountNamespace } from '../ns/mnt.ts'
import type { Dentry } from './dentry.ts'
import { Mount, type MountFlags, plainFlags } from './mount.ts'
import type { Path } from './path.ts'
import type { Superblock } from './superblock.ts'

/** A mount of a part of a file system, not attached anywhere. */
export function newMount(
  kernel: Kernel,
  superblock: Superblock,
  root: Dentry,
  flags: MountFlags = plainFlags(),
): Mount {
  const { counters } = kernel
  return new Mount(counters.mounts.take(), counters.nextUnique(), superblock, root, flags)
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

export function detach(mount: Mount): void {
  const { at, namespace } = mount
  if (at) {
    at.mount.children.delete(mount)
    at.mount.covers.delete(at.dentry)
    at.dentry.mounts -= 1
    at.dentry.mountsOn?.delete(mount)
  }
  mount.at = undefined
  mount.namespace = undefined
  namespace?.mounts.delete(mount)
}

/** Whether a mount of a namespace lies on a dentry, through whatever mount it is seen. is_local_mountpoint() (MNT-018) */
export function isMountpointIn(namespace: MountNamespace, dentry: Dentry): boolean {
  if (dentry.mounts === 0) return false
  for (const mount of dentry.mountsOn!) if (mount.namespace === namespace) return true
  return false
}

/** A directory is gone: what lies on it in other mount namespaces goes with it, with all that lies on that (MNT-018). */
export function detachCovering(dentry: Dentry): void {
  if (dentry.mounts === 0) return
  for (const mount of [...dentry.mountsOn!]) detachTree(mount)
}

function detachTree(mount: Mount): void {
  for (const child of [...mount.children]) detachTree(child)
  detach(mount)
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

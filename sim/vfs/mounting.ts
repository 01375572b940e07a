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
  mount.namespace = namespace
  namespace?.mounts.add(mount)
}

export function detach(mount: Mount): void {
  const { at, namespace } = mount
  if (at) {
    at.mount.children.delete(mount)
    at.mount.covers.delete(at.dentry)
    at.dentry.mounts -= 1
  }
  mount.at = undefined
  mount.namespace = undefined
  namespace?.mounts.delete(mount)
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

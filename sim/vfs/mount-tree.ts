// Trees of mounts come to a place and go from it, with all that hears of it. attach_recursive_mnt(), umount_tree() in
// fs/namespace.c

import type { MountNamespace } from '../ns/mnt.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Dentry } from './dentry.ts'
import type { Mount } from './mount.ts'
import { lockTree } from './mount-locks.ts'
import { attach, detach, endWhenUnused, leaveNamespace, topmost, treeOf, unplace } from './mounting.ts'
import { type Path, samePath } from './path.ts'
import { mayPropagate, propagate, receivers, setPropagation } from './propagation.ts'

export interface Attaching {
  readonly source: Mount
  readonly destination: Path
  readonly mountsMax: number
  readonly call: string
}

/**
 * Lays a tree on the topmost mount of a place, and copies of it wherever that is told to. The tree may be new, or lie
 * somewhere else before (`moving`).
 */
export function attachTree({ source, destination, mountsMax, call }: Attaching): Denied | undefined {
  const { mount } = destination
  const namespace = mount.namespace!
  if (source.root.deleted) return deny('ENOENT', 'MNT-029', `${call}: what is to be mounted has been removed`)
  const moving = source.at !== undefined
  const refusal = mayPropagate(source, destination, mountsMax, moving, call)
  if (refusal) return refusal
  const copies = mount.group ? propagate(source, destination) : []
  const tree = treeOf(source)
  if (moving) {
    source.namespace?.touch()
    unplace(source)
  }
  place(source, destination, namespace, tree)
  for (const { root, at } of copies) {
    const copied = treeOf(root)
    const owner = at.mount.namespace!.owner
    if (owner !== namespace.owner) lockTree(copied)
    root.locked = false
    place(root, at, at.mount.namespace!, copied)
  }
  return undefined
}

/** What lies on the place already comes to lie on the root of the new tree. */
function place(root: Mount, at: Path, namespace: MountNamespace, tree: readonly Mount[]): void {
  const over = at.mount.covers.get(at.dentry)
  if (over) unplace(over)
  attach(root, at, namespace)
  if (over) attach(over, { mount: root, dentry: root.root }, over.namespace)
  for (const mount of tree) {
    mount.tree = undefined
    mount.namespace = namespace
    namespace.mounts.add(mount)
  }
  namespace.touch()
}

export interface Unmounting {
  /** Told to peers and slaves of the parent (MNT-053). */
  readonly propagate: boolean
  /** A plain umount(2): nothing stays connected. */
  readonly sync: boolean
  /** A detached tree that is dissolved stays as it is for who is in it. */
  readonly connected?: boolean
}

/** Takes a tree off, at once; each of its mounts ends when nobody uses it any more. */
export function unmountTree(top: Mount, how: Unmounting): void {
  if (how.propagate) unlockCopies(top)
  const going = new Set(treeOf(top))
  const toppers = how.propagate ? addCopies(going) : new Map<Mount, Mount>()
  const places = new Map<Mount, Path>()
  for (const [copy, topper] of toppers) {
    let at = copy.at!
    while (going.has(at.mount) && at.mount.at) at = at.mount.at
    places.set(topper, at)
  }
  const touched = new Set<MountNamespace>()
  const ended: Mount[] = []
  for (const mount of going) {
    if (mount.namespace) touched.add(mount.namespace)
    leaveNamespace(mount)
    const connected = !how.sync && mount.at && going.has(mount.at.mount) && (how.connected || mount.locked)
    if (!connected) {
      unplace(mount)
      ended.push(mount)
    }
    setPropagation(mount, 'private')
  }
  for (const [topper, at] of places) {
    unplace(topper)
    attach(topper, topmost(at), topper.namespace)
  }
  for (const namespace of touched) namespace.touch()
  for (const mount of ended) endWhenUnused(mount)
}

function unlockCopies(mount: Mount): void {
  if (mount.at === undefined) return
  for (const copy of copiesOf(mount)) copy.locked = false
}

/** What lies at the same place of all that hear of the parent. */
function copiesOf(mount: Mount): Mount[] {
  const { at } = mount
  const found: Mount[] = []
  if (at === undefined || at.mount.group === undefined) return found
  for (const other of receivers(at.mount)) {
    const copy = other.covers.get(at.dentry)
    if (copy && copy.namespace !== undefined) found.push(copy)
  }
  return found
}

/** The one mount that covers another whole; it takes the place of that when that goes. find_topper() */
const topperOf = (mount: Mount): Mount | undefined => {
  const over = mount.covers.get(mount.root)
  return over && mount.children.size === 1 ? over : undefined
}

/** Adds the copies that go too: those that bear nothing else, and are not locked in a parent that stays. */
function addCopies(going: Set<Mount>): Map<Mount, Mount> {
  const candidates = new Set<Mount>()
  for (const mount of going) for (const copy of copiesOf(mount)) if (!going.has(copy)) candidates.add(copy)
  for (let changed = true; changed; ) {
    changed = false
    for (const copy of candidates) {
      const free = !copy.locked || going.has(copy.at!.mount) || candidates.has(copy.at!.mount)
      let bears = false
      for (const child of copy.children)
        if (!going.has(child) && !candidates.has(child) && copy.covers.get(copy.root) !== child) bears = true
      if (free && !bears) continue
      candidates.delete(copy)
      changed = true
    }
  }
  const toppers = new Map<Mount, Mount>()
  for (const copy of candidates) {
    const over = copy.covers.get(copy.root)
    if (over && !going.has(over) && !candidates.has(over)) toppers.set(copy, over)
  }
  for (const copy of candidates) going.add(copy)
  return toppers
}

/** Whether a mount, or a copy of it that would go with it, is in use (MNT-042). propagate_mount_busy() */
export function isBusy(mount: Mount): boolean {
  if (mount.children.size > 0 || mount.users > 0) return true
  return copiesOf(mount).some((copy) => copy.users > 0 && (copy.children.size === 0 || topperOf(copy) !== undefined))
}

/** A directory is gone: what lies on it in other mount namespaces goes with it, with all that lies on that (MNT-018). */
export function unmountCovering(dentry: Dentry): void {
  if (dentry.mounts === 0) return
  for (const mount of [...dentry.mountsOn!]) {
    // One that lay on another has gone with it.
    if (!dentry.mountsOn!.has(mount)) continue
    if (mount.namespace === undefined && mount.tree === undefined) {
      detach(mount)
      endWhenUnused(mount)
    } else unmountTree(mount, { propagate: false, sync: false })
  }
}

/** Whether a place can be reached from a root by going down. is_path_reachable() */
export function isReachable(path: Path, root: Path): boolean {
  let { mount, dentry } = path
  while (mount !== root.mount && mount.at) ({ mount, dentry } = mount.at)
  return samePath({ mount, dentry }, root) || (mount === root.mount && dentry.isBelow(root.dentry))
}

/** A mount that lies in the caller's namespace, or EINVAL (MNT-037). check_mnt() */
export function foreign(mount: Mount, namespace: MountNamespace, call: string): Denied | undefined {
  if (mount.namespace === namespace) return undefined
  return deny('EINVAL', 'MNT-037', `${call}: the mount is not one of the caller's mount namespace`)
}

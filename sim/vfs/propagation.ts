// Who hears of mounts and unmounts: peer groups, slaves, and how each type of propagation becomes another.
// mount_namespaces(7), fs/pnode.c
//
// Invariants: a mount is in `group.members` of its group and in `master.slaves` of its master; all members of a group have
// the same master; a group without members is gone, and its slaves are those of its master.

import { type Denied, deny } from '../outcome.ts'
import type { Dentry } from './dentry.ts'
import type { Mount, PeerGroup } from './mount.ts'
import { copyTree } from './mount-copy.ts'
import { treeOf } from './mounting.ts'
import type { Path } from './path.ts'

export type Propagation = 'shared' | 'slave' | 'private' | 'unbindable'

export function join(mount: Mount, group: PeerGroup): void {
  mount.group = group
  group.members.add(mount)
}

export function follow(mount: Mount, master: PeerGroup | undefined): void {
  mount.master = master
  master?.slaves.add(mount)
}

/** A new group with one member. */
export function invent(mount: Mount): void {
  join(mount, { id: mount.counters.peerGroups.take(), members: new Set(), slaves: new Set() })
}

/** Changes what one mount is to others (MNT-050). change_mnt_propagation() */
export function setPropagation(mount: Mount, type: Propagation): void {
  if (type === 'shared') {
    if (mount.group === undefined) invent(mount)
    mount.unbindable = false
    return
  }
  leaveGroup(mount)
  if (type === 'slave') return
  mount.master?.slaves.delete(mount)
  mount.master = undefined
  mount.unbindable = type === 'unbindable'
}

/** Out of its group, and a slave of that; the last member leaves the slaves to the master. do_make_slave() */
function leaveGroup(mount: Mount): void {
  const { group, master } = mount
  if (group === undefined) return
  mount.group = undefined
  group.members.delete(mount)
  if (group.members.size > 0) {
    master?.slaves.delete(mount)
    follow(mount, group)
    return
  }
  for (const slave of group.slaves) follow(slave, master)
  group.slaves.clear()
  mount.counters.peerGroups.giveBack(group.id)
}

/** All that an event on a mount is told to, without itself: peers, then slaves, then theirs. propagation_next() */
export function receivers(mount: Mount): Mount[] {
  const all: Mount[] = []
  if (mount.group === undefined) return all
  const seen = new Set([mount.group])
  for (const peer of mount.group.members) if (peer !== mount) all.push(peer)
  const groups = [mount.group]
  for (const group of groups)
    for (const slave of group.slaves) {
      all.push(slave)
      if (slave.group === undefined || seen.has(slave.group)) continue
      seen.add(slave.group)
      groups.push(slave.group)
    }
  return all
}

/** Trees that are under way are told nothing, nor mounts that do not show the place. */
const receives = (mount: Mount, place: Dentry): boolean => mount.namespace !== undefined && place.isBelow(mount.root)

/** A copy that is to be laid on a place. */
export interface Copy {
  readonly root: Mount
  readonly at: Path
}

/**
 * What a tree that comes to lie on a shared mount needs: rooms for its copies. Answers the refusal, or nothing.
 *
 * @errors ENOSPC a mount namespace would have more than fs.mount-max mounts (MNT-036)
 *         EINVAL the file of a mount namespace is not copied (CLN-051)
 */
export function mayPropagate(
  source: Mount,
  destination: Path,
  mountsMax: number,
  moving: boolean,
  call: string,
): Denied | undefined {
  const size = treeOf(source).length
  const full = () => deny('ENOSPC', 'MNT-036', `${call}: a mount namespace holds no more mounts than fs.mount-max`)
  const counts = new Map<object, number>()
  const room = ({ namespace }: Mount): boolean => {
    if (namespace === undefined) return true
    const count = (counts.get(namespace) ?? namespace.mounts.size) + size
    counts.set(namespace, count)
    return count <= mountsMax
  }
  if (!moving && !room(destination.mount)) return full()
  let copied = false
  for (const mount of receivers(destination.mount)) {
    if (!receives(mount, destination.dentry)) continue
    copied = true
    if (!room(mount)) return full()
  }
  if (copied && source.root.inode.namespace?.kind === 'mnt')
    return deny('EINVAL', 'CLN-051', `${call}: the file of a mount namespace goes only on a private mount`)
  return undefined
}

/** Makes the copies of a tree for all that receive what happens on a shared mount. propagate_mnt() */
export function propagate(source: Mount, destination: Path): Copy[] {
  const { mount, dentry } = destination
  for (const one of treeOf(source)) setPropagation(one, 'shared')
  const copies: Copy[] = []
  const seen = new Set([mount.group!])
  const lay = (root: Mount, on: Mount): Mount => {
    copies.push({ root, at: { mount: on, dentry } })
    return root
  }
  for (const peer of [...mount.group!.members])
    if (peer !== mount && receives(peer, dentry)) lay(copyTree(source, source.root, 'peer')!, peer)
  const spread = (group: PeerGroup, from: Mount): void => {
    for (const slave of [...group.slaves]) {
      if (slave.group === undefined) {
        if (receives(slave, dentry)) lay(copyTree(from, from.root, 'slave')!, slave)
        continue
      }
      if (seen.has(slave.group)) continue
      seen.add(slave.group)
      let first: Mount | undefined
      for (const member of [...slave.group.members]) {
        if (!receives(member, dentry)) continue
        if (first) lay(copyTree(first, first.root, 'peer')!, member)
        else first = lay(copyTree(from, from.root, 'slave and shared')!, member)
      }
      spread(slave.group, first ?? from)
    }
  }
  spread(mount.group!, source)
  return copies
}

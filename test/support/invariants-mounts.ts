// Mounts: the tree agrees with itself, peers know each other, and what is told to one of a peer group is told to all.

import type { Syscall } from '../../core/syscall.ts'
import type { SmallNumbers } from '../../sim/counters.ts'
import { MountNamespace } from '../../sim/ns/mnt.ts'
import { Mount, type PeerGroup } from '../../sim/vfs/mount.ts'
import { treeOf } from '../../sim/vfs/mounting.ts'
import type { Path } from '../../sim/vfs/path.ts'
import type { Everything } from './invariants.ts'
import { living } from './invariants-files.ts'

/** As sim/counters.ts has it. */
const firstMount = 20

const titleOf = ({ id, source }: Mount): string => `mount ${id} of ${source}`

export function mountFaults(machine: Everything): string[] {
  const { all } = machine
  const faults = numberFaults(machine)
  for (const mount of all(Mount)) {
    const say = (what: string) => faults.push(`${titleOf(mount)}: ${what}`)
    const { at, group, master } = mount
    if (at && !at.mount.children.has(mount)) say('its parent does not bear it')
    if (at && at.mount.covers.get(at.dentry) !== mount) say('it lies where another lies')
    if (at && !at.dentry.mountsOn?.has(mount)) say('the dentry below does not know it')
    if (at && mount.namespace && at.mount.namespace !== mount.namespace) say('its parent is of another namespace')
    if (mount.covers.size !== mount.children.size) say(`${mount.covers.size} places for ${mount.children.size} mounts`)
    for (const child of mount.children) if (child.at?.mount !== mount) say('it bears what lies elsewhere')
    if (mount.namespace && !mount.namespace.mounts.has(mount)) say('its namespace does not list it')
    if (group && !group.members.has(mount)) say('its peers do not know it')
    if (master && !master.slaves.has(mount)) say('its master does not know it')
    if (group) faults.push(...groupFaults(group))
  }
  for (const namespace of all(MountNamespace)) {
    if (namespace.references === 0) continue
    const tree = new Set(treeOf(namespace.root))
    for (const mount of namespace.mounts)
      if (!tree.has(mount)) faults.push(`${titleOf(mount)}: in mnt:[${namespace.ino}], and not in its tree`)
    for (const mount of tree)
      if (mount.namespace !== namespace) faults.push(`${titleOf(mount)}: in the tree of mnt:[${namespace.ino}] alone`)
  }
  return faults
}

/** Numbers of mounts and peer groups are given back when these end, and not before. */
function numberFaults(machine: Everything): string[] {
  const { counters } = machine.kernel
  const mounts = living(machine)
  const groups = new Set(mounts.flatMap(({ group }) => (group ? [group] : [])))
  return [
    ...takenFaults('mount', counters.mounts, mounts, firstMount),
    ...takenFaults('peer group', counters.peerGroups, [...groups], 1),
  ]
}

function takenFaults(what: string, numbers: SmallNumbers, bearers: readonly { id: number }[], first: number): string[] {
  const { free, next } = numbers.hidden() as { free: readonly number[]; next: number }
  const borne = new Set(bearers.map(({ id }) => id))
  const faults = free.filter((id) => borne.has(id)).map((id) => `${what} ${id}: its number is free`)
  if (borne.size !== bearers.length) faults.push(`${what}: ${bearers.length} have ${borne.size} numbers`)
  const taken = next - first - free.length
  if (taken !== borne.size) faults.push(`${what}: ${taken} numbers are taken, ${borne.size} are in use`)
  return faults
}

function groupFaults({ id, members, slaves }: PeerGroup): string[] {
  const faults: string[] = []
  const [first] = members
  for (const mount of members) {
    if (mount.group?.id !== id) faults.push(`peer group ${id}: ${titleOf(mount)} is not of it`)
    if (mount.master !== first?.master) faults.push(`peer group ${id}: ${titleOf(mount)} has another master`)
    if (mount.superblock !== first?.superblock) faults.push(`peer group ${id}: ${titleOf(mount)} shows something else`)
    if (!mount.namespace && !mount.tree && mount.users === 0) faults.push(`peer group ${id}: ${titleOf(mount)} is gone`)
  }
  for (const slave of slaves)
    if (slave.master?.id !== id) faults.push(`peer group ${id}: ${titleOf(slave)} is no slave of it`)
  return faults
}

/** Where each mount lay, and whose peers its parent had. */
export type Places = ReadonlyMap<Mount, Path>

export function places({ all }: Everything): Places {
  return new Map(all(Mount).flatMap((mount) => (mount.namespace && mount.at ? [[mount, mount.at] as const] : [])))
}

/** What has come to lie on one of a peer group lies on all that show the place (MNT-052); what has gone is gone from all. */
export function peerFaults(before: Places, after: Places, call: Syscall): string[] {
  const faults: string[] = []
  const known = new Set<Mount>([...before.keys()].concat(Array.from(before.values(), ({ mount }) => mount)))
  const peers = ({ mount, dentry }: Path): Mount[] =>
    [...(mount.group?.members ?? [])].filter(
      (peer) => peer !== mount && known.has(peer) && peer.namespace && dentry.isBelow(peer.root),
    )
  if (call.name === 'mount' || call.name === 'move_mount')
    for (const [mount, at] of after) {
      if (before.has(mount) || !known.has(at.mount)) continue
      for (const peer of peers(at))
        if (!peer.covers.has(at.dentry))
          faults.push(`${titleOf(mount)}: it came to lie on ${titleOf(at.mount)}, not on its peer ${titleOf(peer)}`)
    }
  if (call.name === 'umount2')
    for (const [mount, at] of before) {
      if (after.has(mount) || mount.namespace || !at.mount.namespace || at.mount.covers.has(at.dentry)) continue
      for (const peer of peers(at)) {
        const left = peer.covers.get(at.dentry)
        if (left && left.children.size === 0 && !left.locked)
          faults.push(`${titleOf(mount)}: gone from ${titleOf(at.mount)}, ${titleOf(left)} still lies on its peer`)
      }
    }
  return faults
}

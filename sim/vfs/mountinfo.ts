// What /proc/PID/mountinfo, mounts and mountstats say: the mounts of a namespace that a task can reach from its root.
// proc_pid_mountinfo(5), fs/proc_namespace.c

import type { Task } from '../task.ts'
import type { Mount, PeerGroup } from './mount.ts'
import { MS } from './mount-flags.ts'
import type { Path } from './path.ts'
import { pathName } from './path-name.ts'
import { superblockReadonly } from './permission.ts'

const octal = (text: string, pattern: RegExp): string =>
  text.replace(pattern, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`)
const escapedPath = (text: string): string => octal(text, /[ \t\n\\]/g)
const escapedName = (text: string): string => octal(text, /[ \t\n\\#]/g)

/** In the order in which they were made; before Linux 6.8 in which they were attached. */
function mountsOf({ kernel, namespaces }: Task): readonly Mount[] {
  const mounts = [...namespaces.mnt.mounts]
  return kernel.since(6, 8) ? mounts.sort((a, b) => a.uniqueId - b.uniqueId) : mounts
}

/** Where a mount lies as seen from a root; undefined when it lies outside. */
export function placeOf(mount: Mount, root: Path): string | undefined {
  const { text, reachable } = pathName(root, { mount, dentry: mount.root })
  return reachable ? text : undefined
}

/** What of the file system a mount shows: a path in it, with `//deleted` when that is gone (MNT-029). */
export function shownRootOf(reader: Task, { superblock, root }: Mount): string {
  if (superblock.shownRoot) return superblock.shownRoot(reader, root)
  const names: string[] = []
  let deleted = false
  let at = root
  for (; at.parent; at = at.parent) {
    names.push(at.name)
    deleted ||= at.deleted
  }
  // A file of nsfs is at no path: `mnt:[4026531832]`.
  if (at.name !== '/') names.push(at.name)
  const path = at.name === '/' ? `/${names.reverse().join('/')}` : names.reverse().join('/')
  return deleted ? `${path}//deleted` : path
}

/** `nosuid,relatime`, each with a comma before. */
export function mountOptions({ flags, idMapping }: Mount): string {
  const words = [
    flags.nosuid && 'nosuid',
    flags.nodev && 'nodev',
    flags.noexec && 'noexec',
    flags.atime === 'noatime' && 'noatime',
    flags.nodiratime && 'nodiratime',
    flags.atime === 'relatime' && 'relatime',
    flags.nosymfollow && 'nosymfollow',
    idMapping && 'idmapped',
  ]
  return words.map((word) => (word ? `,${word}` : '')).join('')
}

export function superblockOptions({ superblock }: Mount): string {
  const { flags } = superblock
  const words = [
    flags & MS.SYNCHRONOUS && 'sync',
    flags & MS.DIRSYNC && 'dirsync',
    flags & MS.MANDLOCK && 'mand',
    flags & MS.LAZYTIME && 'lazytime',
  ]
  return words.map((word) => (word ? `,${word}` : '')).join('')
}

const own = ({ superblock }: Mount): string => {
  const options = superblock.options()
  return options && `,${options}`
}

/** The nearest group above a slave's master that has a member the reader can reach. get_dominating_id() */
function dominating(mount: Mount, root: Path): PeerGroup | undefined {
  const seen = (group: PeerGroup): boolean => {
    for (const member of group.members)
      if (member.namespace === mount.namespace && placeOf(member, root) !== undefined) return true
    return false
  }
  for (let group = mount.master; group; ) {
    if (seen(group)) return group
    const [first] = group.members
    group = first?.master
  }
  return undefined
}

function tags(mount: Mount, root: Path): string {
  let text = mount.group ? ` shared:${mount.group.id}` : ''
  if (mount.master) {
    text += ` master:${mount.master.id}`
    const from = dominating(mount, root)
    if (from && from !== mount.master) text += ` propagate_from:${from.id}`
  }
  return mount.unbindable ? `${text} unbindable` : text
}

/** The text for one task, as any that may read it sees it (MNT-028, MNT-057). */
export function mountinfo(task: Task): string {
  const { root } = task.fs
  const lines: string[] = []
  for (const mount of mountsOf(task)) {
    const place = placeOf(mount, root)
    if (place === undefined) continue
    const { id, at, superblock, flags } = mount
    const device = superblock.device.join(':')
    const shown = escapedPath(shownRootOf(task, mount))
    const access = flags.readonly ? 'ro' : 'rw'
    const all = superblock.flags & superblockReadonly ? 'ro' : 'rw'
    lines.push(
      `${id} ${at?.mount.id ?? id} ${device} ${shown} ${escapedPath(place)} ${access}${mountOptions(mount)}${tags(mount, root)}` +
        ` - ${escapedName(superblock.type)} ${escapedName(mount.source || 'none')} ${all}${superblockOptions(mount)}${own(mount)}\n`,
    )
  }
  return lines.join('')
}

/** As /etc/mtab once was. */
export function mounts(task: Task): string {
  const lines: string[] = []
  for (const mount of mountsOf(task)) {
    const place = placeOf(mount, task.fs.root)
    if (place === undefined) continue
    const { superblock, flags } = mount
    const access = flags.readonly || superblock.flags & superblockReadonly ? 'ro' : 'rw'
    const options = `${access}${superblockOptions(mount)}${mountOptions(mount)}${own(mount)}`
    const source = escapedName(mount.source || 'none')
    lines.push(`${source} ${escapedPath(place)} ${escapedName(superblock.type)} ${options} 0 0\n`)
  }
  return lines.join('')
}

export function mountstats(task: Task): string {
  const lines: string[] = []
  for (const mount of mountsOf(task)) {
    const place = placeOf(mount, task.fs.root)
    if (place === undefined) continue
    const device = mount.source ? `device ${escapedName(mount.source)}` : 'no device'
    lines.push(`${device} mounted on ${escapedPath(place)} with fstype ${escapedName(mount.superblock.type)} \n`)
  }
  return lines.join('')
}

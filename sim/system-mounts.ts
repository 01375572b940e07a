// What a machine has mounted when it is on: proc, sysfs, the files of devices, devpts, shared memory, message queues.

import { rootGid, rootUid } from './ids.ts'
import type { Kernel } from './kernel.ts'
import { setUp } from './net/links.ts'
import { isDenied } from './outcome.ts'
import type { Dentry } from './vfs/dentry.ts'
import type { MountFlags } from './vfs/mount.ts'
import { attach, newMount } from './vfs/mounting.ts'
import type { MountOption } from './vfs/types.ts'
import { AT_FDCWD, newDentry, walk } from './vfs/walk.ts'

const devices: readonly (readonly [name: string, mode: number, major: number, minor: number])[] = [
  ['console', 0o600, 5, 1],
  ['null', 0o666, 1, 3],
  ['zero', 0o666, 1, 5],
  ['full', 0o666, 1, 7],
  ['random', 0o666, 1, 8],
  ['urandom', 0o666, 1, 9],
  ['tty', 0o666, 5, 0],
  ['ptmx', 0o666, 5, 2],
]
const links: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
]

const safe: Partial<MountFlags> = { nosuid: true, nodev: true, noexec: true }

export function mountSystem(kernel: Kernel): void {
  lay(kernel, 'proc', '/proc', safe)
  lay(kernel, 'sysfs', '/sys', safe)
  const root = lay(kernel, 'devtmpfs', '/dev', { nosuid: true })
  for (const [name, mode, major, minor] of devices)
    make(kernel, root, name, 'character', mode, { device: [major, minor] })
  for (const [name, target] of links) make(kernel, root, name, 'symlink', 0o777, { target })
  for (const name of ['pts', 'shm', 'mqueue']) make(kernel, root, name, 'directory', 0o755)
  lay(kernel, 'devpts', '/dev/pts', { nosuid: true, noexec: true }, [
    ['mode', '620'],
    ['ptmxmode', '000'],
  ])
  lay(kernel, 'tmpfs', '/dev/shm', { nosuid: true, nodev: true })
  lay(kernel, 'mqueue', '/dev/mqueue', safe)
  setUp(kernel.initial.net.links.get(1)!, true)
}

/** A type that the kernel does not have is left out. */
function lay(
  kernel: Kernel,
  name: string,
  place: string,
  flags: Partial<MountFlags>,
  options: readonly MountOption[] = [],
): Dentry {
  const type = kernel.fileSystems.get(name)
  const at = walk(kernel.init, AT_FDCWD, place)
  if (isDenied(at)) throw new Error(at.sentence)
  if (type === undefined) return at.dentry
  const owner = type.owner?.(kernel.init) ?? kernel.initial.user
  const superblock = type.make(kernel.init, { source: name, options, flags: 0, owner })
  if (isDenied(superblock)) throw new Error(superblock.sentence)
  const mount = newMount(kernel, superblock, type.rootFor?.(kernel.init, superblock) ?? superblock.root)
  Object.assign(mount.flags, flags)
  attach(mount, at, kernel.initial.mnt)
  return mount.root
}

function make(
  kernel: Kernel,
  parent: Dentry,
  name: string,
  kind: 'character' | 'symlink' | 'directory',
  mode: number,
  more: { readonly device?: readonly [number, number]; readonly target?: string } = {},
): void {
  const made = { kind, mode, uid: rootUid, gid: rootGid, ...more }
  const inode = parent.inode.create!(kernel.init, name, made)
  if (isDenied(inode)) throw new Error(inode.sentence)
  newDentry(parent, name, inode)
}

// Cgroups when the machine is switched on: which hierarchies there are, and where they are mounted. cgroups(7)

import type { Kernel } from '../kernel.ts'
import { isDenied } from '../outcome.ts'
import type { Dentry } from '../vfs/dentry.ts'
import { attach, newMount } from '../vfs/mounting.ts'
import type { Path } from '../vfs/path.ts'
import type { Superblock } from '../vfs/superblock.ts'
import { Tmpfs } from '../vfs/tmpfs.ts'
import { AT_FDCWD, newDentry, walk } from '../vfs/walk.ts'
import { Cgroups, type Layout } from './cgroups.ts'
import { makeControllers } from './controllers/all.ts'
import { DeviceAccess } from './device-access.ts'
import { superblockOf } from './superblock.ts'

/** As systemd mounts version 1: what is used together lies together. */
const legacyLayout: readonly Layout[] = [
  { directory: 'systemd', title: 'systemd', controllers: [] },
  { directory: 'cpuset', controllers: ['cpuset'] },
  { directory: 'cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
  { directory: 'blkio', controllers: ['io'] },
  { directory: 'memory', controllers: ['memory'] },
  { directory: 'devices', controllers: ['devices'] },
  { directory: 'freezer', controllers: ['freezer'] },
  { directory: 'net_cls', controllers: ['net_cls'] },
  { directory: 'perf_event', controllers: ['perf_event'] },
  { directory: 'pids', controllers: ['pids'] },
]
/** On version 1 alone; a hybrid machine leaves it to version 2. */
const hugetlb: Layout = { directory: 'hugetlb', controllers: ['hugetlb'] }

const apart = (layout: Layout): Layout[] =>
  layout.controllers.length < 2
    ? [layout]
    : layout.controllers.map((controller) => ({ directory: controller, controllers: [controller] }))

/** The hierarchies of the machine, by its configuration. */
export function makeCgroups(kernel: Kernel): Cgroups {
  const devices = new DeviceAccess()
  const { cgroups: mode } = kernel.config
  const legacy = kernel.config.cpuacctApart ? legacyLayout.flatMap(apart) : legacyLayout
  const layout = mode === 'v2' ? [] : mode === 'v1' ? [...legacy, hugetlb] : legacy
  const cgroups = new Cgroups(kernel, makeControllers(kernel, devices), layout, devices)
  for (const hierarchy of cgroups.hierarchies) if (hierarchy.title === 'systemd') hierarchy.options.add('xattr')
  return cgroups
}

/** Mounts them on /sys/fs/cgroup: version 2 itself, or a tmpfs with a directory for each hierarchy. */
export function mountCgroups(kernel: Kernel): void {
  const place = walk(kernel.init, AT_FDCWD, '/sys/fs/cgroup')
  if (isDenied(place)) throw new Error(`there is no /sys/fs/cgroup: ${place.sentence}`)
  const { cgroups } = kernel
  for (const hierarchy of cgroups.hierarchies) superblockOf(kernel, hierarchy)
  const mode = kernel.config.cgroups
  if (mode === 'v2') {
    cgroups.unified.visible = true
    lay(kernel, superblockOf(kernel, cgroups.unified), place)
    return
  }
  const tmpfs = new Tmpfs(kernel, kernel.initial.user, { mode: 0o755, shown: 'mode=755' })
  const base = lay(kernel, tmpfs, place)
  if (mode === 'hybrid') {
    cgroups.unified.visible = true
    lay(kernel, superblockOf(kernel, cgroups.unified), directory(kernel, base, 'unified'))
  }
  for (const hierarchy of cgroups.hierarchies.slice(1)) {
    const name = cgroups.directories.get(hierarchy)!
    lay(kernel, superblockOf(kernel, hierarchy), directory(kernel, base, name))
    if (name.includes(',')) for (const part of name.split(',')) link(kernel, base, part, name)
  }
}

function lay(kernel: Kernel, superblock: Superblock, at: Path): Path {
  const mount = newMount(kernel, superblock, superblock.root)
  Object.assign(mount.flags, { nosuid: true, nodev: true, noexec: true })
  attach(mount, at, kernel.initial.mnt)
  return { mount, dentry: superblock.root }
}

function directory(kernel: Kernel, { mount, dentry }: Path, name: string): Path {
  return { mount, dentry: make(kernel, dentry, name, { kind: 'directory', mode: 0o755 }) }
}

function link(kernel: Kernel, { dentry }: Path, name: string, target: string): void {
  make(kernel, dentry, name, { kind: 'symlink', mode: 0o777, target })
}

function make(
  kernel: Kernel,
  parent: Dentry,
  name: string,
  made: { readonly kind: 'directory' | 'symlink'; readonly mode: number; readonly target?: string },
): Dentry {
  const { fsuid: uid, fsgid: gid } = kernel.init.credentials
  const inode = parent.inode.create!(kernel.init, name, { ...made, uid, gid })
  if (isDenied(inode)) throw new Error(inode.sentence)
  return newDentry(parent, name, inode)
}

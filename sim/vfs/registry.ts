// The file systems that this kernel has: what /proc/filesystems lists. Each is registered here, once.

import { cgroup, cgroup2 } from '../cgroup/type.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { proc } from '../proc/superblock.ts'
import { sysfs } from '../sysfs/superblock.ts'
import { devpts } from '../tty/devpts.ts'
import { overlay } from './overlay-type.ts'
import { mqueue, ramfs, single, tmpfs } from './tmpfs-type.ts'
import type { FileSystemType } from './types.ts'
import { AT_FDCWD, walk } from './walk.ts'

/** A file system on a block device, of which the simulated machine has none: what is refused before it is read. */
function onDevice(name: string): FileSystemType {
  return {
    name,
    needsDevice: true,
    check: () => undefined,
    make(task, { source }): Denied {
      const call = 'mount(2)'
      if (source === undefined) return deny('EINVAL', call, `${call}: ${name} wants a block device`)
      const path = walk(task, AT_FDCWD, source, { call })
      if (isDenied(path)) return path
      const { mount, dentry } = path
      if (dentry.inode.kind !== 'block') return deny('ENOTBLK', 'MNT-033', `${call}: ${source} is no block device`)
      if (mount.flags.nodev || mount.superblock.owner.level > 0)
        return deny('EACCES', 'mount(2)', `${call}: ${source} lies on a mount that gives no access to devices (nodev)`)
      return deny('ENXIO', 'mount(2)', `${call}: the machine has no device behind ${source}`)
    },
  }
}

export const fileSystems: readonly FileSystemType[] = [
  sysfs,
  tmpfs,
  proc,
  devpts,
  ramfs,
  mqueue,
  overlay,
  cgroup,
  cgroup2,
  single('devtmpfs', 0o755),
  single('debugfs', 0o700),
  single('tracefs', 0o700),
  single('securityfs', 0o755),
  single('pstore', 0o750),
  single('configfs', 0o755),
  single('fusectl', 0o555),
  single('hugetlbfs', 0o755),
  single('bpf', 0o1777, { check: () => undefined }),
  single('binfmt_misc', 0o755, { since: [6, 7], inUserNamespaces: true }),
  onDevice('ext4'),
  onDevice('xfs'),
  onDevice('btrfs'),
  onDevice('vfat'),
  onDevice('iso9660'),
  onDevice('squashfs'),
]

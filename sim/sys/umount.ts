// umount2(2): what is mounted goes, now or when nobody uses it any more. path_umount(), do_umount() in fs/namespace.c

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Mount } from '../vfs/mount.ts'
import { MS } from '../vfs/mount-flags.ts'
import { foreign, isBusy, unmountTree } from '../vfs/mount-tree.ts'
import { topmost } from '../vfs/mounting.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'
import { uint } from './arguments.ts'
import { isMountRoot, mayMount } from './mount.ts'

const call = 'umount(2)'
const FORCE = 1
const DETACH = 2
const EXPIRE = 4
const NOFOLLOW = 8

function umount(task: Task, target: string | null, flags: number): number | Denied {
  if (flags & ~15) return deny('EINVAL', 'MNT-013', `${call}: there are unknown flags`)
  const walked = walk(task, AT_FDCWD, target, { follow: (flags & NOFOLLOW) === 0, keepsMark: true, call })
  if (isDenied(walked)) return walked
  const path = topmost(walked)
  const { mount } = path
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  if (!isMountRoot(path)) return deny('EINVAL', 'MNT-013', `${call}: nothing is mounted there`)
  const strange = foreign(mount, task.namespaces.mnt, call)
  if (strange) return strange
  if (mount.locked) return deny('EINVAL', 'USR-020', `${call}: the mount is locked in its place`)
  if (flags & FORCE && !capable(task.credentials, 'SYS_ADMIN', mount.superblock.owner))
    return deny('EPERM', call, `${call}: MNT_FORCE needs CAP_SYS_ADMIN over the file system`)
  return take(task, mount, flags) ?? 0
}

function take(task: Task, mount: Mount, flags: number): Denied | undefined {
  const isRoot = task.fs.root.mount === mount
  if (flags & EXPIRE) {
    if (isRoot || flags & (FORCE | DETACH))
      return deny('EINVAL', 'MNT-013', `${call}: MNT_EXPIRE is for neither the root nor other flags`)
    if (mount.users > 0 || mount.children.size > 0) return deny('EBUSY', 'MNT-015', `${call}: the mount is in use`)
    if (!mount.expiring) {
      mount.expiring = true
      return deny('EAGAIN', 'MNT-015', `${call}: the mount is marked; it goes at the second call, if unused until then`)
    }
  }
  if (isRoot && !(flags & DETACH)) return makeRootReadonly(task, mount)
  if (!(flags & DETACH) && isBusy(mount))
    return deny('EBUSY', mount.users > 0 || mount.children.size > 0 ? 'MNT-013' : 'MNT-042', `${call}: it is in use`)
  unmountTree(mount, { propagate: true, sync: !(flags & DETACH) })
  return undefined
}

/** The own root cannot go; the file system becomes read-only instead (MNT-041). do_umount_root() */
function makeRootReadonly(task: Task, { superblock }: Mount): Denied | undefined {
  if (!capable(task.credentials, 'SYS_ADMIN', superblock.owner))
    return deny('EPERM', 'MNT-041', `${call}: the root would become read-only, and its file system is another's`)
  if (superblock.flags & MS.RDONLY) return undefined
  if (superblock.writers > 0)
    return deny('EBUSY', 'MNT-041', `${call}: the root would become read-only, but a file is open for writing`)
  superblock.flags |= MS.RDONLY
  return undefined
}

export const calls: Calls = {
  umount2: full((task, { target, flags }) => umount(task, target, uint(flags))),
}

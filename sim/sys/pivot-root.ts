// pivot_root(2): the root mount changes places with another.

import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Mount } from '../vfs/mount.ts'
import { isReachable } from '../vfs/mount-tree.ts'
import { attach, unplace } from '../vfs/mounting.ts'
import { hold, letGo, type Path, samePath } from '../vfs/path.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'
import { isMountRoot, mayMount, placeFor } from './mount.ts'

const call = 'pivot_root(2)'

function directory(task: Task, pathname: string | null): Path | Denied {
  const path = walk(task, AT_FDCWD, pathname, { call })
  if (isDenied(path) || path.dentry.inode.kind === 'directory') return path
  return deny('ENOTDIR', 'MNT-025', `${call}: the new root and the place for the old one are directories`)
}

function pivotRoot(task: Task, newRoot: string | null, putOld: string | null): number | Denied {
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  const next = directory(task, newRoot)
  if (isDenied(next)) return next
  const old = directory(task, putOld)
  if (isDenied(old)) return old
  const place = placeFor(task, old, call)
  if (isDenied(place)) return place
  const root = task.fs.root
  const denied = check(task, { next, place, root })
  if (denied) return denied
  swap(next.mount, root.mount, place)
  task.namespaces.mnt.touch()
  moveUsers(task, { mount: root.mount, dentry: root.dentry }, next)
  return 0
}

/** In Linux's order (MNT-025). */
function check(
  task: Task,
  { next, place, root }: { readonly next: Path; readonly place: Path; readonly root: Path },
): Denied | undefined {
  const { mnt } = task.namespaces
  const no = (why: string) => deny('EINVAL', 'MNT-025', `${call}: ${why}`)
  if (place.mount.group) return no('the mount where the old root goes is shared')
  if (next.mount.at?.mount.group || root.mount.at?.mount.group)
    return no('the mount that the new or the old root lies on is shared')
  if (root.mount.namespace !== mnt || next.mount.namespace !== mnt)
    return no('both roots are to be in the own mount namespace')
  if (next.mount.locked) return deny('EINVAL', 'USR-020', `${call}: the new root is locked in its place`)
  if (next.dentry.deleted) return deny('ENOENT', 'MNT-025', `${call}: the new root has been removed`)
  if (next.mount === root.mount || place.mount === root.mount)
    return deny('EBUSY', 'MNT-025', `${call}: the new root, or the place for the old one, is on the old root's mount`)
  if (!isMountRoot(root) || root.mount.at === undefined) return no('the current root is not what is mounted somewhere')
  if (!isMountRoot(next) || next.mount.at === undefined) return no('the new root is not what is mounted somewhere')
  if (!isReachable(place, next)) return no('the place for the old root is not at or below the new one')
  if (!isReachable(next, root)) return no('the new root is not below the old one')
  return undefined
}

function swap(next: Mount, root: Mount, place: Path): void {
  const { namespace } = next
  unplace(next)
  const at = root.at!
  unplace(root)
  if (root.locked) {
    next.locked = true
    root.locked = false
  }
  attach(root, place, namespace)
  attach(next, at, namespace)
}

/** Whoever had the old root as root or working directory has the new one (MNT-026). chroot_fs_refs() */
function moveUsers(task: Task, old: Path, next: Path): void {
  const move = ({ fs }: Task): void => {
    for (const which of ['root', 'cwd'] as const) {
      if (!samePath(fs[which], old)) continue
      const before = fs[which]
      fs[which] = hold(next)
      letGo(before)
    }
  }
  move(task)
  // As a rule nobody else is left on the old root, and nobody else is asked.
  if (old.mount.users > 0) for (const other of task.kernel.tasks.values()) move(other)
}

export const calls: Calls = {
  pivot_root: full((task, { new_root, put_old }) => pivotRoot(task, new_root, put_old)),
}

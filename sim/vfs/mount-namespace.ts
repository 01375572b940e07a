// A mount namespace as a copy of another's tree, and its end. copy_mnt_ns(), put_mnt_ns() in fs/namespace.c

import type { KUid } from '../ids.ts'
import { MountNamespace } from '../ns/mnt.ts'
import type { UserNamespace } from '../ns/user.ts'
import type { FsContext, Task } from '../task.ts'
import type { Mount } from './mount.ts'
import { copyTree } from './mount-copy.ts'
import { lockTree } from './mount-locks.ts'
import { unmountTree } from './mount-tree.ts'
import { treeOf } from './mounting.ts'
import { hold, letGo, type Path } from './path.ts'

/**
 * Copies every mount; root and working directory of a context go to the copies of theirs (CLN-110). Peers stay peers, but
 * for another user namespace they become slaves and are locked as one (USR-020, USR-021). Nobody keeps the new namespace
 * yet.
 */
export function copyMountNamespace(
  task: Task,
  from: MountNamespace,
  owner: UserNamespace,
  creator: KUid,
  fs: FsContext,
): MountNamespace {
  const namespace = new MountNamespace(task.kernel.counters, owner, creator, dissolve)
  const copies = new Map<Mount, Mount>()
  const less = owner !== from.owner
  // Unbindable mounts are copied as well, so nothing can be in the way.
  const root = copyTree(from.root, from.root.root, less ? 'down' : 'like', {
    unbindable: true,
    copied: (original, copy) => copies.set(original, copy),
  })!
  const tree = treeOf(root)
  if (less) lockTree(tree)
  namespace.root = root
  for (const mount of tree) {
    mount.namespace = namespace
    namespace.mounts.add(mount)
  }
  const moved = (path: Path): Path => {
    const mount = copies.get(path.mount)
    if (mount === undefined) return path
    letGo(path)
    return hold({ mount, dentry: path.dentry })
  }
  fs.root = moved(fs.root)
  fs.cwd = moved(fs.cwd)
  return namespace
}

/** The last reference is gone: the whole tree is unmounted, and nobody is told of it (MNT-105). */
export function dissolve(namespace: MountNamespace): void {
  unmountTree(namespace.root, { propagate: false, sync: false })
}

// A mount namespace as a copy of another's tree. copy_mnt_ns() in fs/namespace.c

import type { KUid } from '../ids.ts'
import { MountNamespace } from '../ns/mnt.ts'
import type { UserNamespace } from '../ns/user.ts'
import type { FsContext, Task } from '../task.ts'
import type { Mount } from './mount.ts'
import { attach, detach, newMount } from './mounting.ts'
import { hold, letGo, type Path } from './path.ts'

/**
 * Copies every mount; root and working directory of a context go to the copies of theirs (CLN-110). Nobody keeps the new
 * namespace yet.
 */
export function copyMountNamespace(
  task: Task,
  from: MountNamespace,
  owner: UserNamespace,
  creator: KUid,
  fs: FsContext,
): MountNamespace {
  const { kernel } = task
  const namespace = new MountNamespace(kernel.counters, owner, creator, dissolve)
  const copies = new Map<Mount, Mount>()
  const copyOf = (mount: Mount): Mount => {
    const copy = newMount(kernel, mount.superblock, mount.root, { ...mount.flags })
    copies.set(mount, copy)
    return copy
  }
  const copyBelow = (mount: Mount, copy: Mount): void => {
    for (const child of mount.children) {
      const below = copyOf(child)
      attach(below, { mount: copy, dentry: child.at!.dentry }, namespace)
      copyBelow(child, below)
    }
  }
  const root = copyOf(from.root)
  root.namespace = namespace
  namespace.root = root
  namespace.mounts.add(root)
  copyBelow(from.root, root)
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

function dissolve(namespace: MountNamespace): void {
  for (const mount of [...namespace.mounts].reverse()) detach(mount)
}

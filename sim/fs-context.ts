// Root, working directory and umask, as tasks share and copy them. clone(2) CLONE_FS, chroot(2)

import type { FsContext } from './task.ts'
import { hold, letGo } from './vfs/path.ts'

/** One of its own, for one task. */
export function copyFs(fs: FsContext): FsContext {
  return { root: hold(fs.root), cwd: hold(fs.cwd), umask: fs.umask, users: 1 }
}

/** A task leaves it; with the last one, its places are let go. */
export function leaveFs(fs: FsContext): void {
  fs.users -= 1
  if (fs.users > 0) return
  letGo(fs.root)
  letGo(fs.cwd)
}

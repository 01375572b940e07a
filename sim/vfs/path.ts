// A place in a mount namespace: a dentry as one mount shows it.

import type { Dentry } from './dentry.ts'
import type { Mount } from './mount.ts'

export interface Path {
  readonly mount: Mount
  readonly dentry: Dentry
}

export const samePath = (a: Path, b: Path): boolean => a.mount === b.mount && a.dentry === b.dentry

/** A path is kept: by an open description, as a root or a working directory. Its mount is busy until `letGo`. */
export function hold(path: Path): Path {
  path.mount.users += 1
  path.mount.expiring = false
  return path
}

export function letGo(path: Path): void {
  path.mount.users -= 1
  if (path.mount.users === 0) path.mount.unused?.()
}

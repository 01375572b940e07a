// A place in a mount namespace: a dentry as one mount shows it.

import type { Dentry } from './dentry.ts'
import type { Mount } from './mount.ts'

export interface Path {
  readonly mount: Mount
  readonly dentry: Dentry
}

export const samePath = (a: Path, b: Path): boolean => a.mount === b.mount && a.dentry === b.dentry

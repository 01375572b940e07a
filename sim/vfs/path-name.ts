// From a place back to its path, as a task sees it. getcwd(2), d_path() in fs/d_path.c

import type { Path } from './path.ts'

/** The path below a root; undefined when the root is not above. Inside of one mount namespace or outside of all. */
export interface PathName {
  readonly text: string
  /** The walk up ended at the root, not at the top of some other tree. */
  readonly reachable: boolean
}

export function pathName(root: Path, path: Path): PathName {
  let { mount, dentry } = path
  const names: string[] = []
  for (;;) {
    if (mount === root.mount && dentry === root.dentry)
      return { text: `/${names.reverse().join('/')}`, reachable: true }
    if (dentry === mount.root || dentry.parent === undefined) {
      if (mount.at === undefined || dentry !== mount.root) break
      ;({ mount, dentry } = mount.at)
      continue
    }
    names.push(dentry.name)
    dentry = dentry.parent
  }
  return { text: `/${names.reverse().join('/')}`, reachable: false }
}

/** As /proc/PID/fd, /proc/PID/cwd and their kin show a place: anonymous files by their own names. */
export function shownPath(root: Path, path: Path): string {
  const { dentry } = path
  if (dentry.parent === undefined && dentry.name !== '/') return dentry.name
  const { text } = pathName(root, path)
  return dentry.deleted ? `${text} (deleted)` : text
}

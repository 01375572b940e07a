// Removes an unpacked layer, also one whose directories forbid their owner to write.

import { AT_FDCWD, ask, close, entriesOf, O, open, removeTree } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'

const directoryType = 4
/** A descriptor is open for each level. */
const depthMax = 1000

/** Removes a tree by descriptor. Root needs no permission; everybody else gives it to themselves first. */
export function removeUnpacked(kernel: Kernel, path: string): void {
  if (ask(kernel, { name: 'geteuid' }, 'geteuid').value !== 0) openUp(kernel, path, AT_FDCWD, 0)
  removeTree(kernel, path)
}

function openUp(kernel: Kernel, path: string, dirfd: number, depth: number): void {
  if (depth > depthMax) return
  // An O_PATH descriptor needs no permission; fchmod(2) refuses it, its name in /proc does not.
  const flags = O.PATH | O.DIRECTORY | O.NOFOLLOW
  const at = kernel.call({ name: 'openat', dirfd, pathname: path, flags: flags | O.CLOEXEC, mode: 0 })
  if (refused(at)) return
  let fd: number
  try {
    const name = `/proc/self/fd/${at.value}`
    ask(kernel, { name: 'fchmodat', dirfd: AT_FDCWD, pathname: name, mode: 0o700 }, `chmod ${path}`)
    fd = open(kernel, '.', O.RDONLY | O.DIRECTORY, 0, at.value)
  } finally {
    close(kernel, at.value)
  }
  try {
    for (const entry of entriesOf(kernel, fd, path)) {
      if (entry.type === directoryType || entry.type === 0) openUp(kernel, entry.name, fd, depth + 1)
    }
  } finally {
    close(kernel, fd)
  }
}

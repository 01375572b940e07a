// What lower layers say of a directory that a layer needs but does not mention.

import type { Errno } from '../errno.ts'
import { AT_FDCWD, close, must, O, S_IFDIR, S_IFMT, statOpen } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Attributes } from './attributes.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10
/** The layer has no such directory, or none for the caller to see. What else is refused is no answer. */
const absent: readonly Errno[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG', 'EXDEV']

/**
 * The owner, mode and time of a directory in the topmost of some layers that has it.
 *
 * @param layers - their directories, topmost first
 * @param path - relative to the root of a layer
 */
export function directoryBelow(
  kernel: Kernel,
  layers: readonly string[],
  path: string,
): Pick<Attributes, 'mode' | 'uid' | 'gid' | 'mtimeSec'> | undefined {
  for (const layer of layers) {
    const root = kernel.call({
      name: 'openat',
      dirfd: AT_FDCWD,
      pathname: layer,
      flags: O.PATH | O.DIRECTORY | O.CLOEXEC,
      mode: 0,
    })
    if (refused(root) && absent.includes(root.errno)) continue
    const top = must(root, `open ${layer}`).value
    const how = { flags: O.PATH | O.NOFOLLOW | O.CLOEXEC, mode: 0, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
    const found = kernel.call({ name: 'openat2', dirfd: top, pathname: path, how })
    close(kernel, top)
    if (refused(found) && absent.includes(found.errno)) continue
    const fd = must(found, `look at ${path} of ${layer}`).value
    try {
      const { mode, uid, gid, mtimeSec } = statOpen(kernel, fd)
      // A whiteout or a file: the layers below it are hidden.
      if ((mode & S_IFMT) !== S_IFDIR) return undefined
      return { mode: mode & 0o7777, uid, gid, mtimeSec }
    } finally {
      close(kernel, fd)
    }
  }
  return undefined
}

// What lower layers say of a directory that a layer needs but does not mention.

import { AT_FDCWD, close, O, S_IFDIR, S_IFMT, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Attributes } from './attributes.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10

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
    if (refused(root)) continue
    const how = { flags: O.PATH | O.NOFOLLOW | O.CLOEXEC, mode: 0, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
    const found = kernel.call({ name: 'openat2', dirfd: root.value, pathname: path, how })
    close(kernel, root.value)
    if (refused(found)) continue
    try {
      const { mode, uid, gid, mtimeSec } = stat(kernel, '', { dirfd: found.value })!
      // A whiteout or a file: the layers below it are hidden.
      if ((mode & S_IFMT) !== S_IFDIR) return undefined
      return { mode: mode & 0o7777, uid, gid, mtimeSec }
    } finally {
      close(kernel, found.value)
    }
  }
  return undefined
}

// What a tree occupies on disk: the blocks of everything in it, walked by descriptor. du(1), statx(2) stx_blocks.

import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, close, entriesOf, O, S_IFDIR, S_IFMT } from './files.ts'
import { type Kernel, refused } from './kernel.ts'
import type { Fd } from './syscall.ts'

const STATX_TYPE_MODE_NLINK_INO_BLOCKS = 0x507
/** The unit of stx_blocks, whatever the file system's own is. */
const blockBytes = 512

interface Occupied {
  readonly mode: number
  readonly nlink: number
  readonly bytes: number
  /** Which file it is, on which device. */
  readonly key: string
  readonly device: string
}

function occupied(kernel: Kernel, dirfd: Fd, pathname: string): Occupied | undefined {
  const mask = STATX_TYPE_MODE_NLINK_INO_BLOCKS
  const answer = kernel.call({ name: 'statx', dirfd, pathname, flags: AT_SYMLINK_NOFOLLOW, mask, statxbuf: 256 })
  // Removed by its container in the meantime, or not to be read: it counts for nothing.
  if (refused(answer)) return undefined
  const { buffer, byteOffset, byteLength } = answer.data!
  const view = new DataView(buffer, byteOffset, byteLength)
  const device = `${view.getUint32(136, true)}:${view.getUint32(140, true)}`
  return {
    nlink: view.getUint32(16, true),
    mode: view.getUint16(28, true),
    key: `${device} ${view.getBigUint64(32, true)}`,
    bytes: Number(view.getBigUint64(48, true)) * blockBytes,
    device,
  }
}

/**
 * The bytes on disk of a file, or of a directory and all below it; a file with several names counts once, and what is
 * mounted below counts for nothing. Links are not followed. What is not there, or goes while we look, is 0.
 *
 * @param seen - files with several names that have been counted before: hand the same in to count over several trees
 */
export function diskBytes(kernel: Kernel, path: string, seen: Set<string> = new Set()): number {
  const top = occupied(kernel, AT_FDCWD, path)
  return top === undefined ? 0 : countOf(kernel, AT_FDCWD, path, top, seen)
}

function countOf(kernel: Kernel, dirfd: Fd, name: string, found: Occupied, seen: Set<string>): number {
  const isDirectory = (found.mode & S_IFMT) === S_IFDIR
  if (!isDirectory && found.nlink > 1) {
    if (seen.has(found.key)) return 0
    seen.add(found.key)
  }
  if (!isDirectory) return found.bytes
  const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd, pathname: name, flags, mode: 0 })
  if (refused(opened)) return found.bytes
  const fd = opened.value
  try {
    let bytes = found.bytes
    for (const entry of entriesOf(kernel, fd, name)) {
      const inner = occupied(kernel, fd, entry.name)
      if (inner !== undefined && inner.device === found.device) bytes += countOf(kernel, fd, entry.name, inner, seen)
    }
    return bytes
  } finally {
    close(kernel, fd)
  }
}

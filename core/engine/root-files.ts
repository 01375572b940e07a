// Files of a container's root filesystem read from the host before it is mounted: layer by layer, never out of a layer.

import { RefusedError } from '../errors.ts'
import { AT_FDCWD, close, O, S_IFMT, S_IFREG, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10
/** passwd and group are read whole: a file of an image that is larger is no such file. */
const sizeBytesMax = 16 * 1024 * 1024

/**
 * The text of a file in a stack of layers, the topmost that has it; '' when none does. openat2(2) with RESOLVE_IN_ROOT keeps
 * every link inside its layer. A whiteout (a device 0:0) or an opaque directory hides the layers below. overlayfs (kernel
 * documentation), "whiteouts and opaque directories".
 *
 * @param layers - directories, topmost first
 */
export function readInLayers(kernel: Kernel, layers: readonly string[], directory: string, name: string): string {
  for (const layer of layers) {
    const flags = O.PATH | O.DIRECTORY | O.CLOEXEC
    const root = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: layer, flags, mode: 0 })
    if (refused(root)) {
      if (root.errno === 'ENOENT') continue
      throw new RefusedError(`open ${layer}`, root.errno)
    }
    try {
      const found = readInLayer(kernel, root.value, `${directory}/${name}`)
      if (typeof found === 'string') return found
      if (found !== undefined || isOpaque(kernel, root.value, directory)) return ''
    } finally {
      close(kernel, root.value)
    }
  }
  return ''
}

/** The text, `hidden` as an object when something that is no regular file stands there, undefined when nothing does. */
function readInLayer(kernel: Kernel, root: number, path: string): string | { readonly hidden: true } | undefined {
  const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC
  const how = { flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  let opened = kernel.call({ name: 'openat2', dirfd: root, pathname: path, how })
  for (let attempt = 0; refused(opened) && opened.errno === 'EAGAIN' && attempt < 1000; attempt++)
    opened = kernel.call({ name: 'openat2', dirfd: root, pathname: path, how })
  if (refused(opened)) {
    if (opened.errno === 'ENOENT') return undefined
    // A whiteout cannot be opened (ENXIO); a part of the path that is no directory hides what is below it.
    if (['ENXIO', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENODEV'].includes(opened.errno)) return { hidden: true }
    throw new RefusedError(`open ${path} of the root filesystem`, opened.errno)
  }
  try {
    const found = stat(kernel, '', { dirfd: opened.value })
    if (found === undefined || (found.mode & S_IFMT) !== S_IFREG || found.size > sizeBytesMax) return { hidden: true }
    return textOf(kernel, opened.value, path, found.size)
  } finally {
    close(kernel, opened.value)
  }
}

/** No more than the size that was looked at: who owns the file can make it grow while it is read. Files of proc have none. */
function textOf(kernel: Kernel, fd: number, path: string, sizeBytes: number): string {
  const decoder = new TextDecoder()
  let text = ''
  for (let rest = sizeBytes; rest > 0; ) {
    const read = kernel.call({ name: 'read', fd, buf: Math.min(rest, 65536) })
    if (refused(read)) throw new RefusedError(`read ${path} of the root filesystem`, read.errno)
    if (read.value === 0) break
    text += decoder.decode(read.data, { stream: true })
    rest -= read.value
  }
  return text + decoder.decode()
}

function isOpaque(kernel: Kernel, root: number, directory: string): boolean {
  const how = { flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  const opened = kernel.call({ name: 'openat2', dirfd: root, pathname: directory, how })
  // A directory that is a whiteout or another file in this layer hides the lower ones too.
  if (refused(opened)) return opened.errno !== 'ENOENT'
  try {
    return ['trusted.overlay.opaque', 'user.overlay.opaque'].some((xattr) => {
      const value = kernel.call({ name: 'fgetxattr', fd: opened.value, xattr, value: 8 })
      return !refused(value) && value.data![0] === 0x79
    })
  } finally {
    close(kernel, opened.value)
  }
}

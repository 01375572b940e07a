// The marks that overlayfs leaves in a layer: whiteouts, opaque directories, and files of which it holds only a part.
// overlayfs (kernel documentation).

import { UserError } from '../errors.ts'
import { S_IFCHR, S_IFMT, type Stat } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import { type Xattrs, xattrOf, xattrsOf } from './xattrs.ts'

/** In whose name they are left: `trusted.overlay.*`, or `user.overlay.*` in a user namespace. */
export type OverlayMarks = 'trusted' | 'user'

/** Hides what has its name in the layers below. */
export function isWhiteout(found: Stat): boolean {
  return (found.mode & S_IFMT) === S_IFCHR && found.rdevMajor === 0 && found.rdevMinor === 0
}

const letterY = 0x79

/** A directory that hides those of its name below. */
export function isOpaque(xattrs: Xattrs, marks: OverlayMarks): boolean {
  return xattrs.get(`${marks}.overlay.opaque`)?.[0] === letterY
}

/** Like `isOpaque`, of an open one. */
export function isOpaqueDirectory(kernel: Kernel, fd: number, path: string, marks: OverlayMarks): boolean {
  return xattrOf(kernel, fd, `${marks}.overlay.opaque`, path)?.[0] === letterY
}

/**
 * The extended attributes of a file that its layer holds as a whole.
 *
 * @errors UserError when overlayfs has left a part only, which two of its options allow that some kernels have on
 */
export function wholeXattrs(kernel: Kernel, fd: number, path: string, marks: OverlayMarks): Xattrs {
  const xattrs = xattrsOf(kernel, fd, path)
  for (const [part, option] of [
    ['redirect', 'redirect_dir'],
    ['metacopy', 'metacopy'],
  ] as const) {
    if (!xattrs.has(`${marks}.overlay.${part}`)) continue
    throw new UserError(
      `read /${path}: overlayfs has left only a part of it in its layer (${part}); this kernel's option ${option} must be off when a container runs: write N to /sys/module/overlay/parameters/${option}`,
    )
  }
  return xattrs
}

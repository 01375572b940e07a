// One command at a time per container: flock(2) on the container's own directory, so that a killed command holds nothing.

import { RefusedError } from '../errors.ts'
import { AT_FDCWD, close, O, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'

const LOCK_EX = 2
const LOCK_NB = 4

/** A held lock; `release` lets go. */
export interface Lock {
  readonly fd: number
  readonly release: () => void
}

function openToLock(kernel: Kernel, directory: string): number | undefined {
  const flags = O.RDONLY | O.DIRECTORY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: directory, flags, mode: 0 })
  if (!refused(opened)) return opened.value
  if (opened.errno === 'ENOENT') return undefined
  throw new RefusedError(`open ${directory}`, opened.errno)
}

/**
 * Whether the locked directory still is the one of that name, which is asked of it: then it is held. A descriptor that is
 * not held, or about which the kernel says nothing, is closed, and the lock with it.
 */
function held(kernel: Kernel, fd: number, isOurs: () => boolean): Lock | undefined {
  let ours = false
  try {
    ours = isOurs()
  } finally {
    if (!ours) close(kernel, fd)
  }
  return ours ? { fd, release: () => close(kernel, fd) } : undefined
}

/** Whoever removed the directory did so under this lock: what was waited for may be gone, or another one of that name. */
function stillThere(kernel: Kernel, fd: number, directory: string): boolean {
  const mine = stat(kernel, '', { dirfd: fd })
  return mine !== undefined && mine.nlink > 0 && stat(kernel, directory)?.ino === mine.ino
}

/** Locks an existing directory, waiting as long as another command has it; undefined when it is gone. */
export async function lockDirectory(kernel: Kernel, directory: string): Promise<Lock | undefined> {
  const fd = openToLock(kernel, directory)
  if (fd === undefined) return undefined
  let locked = kernel.call({ name: 'flock', fd, operation: LOCK_EX | LOCK_NB })
  while (refused(locked)) {
    if (locked.errno !== 'EAGAIN' && locked.errno !== 'EINTR') {
      close(kernel, fd)
      throw new RefusedError(`lock ${directory}`, locked.errno)
    }
    locked = await kernel.wait({ name: 'flock', fd, operation: LOCK_EX })
  }
  return held(kernel, fd, () => stillThere(kernel, fd, directory))
}

/** Locks a directory if nobody has it: 'busy' when another command does. */
export function tryLockDirectory(kernel: Kernel, directory: string): Lock | 'busy' | undefined {
  const fd = openToLock(kernel, directory)
  if (fd === undefined) return undefined
  const locked = kernel.call({ name: 'flock', fd, operation: LOCK_EX | LOCK_NB })
  if (!refused(locked)) return held(kernel, fd, () => stillThere(kernel, fd, directory))
  close(kernel, fd)
  if (locked.errno === 'EAGAIN') return 'busy'
  throw new RefusedError(`lock ${directory}`, locked.errno)
}

/**
 * Locks a directory that this command has just made; undefined when another command has found it before it was locked, and
 * is at work on it or has removed it, as what a killed command has left.
 */
export function lockNewDirectory(kernel: Kernel, directory: string): Lock | undefined {
  const fd = openToLock(kernel, directory)
  if (fd === undefined) return undefined
  const locked = kernel.call({ name: 'flock', fd, operation: LOCK_EX | LOCK_NB })
  // Nobody else makes one of this name: if it has a link, it is ours.
  if (!refused(locked)) return held(kernel, fd, () => (stat(kernel, '', { dirfd: fd })?.nlink ?? 0) > 0)
  close(kernel, fd)
  if (locked.errno === 'EAGAIN') return undefined
  throw new RefusedError(`lock ${directory}`, locked.errno)
}

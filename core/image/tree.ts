// Walks a tree of files by descriptor: a layer's directory, or several laid over each other as overlayfs shows them, merged
// here so that nothing need be mounted and no right is needed but to read. overlayfs (kernel documentation).

import { RefusedError } from '../errors.ts'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  close,
  entriesOf,
  O,
  open,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  type Stat,
  stat,
  statOpen,
} from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { isOpaque, isOpaqueDirectory, isWhiteout, type OverlayMarks, wholeXattrs } from './overlay-marks.ts'
import { type Xattrs, xattrsAt, xattrsOf } from './xattrs.ts'

export interface TreeOptions {
  /** merged: all that is seen. changes: what the topmost directory has, whiteouts too. */
  readonly view: 'merged' | 'changes'
  readonly marks: OverlayMarks
}

export interface TreeFile {
  /** From the root, which is ''. */
  readonly path: string
  readonly stat: Stat
  readonly xattrs: Xattrs
  /** It hides what has its name below. */
  readonly whiteout: boolean
  /** A directory that hides those below it. */
  readonly opaque: boolean
  /** What the other directories have at its place; looked up for `changes` only. */
  readonly below: Stat | undefined
  /** The directory that it is in (for the root itself), and its name there. */
  readonly parent: number
  readonly name: string
  /** Of directories and regular files, until the next one is asked for. */
  readonly fd: number | undefined
}

/** A directory that is being walked: in all layers that have it, topmost first. */
interface Frame {
  readonly path: string
  readonly fds: readonly number[]
  /** By name: which of `fds` have it, and as what (d_type). */
  readonly holders: ReadonlyMap<string, readonly Holder[]>
  readonly names: readonly string[]
  next: number
}

interface Holder {
  readonly fd: number
  readonly type: number
  readonly mountId: bigint
}

const DT_DIR = 4
const OPEN_TREE_CLONE = 1
/** MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC and NOATIME. */
const onlyRead = 0x01 | 0x02 | 0x04 | 0x08 | 0x10

/**
 * All files of a tree, a directory before what is in it, in the order of their names. Only the names in the directories on
 * the way are kept in memory. What vanishes meanwhile is passed over; other file systems mounted in it are not entered.
 *
 * @param layers - directories, topmost first
 * @errors RefusedError naming the file; UserError for what overlayfs has left in parts: redirects and metacopies
 */
export function* walkTree(kernel: Kernel, layers: readonly string[], options: TreeOptions): Generator<TreeFile> {
  const frames: Frame[] = []
  let file: number | undefined
  try {
    frames.push(frameOf(kernel, '', openRoots(kernel, layers), options))
    const [top, under] = frames[0]!.fds as [number, ...number[]]
    yield {
      path: '',
      stat: statOpen(kernel, top),
      xattrs: xattrsOf(kernel, top, '/'),
      whiteout: false,
      opaque: false,
      below: under === undefined || options.view === 'merged' ? undefined : stat(kernel, '', { dirfd: under }),
      parent: top,
      name: '.',
      fd: top,
    }
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const name = frame.names[frame.next++]
      if (name === undefined) {
        frames.pop()
        for (const fd of frame.fds) close(kernel, fd)
        continue
      }
      const found = look(kernel, frame, name, options)
      if (found === undefined) continue
      if (found.fds === undefined) file = found.file.fd
      else frames.push(frameOf(kernel, found.file.path, found.fds, options))
      yield found.file
      if (file !== undefined) close(kernel, file)
      file = undefined
    }
  } finally {
    if (file !== undefined) close(kernel, file)
    for (const { fds } of frames) for (const fd of fds) close(kernel, fd)
  }
}

function openRoots(kernel: Kernel, layers: readonly string[]): number[] {
  const roots: number[] = []
  try {
    for (const layer of layers) roots.push(openRoot(kernel, layer))
    return roots
  } catch (error) {
    for (const fd of roots) close(kernel, fd)
    throw error
  }
}

/**
 * For root a copy of the directory's mount that is attached nowhere: without the mounts in it, reading leaves no times, and a
 * file that becomes a device at the wrong moment is not opened.
 */
function openRoot(kernel: Kernel, path: string): number {
  const flags = OPEN_TREE_CLONE | O.CLOEXEC
  const cloned = kernel.call({ name: 'open_tree', dirfd: AT_FDCWD, pathname: path, flags })
  if (refused(cloned)) return open(kernel, path, O.RDONLY | O.DIRECTORY)
  try {
    const attr = { attr_set: onlyRead }
    kernel.call({ name: 'mount_setattr', dirfd: cloned.value, pathname: '', flags: AT_EMPTY_PATH, attr })
    return open(kernel, '.', O.RDONLY | O.DIRECTORY, 0, cloned.value)
  } finally {
    close(kernel, cloned.value)
  }
}

function frameOf(kernel: Kernel, path: string, fds: readonly number[], { view }: TreeOptions): Frame {
  const holders = new Map<string, Holder[]>()
  try {
    for (const fd of fds) {
      const { mountId } = statOpen(kernel, fd)
      for (const { name, type } of entriesOf(kernel, fd, `/${path}`)) {
        const known = holders.get(name)
        if (known !== undefined) known.push({ fd, type, mountId })
        else if (fd === fds[0] || view === 'merged') holders.set(name, [{ fd, type, mountId }])
      }
    }
  } catch (error) {
    for (const fd of fds) close(kernel, fd)
    throw error
  }
  return { path, fds, holders, names: [...holders.keys()].sort(), next: 0 }
}

interface Found {
  readonly file: TreeFile
  /** Of a directory that is to be entered: its own, and those of the layers below that it is merged with. */
  readonly fds?: readonly number[]
}

/** One name of a directory; undefined for what is hidden or gone. */
function look(kernel: Kernel, frame: Frame, name: string, options: TreeOptions): Found | undefined {
  const path = frame.path === '' ? name : `${frame.path}/${name}`
  const [top, ...others] = frame.holders.get(name) as [Holder, ...Holder[]]
  const parent = top.fd
  const found = stat(kernel, name, { dirfd: parent, follow: false })
  if (found === undefined) return undefined
  const whiteout = isWhiteout(found)
  if (whiteout && options.view === 'merged') return undefined
  const below = options.view === 'changes' ? seenBelow(kernel, others, name) : undefined
  const one = { path, parent, name, whiteout, below, opaque: false }
  const kind = found.mode & S_IFMT
  const mounted = found.mountId !== top.mountId
  if (kind === S_IFDIR) return lookInto(kernel, one, mounted ? undefined : others, options)
  if (mounted) return undefined
  if (kind !== S_IFREG) {
    const xattrs = whiteout ? new Map() : xattrsAt(kernel, parent, name, path)
    return { file: { ...one, stat: found, xattrs, fd: undefined } }
  }
  return opened(kernel, one, O.NONBLOCK | O.NOCTTY, (fd) => {
    const now = statOpen(kernel, fd)
    // Somebody may have put something else under its name meanwhile.
    if ((now.mode & S_IFMT) !== S_IFREG) return undefined
    return { file: { ...one, stat: now, xattrs: wholeXattrs(kernel, fd, path, options.marks), fd } }
  })
}

type Place = Omit<TreeFile, 'stat' | 'xattrs' | 'fd'>

function lookInto(
  kernel: Kernel,
  one: Place,
  others: readonly Holder[] | undefined,
  options: TreeOptions,
): Found | undefined {
  return opened(kernel, one, O.DIRECTORY, (fd) => {
    const xattrs = wholeXattrs(kernel, fd, one.path, options.marks)
    const opaque = isOpaque(xattrs, options.marks)
    const file = { ...one, stat: statOpen(kernel, fd), xattrs, opaque, fd }
    if (others === undefined) return { file }
    const fds = [fd]
    try {
      let hidden = opaque
      for (const { fd: parent, type } of others) {
        if (hidden || (type !== DT_DIR && type !== 0)) break
        const next = openAt(kernel, parent, one.name, one.path, O.DIRECTORY)
        if (next === undefined) break
        fds.push(next)
        hidden = isOpaqueDirectory(kernel, next, one.path, options.marks)
      }
      return { file, fds }
    } catch (error) {
      for (const each of fds.slice(1)) close(kernel, each)
      throw error
    }
  })
}

/** Hands an open file on; closes it when nothing comes of it. */
function opened(
  kernel: Kernel,
  { parent, name, path }: Place,
  flags: number,
  use: (fd: number) => Found | undefined,
): Found | undefined {
  const fd = openAt(kernel, parent, name, path, flags)
  if (fd === undefined) return undefined
  let found: Found | undefined
  try {
    found = use(fd)
    return found
  } finally {
    if (found === undefined) close(kernel, fd)
  }
}

function openAt(kernel: Kernel, parent: number, name: string, path: string, flags: number): number | undefined {
  const all = O.RDONLY | O.NOFOLLOW | O.CLOEXEC | flags
  const answer = kernel.call({ name: 'openat', dirfd: parent, pathname: name, flags: all, mode: 0 })
  if (!refused(answer)) return answer.value
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(answer.errno)) return undefined
  throw new RefusedError(`open /${path}`, answer.errno)
}

function seenBelow(kernel: Kernel, [next]: readonly Holder[], name: string): Stat | undefined {
  const found = next && stat(kernel, name, { dirfd: next.fd, follow: false })
  return found && !isWhiteout(found) ? found : undefined
}

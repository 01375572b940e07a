// Files through the door: the few things that the runtime does with files, written once on system calls.

import { type Errno, errnoSentences } from './errno.ts'
import { DamagedError, RefusedError } from './errors.ts'
import { nameOfBytes } from './file-name.ts'
import { type Kernel, type Outcome, refused, type Success } from './kernel.ts'
import type { Fd, Syscall } from './syscall.ts'

const F_DUPFD_CLOEXEC = 1030
export const AT_FDCWD = -100
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_EMPTY_PATH = 0x1000
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const
export const S_IFMT = 0o170000
export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFBLK = 0o060000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000
export const S_IFSOCK = 0o140000

const decoder = new TextDecoder()

/** The answer of a call that must succeed; a refusal is thrown as `tried: ERRNO (sentence)`. */
export function must(outcome: Outcome, tried: string): Success {
  if (refused(outcome)) throw new RefusedError(tried, outcome.errno)
  return outcome
}

/** Makes a call that must succeed. */
export function ask(kernel: Kernel, call: Syscall, tried: string): Success {
  return must(kernel.call(call), tried)
}

/** Opens a path; throws a RefusedError that names it. open(2). */
export function open(kernel: Kernel, path: string, flags: number, mode = 0, dirfd: Fd = AT_FDCWD): number {
  return ask(kernel, { name: 'openat', dirfd, pathname: path, flags: flags | O.CLOEXEC, mode }, `open ${path}`).value
}

/**
 * Opens a file that the user named. The standard streams are duplicated: by its name nobody but root opens a pipe or a
 * file that another user has handed over.
 */
export function openNamed(kernel: Kernel, path: string, flags: number, mode = 0): number {
  const fd = ['/dev/stdin', '/dev/stdout'].indexOf(path)
  return fd < 0
    ? open(kernel, path, flags, mode)
    : ask(kernel, { name: 'fcntl', fd, cmd: F_DUPFD_CLOEXEC, arg: 3 }, `open ${path}`).value
}

export function close(kernel: Kernel, fd: number): void {
  kernel.call({ name: 'close', fd })
}

/** The whole content of a descriptor from where it stands. */
export function readAll(kernel: Kernel, fd: number, what: string): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { value, data } = ask(kernel, { name: 'read', fd, buf: 65536 }, `read ${what}`)
    if (value === 0) break
    parts.push(data!)
    length += value
  }
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function readBytes(kernel: Kernel, path: string, dirfd: Fd = AT_FDCWD): Uint8Array {
  const fd = open(kernel, path, O.RDONLY, 0, dirfd)
  try {
    return readAll(kernel, fd, path)
  } finally {
    close(kernel, fd)
  }
}

/** A file's text; throws when it cannot be read. */
export function readText(kernel: Kernel, path: string, dirfd: Fd = AT_FDCWD): string {
  return decoder.decode(readBytes(kernel, path, dirfd))
}

/** A file's text, or undefined when one of these errnos says that it is not there. */
export function readTextIfThere(
  kernel: Kernel,
  path: string,
  absent: readonly Errno[] = ['ENOENT'],
): string | undefined {
  try {
    return readText(kernel, path)
  } catch (error) {
    if (error instanceof RefusedError && absent.includes(error.errno)) return undefined
    throw error
  }
}

/** The content of a file of ours. @errors DamagedError when it is no JSON */
export function parseFile<T>(text: string, path: string): T {
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw new DamagedError(path, (error as Error).message)
  }
}

export function writeAll(kernel: Kernel, fd: number, content: Uint8Array | string, what: string): void {
  let rest = typeof content === 'string' ? new TextEncoder().encode(content) : content
  while (rest.length > 0) {
    const { value } = ask(kernel, { name: 'write', fd, buf: rest }, `write ${what}`)
    rest = rest.subarray(value)
  }
}

/** Writes to a file that exists, in one write(2): what kernel files (cgroupfs, procfs) need. */
export function writeInto(kernel: Kernel, path: string, content: string): Outcome {
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags: O.WRONLY | O.CLOEXEC, mode: 0 })
  if (refused(opened)) return opened
  const outcome = kernel.call({ name: 'write', fd: opened.value, buf: content })
  close(kernel, opened.value)
  return outcome
}

/** Replaces a file so that a reader, also after kill -9 or a power cut, sees the old or the new content whole. rename(2). */
export function writeAtomically(kernel: Kernel, path: string, content: Uint8Array | string, mode = 0o600): void {
  const pid = ask(kernel, { name: 'getpid' }, 'getpid').value
  const draft = `${path}.${pid}.tmp`
  const fd = openNew(kernel, draft, mode)
  try {
    writeAll(kernel, fd, content, path)
    renamed(kernel, draft, path)
  } catch (error) {
    kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: draft, flags: 0 })
    throw error
  } finally {
    close(kernel, fd)
  }
}

/** The same for whoever holds a lock on it: one draft is enough, and what a killed command has left of it is written over. */
export function replaceLocked(kernel: Kernel, path: string, content: Uint8Array | string, mode = 0o600): void {
  const draft = `${path}.tmp`
  try {
    const fd = open(kernel, draft, O.WRONLY | O.CREAT | O.TRUNC | O.NOFOLLOW, mode)
    try {
      writeAll(kernel, fd, content, path)
    } finally {
      close(kernel, fd)
    }
    renamed(kernel, draft, path)
  } catch (error) {
    kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: draft, flags: 0 })
    throw error
  }
}

/**
 * Opens a file that was not there. What is there under the name is removed, not opened: in a directory like /tmp it may be
 * somebody else's link, or a file that somebody else can read.
 */
function openNew(kernel: Kernel, path: string, mode: number): number {
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC
  const call = { name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode } as const
  const made = kernel.call(call)
  if (refused(made) && made.errno === 'EEXIST') removeFile(kernel, path)
  else return must(made, `open ${path}`).value
  return ask(kernel, call, `open ${path}`).value
}

export function renamed(kernel: Kernel, from: string, to: string): void {
  ask(
    kernel,
    { name: 'renameat2', olddirfd: AT_FDCWD, oldpath: from, newdirfd: AT_FDCWD, newpath: to, flags: 0 },
    `rename ${from} to ${to}`,
  )
}

/** Makes a directory and what is missing above it. */
export function makeDirectories(kernel: Kernel, path: string, mode = 0o755): void {
  const made = kernel.call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: path, mode })
  if (!refused(made) || made.errno === 'EEXIST') return
  const slash = path.lastIndexOf('/')
  if (made.errno !== 'ENOENT' || slash <= 0) must(made, `mkdir ${path}`)
  makeDirectories(kernel, path.slice(0, slash), mode)
  const again = kernel.call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: path, mode })
  if (refused(again) && again.errno !== 'EEXIST') must(again, `mkdir ${path}`)
}

export interface Entry {
  readonly name: string
  /** d_type of readdir(3): 4 directory, 8 regular, 10 symbolic link; 0 when the file system does not tell. */
  readonly type: number
}

/** The entries of an open directory, without `.` and `..`. getdents64(2). */
export function entriesOf(kernel: Kernel, fd: number, what: string): Entry[] {
  const entries: Entry[] = []
  for (;;) {
    const { value, data } = ask(kernel, { name: 'getdents64', fd, dirp: 32768 }, `list ${what}`)
    if (value === 0) return entries
    const view = new DataView(data!.buffer, data!.byteOffset, value)
    for (let at = 0; at < value; at += view.getUint16(at + 16, true)) {
      const end = data!.indexOf(0, at + 19)
      const name = nameOfBytes(data!.subarray(at + 19, end))
      if (name !== '.' && name !== '..') entries.push({ name, type: view.getUint8(at + 18) })
    }
  }
}

/** The names in a directory, sorted; an absent directory has none. */
export function list(kernel: Kernel, path: string): string[] {
  const opened = kernel.call({
    name: 'openat',
    dirfd: AT_FDCWD,
    pathname: path,
    flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC,
    mode: 0,
  })
  if (refused(opened)) {
    if (opened.errno === 'ENOENT') return []
    must(opened, `open ${path}`)
  }
  const fd = (opened as Success).value
  try {
    return entriesOf(kernel, fd, path)
      .map((entry) => entry.name)
      .sort()
  } finally {
    close(kernel, fd)
  }
}

export interface Stat {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly ino: bigint
  readonly size: number
  readonly nlink: number
  readonly mtimeSec: number
  readonly mtimeNsec: number
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly devMajor: number
  readonly devMinor: number
  readonly mountId: bigint
}

/** statx(2), or undefined when there is nothing at the path. Follows symbolic links unless told not to. */
export function stat(
  kernel: Kernel,
  path: string,
  options: { readonly dirfd?: Fd; readonly follow?: boolean } = {},
): Stat | undefined {
  const flags = (options.follow === false ? AT_SYMLINK_NOFOLLOW : 0) | (path === '' ? AT_EMPTY_PATH : 0)
  const dirfd = options.dirfd ?? AT_FDCWD
  const answer = kernel.call({ name: 'statx', dirfd, pathname: path, flags, mask: 0x17ff, statxbuf: 256 })
  if (refused(answer)) {
    if (answer.errno === 'ENOENT' || answer.errno === 'ENOTDIR') return undefined
    must(answer, `stat ${path === '' ? 'an open file' : path}`)
  }
  const data = (answer as Success).data!
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return {
    nlink: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    ino: view.getBigUint64(32, true),
    size: Number(view.getBigUint64(40, true)),
    mtimeSec: Number(view.getBigInt64(112, true)),
    mtimeNsec: view.getUint32(120, true),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
    devMajor: view.getUint32(136, true),
    devMinor: view.getUint32(140, true),
    mountId: view.getBigUint64(144, true),
  }
}

/** statx(2) of what is open. */
export function statOpen(kernel: Kernel, fd: number): Stat {
  const found = stat(kernel, '', { dirfd: fd })
  if (found === undefined) throw new RefusedError('stat an open file', 'ENOENT')
  return found
}

/** Where a symbolic link points. */
export function readLink(kernel: Kernel, path: string, dirfd: Fd = AT_FDCWD): Outcome & { readonly target?: string } {
  const answer = kernel.call({ name: 'readlinkat', dirfd, pathname: path, buf: 4096 })
  if (refused(answer)) return answer
  return { ...answer, target: nameOfBytes(answer.data!.subarray(0, answer.value)) }
}

/** Removes a file; one that is not there is fine. */
export function removeFile(kernel: Kernel, path: string): void {
  const gone = kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: path, flags: 0 })
  if (refused(gone) && gone.errno !== 'ENOENT') must(gone, `remove ${path}`)
}

/** How deep a tree is entered; what is deeper is brought up first, since a program can make one of any depth. */
const depthMax = 200

/** Removes a directory and all below it, by descriptor and without following links; an absent one is fine. */
export function removeTree(kernel: Kernel, path: string, dirfd: number = AT_FDCWD): void {
  let moved = 0
  // A process that is just ending (a container's monitor) may have written one file more.
  for (let attempts = 100; ; attempts--) {
    const before = moved
    const refusal = removeBelow(kernel, path, dirfd, undefined, 0, () => `.deep-${moved++}`)
    if (refusal === undefined) return
    if (refusal !== 'ENOTEMPTY' || attempts === 0) must({ errno: refusal }, `remove ${path}`)
    if (moved > before) attempts++
  }
}

/** @returns why the directory itself cannot be removed, now that everything in it was tried */
function removeBelow(
  kernel: Kernel,
  path: string,
  dirfd: number,
  top: number | undefined,
  depth: number,
  newName: () => string,
): Errno | undefined {
  const gone = kernel.call({ name: 'unlinkat', dirfd, pathname: path, flags: 0 })
  if (!refused(gone) || gone.errno === 'ENOENT') return undefined
  if (depth === depthMax) {
    const call = { name: 'renameat2', olddirfd: dirfd, oldpath: path, newdirfd: top! } as const
    for (;;) {
      const up = kernel.call({ ...call, newpath: newName(), flags: 0 })
      if (!refused(up)) return undefined
      if (up.errno !== 'ENOTEMPTY' && up.errno !== 'EEXIST' && up.errno !== 'ENOTDIR') must(up, `remove ${path}`)
    }
  }
  const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd, pathname: path, flags, mode: 0 })
  if (refused(opened)) {
    if (opened.errno === 'ENOENT') return undefined
    must(opened.errno === 'ENOTDIR' ? gone : opened, `remove ${path}`)
  }
  const fd = (opened as Success).value
  try {
    for (const { name } of entriesOf(kernel, fd, path)) {
      const refusal = removeBelow(kernel, name, fd, top ?? fd, depth + 1, newName)
      if (refusal !== undefined && refusal !== 'ENOTEMPTY') must({ errno: refusal }, `remove ${name}`)
    }
  } finally {
    close(kernel, fd)
  }
  const removed = kernel.call({ name: 'unlinkat', dirfd, pathname: path, flags: AT_REMOVEDIR })
  return refused(removed) && removed.errno !== 'ENOENT' ? removed.errno : undefined
}

/** What strerror(3) says of an errno, in lower case. */
export function sentence(errno: Errno): string {
  return errnoSentences[errno]
}

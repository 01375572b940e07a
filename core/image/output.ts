// What is written for the user: a file or a directory that is there as a whole or not at all.

import { RefusedError, UserError } from '../errors.ts'
import {
  AT_FDCWD,
  ask,
  close,
  entriesOf,
  makeDirectories,
  O,
  open,
  openNamed,
  removeFile,
  removeTree,
  renamed,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  stat,
  writeAll,
} from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'

const O_TMPFILE = 0o20000000 | O.DIRECTORY
const AT_SYMLINK_FOLLOW = 0x400

/** Something of an archive or a directory. */
export interface Member {
  readonly path: string
  readonly sizeBytes: number
  readonly bytes: () => AsyncIterable<Uint8Array>
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1) || './'

/** Beside what it is to become, so that it can be renamed. */
function draftOf(kernel: Kernel, path: string): string {
  return `${path.replace(/\/+$/, '')}.${ask(kernel, { name: 'getpid' }, 'getpid').value}.tmp`
}

/**
 * Writes a file. A reader sees what was there before until all of it is written, and somebody who kills us leaves nothing;
 * a device or a FIFO is written to as the bytes come.
 *
 * @errors UserError when it cannot be made; whatever `bytes` throws
 */
export async function writeOutput(kernel: Kernel, path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const there = stat(kernel, path)
  if (there && (there.mode & S_IFMT) === S_IFDIR) throw new UserError(`write ${path}: it is a directory`)
  // A file as standard output is written to where it stands; its name in /dev leads to it, and is not it.
  if (path === '/dev/stdout' || (there && (there.mode & S_IFMT) !== S_IFREG))
    return writeTo(kernel, openNamed(kernel, path, O.WRONLY), path, bytes)
  const draft = draftOf(kernel, path)
  const nameless = kernel.call({
    name: 'openat',
    dirfd: AT_FDCWD,
    pathname: directoryOf(path),
    flags: O.WRONLY | O_TMPFILE | O.CLOEXEC,
    mode: 0o644,
  })
  if (refused(nameless)) {
    // Not every file system has files without names.
    if (!['EOPNOTSUPP', 'EISDIR', 'EINVAL'].includes(nameless.errno))
      throw new RefusedError(`write ${path}`, nameless.errno)
    try {
      await writeTo(kernel, open(kernel, draft, O.WRONLY | O.CREAT | O.TRUNC, 0o644), path, bytes)
      renamed(kernel, draft, path)
    } catch (error) {
      removeFile(kernel, draft)
      throw error
    }
    return
  }
  await writeTo(kernel, nameless.value, path, bytes, () => {
    removeFile(kernel, draft)
    const oldpath = `/proc/self/fd/${nameless.value}`
    const flags = AT_SYMLINK_FOLLOW
    const call = { name: 'linkat', olddirfd: AT_FDCWD, oldpath, newdirfd: AT_FDCWD, newpath: draft, flags } as const
    ask(kernel, call, `make ${path}`)
    renamed(kernel, draft, path)
  })
}

async function writeTo(
  kernel: Kernel,
  fd: number,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  done: () => void = () => {},
): Promise<void> {
  try {
    for await (const part of bytes) writeAll(kernel, fd, part, path)
    done()
  } finally {
    close(kernel, fd)
  }
}

/**
 * Writes members into a directory that does not exist yet or is empty.
 *
 * @errors UserError when something is there; nothing is left of it when writing fails
 */
export async function writeDirectory(kernel: Kernel, path: string, members: Iterable<Member>): Promise<void> {
  refuseFull(kernel, path)
  const draft = draftOf(kernel, path)
  removeTree(kernel, draft)
  try {
    makeDirectories(kernel, draft)
    for (const { path: name, bytes } of members) {
      const file = `${draft}/${name}`
      makeDirectories(kernel, directoryOf(file).slice(0, -1))
      await writeTo(kernel, open(kernel, file, O.WRONLY | O.CREAT | O.EXCL, 0o644), `${path}/${name}`, bytes())
    }
    // rename(2) replaces an empty directory.
    renamed(kernel, draft, path.replace(/\/+$/, ''))
  } catch (error) {
    removeTree(kernel, draft)
    throw error
  }
}

function refuseFull(kernel: Kernel, path: string): void {
  const flags = O.RDONLY | O.DIRECTORY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode: 0 })
  if (refused(opened)) {
    if (opened.errno === 'ENOENT') return
    throw new RefusedError(`write ${path}`, opened.errno)
  }
  let full: boolean
  try {
    full = entriesOf(kernel, opened.value, path).length > 0
  } finally {
    close(kernel, opened.value)
  }
  if (full) throw new UserError(`write ${path}: there is something in it: give a new or an empty directory`)
}

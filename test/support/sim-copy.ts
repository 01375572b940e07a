// cp(1) and rm(1) for the simulated machine, as the engine calls them: `cp -a -- DIRECTORY/. INTO`, `rm -rf -- PATH...`.

import { decoded, must, type Part, program } from './sim-programs.ts'

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_REMOVEDIR = 0x200
const [O_WRONLY_CREAT, O_DIRECTORY] = [0o101, 0o200000]
const [S_IFMT, S_IFDIR, S_IFLNK] = [0o170000, 0o040000, 0o120000]

export const copy = program(function* (argv) {
  const [from, into] = argv.filter((word) => !word.startsWith('-')).slice(1)
  yield* copyDirectory(from!, into!)
  return 0
})

export const removal = program(function* (argv) {
  for (const path of argv.slice(1)) if (!path.startsWith('-')) yield* removeTree(path)
  return 0
})

function* removeTree(pathname: string): Part<void> {
  const isDirectory = ((yield* stat(pathname)).mode & S_IFMT) === S_IFDIR
  if (isDirectory) for (const name of yield* names(pathname)) yield* removeTree(`${pathname}/${name}`)
  yield* must({ name: 'unlinkat', dirfd: AT_FDCWD, pathname, flags: isDirectory ? AT_REMOVEDIR : 0 })
}

/** Names in a directory but `.` and `..`. struct linux_dirent64 */
function* names(pathname: string): Part<string[]> {
  const { value: fd } = yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_DIRECTORY, mode: 0 })
  const found: string[] = []
  for (;;) {
    const { value, data } = yield* must({ name: 'getdents64', fd, dirp: 4096 })
    if (value === 0) break
    const view = new DataView(data!.buffer, data!.byteOffset)
    for (let at = 0; at < value; at += view.getUint16(at + 16, true))
      found.push(decoded(data!.subarray(at + 19, at + view.getUint16(at + 16, true))))
  }
  yield { name: 'close', fd }
  return found.filter((name) => name !== '.' && name !== '..')
}

function* copyDirectory(from: string, into: string): Part<void> {
  for (const name of yield* names(from)) yield* copyOne(`${from}/${name}`, `${into}/${name}`)
  yield* keepOwner(from, into)
}

function* stat(pathname: string): Part<{ readonly mode: number; readonly owner: number; readonly group: number }> {
  const { data } = yield* must({
    name: 'newfstatat',
    dirfd: AT_FDCWD,
    pathname,
    statbuf: 144,
    flags: AT_SYMLINK_NOFOLLOW,
  })
  const view = new DataView(data!.buffer, data!.byteOffset)
  return { mode: view.getUint32(24, true), owner: view.getUint32(28, true), group: view.getUint32(32, true) }
}

function* keepOwner(from: string, into: string): Part<void> {
  const { mode, owner, group } = yield* stat(from)
  yield* must({ name: 'fchownat', dirfd: AT_FDCWD, pathname: into, owner, group, flags: AT_SYMLINK_NOFOLLOW })
  if ((mode & S_IFMT) !== S_IFLNK)
    yield* must({ name: 'fchmodat', dirfd: AT_FDCWD, pathname: into, mode: mode & 0o7777 })
}

function* copyOne(from: string, into: string): Part<void> {
  const kind = (yield* stat(from)).mode & S_IFMT
  if (kind === S_IFDIR) {
    yield* must({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: into, mode: 0o755 })
    return yield* copyDirectory(from, into)
  }
  if (kind === S_IFLNK) {
    const { value, data } = yield* must({ name: 'readlinkat', dirfd: AT_FDCWD, pathname: from, buf: 4096 })
    const target = decoded(data!.subarray(0, value))
    yield* must({ name: 'symlinkat', target, newdirfd: AT_FDCWD, linkpath: into })
  } else {
    const source = yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname: from, flags: 0, mode: 0 })
    const made = yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname: into, flags: O_WRONLY_CREAT, mode: 0o600 })
    for (;;) {
      const { value, data } = yield* must({ name: 'read', fd: source.value, buf: 65536 })
      if (value === 0) break
      yield* must({ name: 'write', fd: made.value, buf: data!.subarray(0, value) })
    }
    for (const { value: fd } of [source, made]) yield { name: 'close', fd }
  }
  yield* keepOwner(from, into)
}

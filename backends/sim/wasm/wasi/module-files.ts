// WASI 0.1: files, and the paths below them. A number of a module stands for a descriptor of its process; 3 is the root.

import type { Syscall } from '../../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { escapes, type Stat, statOf } from './file-words.ts'
import {
  asks,
  ended,
  errnoFrom,
  errnoOf,
  gathered,
  type ModuleContext,
  type ModuleFunctions,
  numberFor,
  type Opened,
  says,
  scatter,
  tableOf,
  vectors,
} from './module-context.ts'
import type { Steps } from './resources.ts'

const [EBADF, EINVAL, EPERM, ENOTDIR, EISDIR, ENOTSUP] = [
  'EBADF',
  'EINVAL',
  'EPERM',
  'ENOTDIR',
  'EISDIR',
  'ENOTSUP',
].map(errnoOf) as [number, number, number, number, number, number]
const AT_FDCWD = -100
const [AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_REMOVEDIR] = [0x100, 0x400, 0x200]
const [O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_ACCMODE] = [0x10000, 0x20000, 0x80000, 3]
const [F_GETFL, F_SETFL, TCGETS, termiosBytes] = [3, 4, 0x5401, 36]
/** What oflags and fdflags of WASI are, bit by bit. */
const openFlags = [0x40, O_DIRECTORY, 0x80, 0x200]
const fileFlags = [0x400, 0x1000, 0x800, 0x101000, 0x101000]
const [mayRead, mayWrite] = [(1n << 1n) | (1n << 14n), 1n << 6n]
const seekAndTell = 0x24n
const allRights = 0x3fffffffn
/** filetype of WASI 0.1, by descriptor-type of WASI 0.2. */
const types = [0, 1, 2, 3, 0, 7, 4, 6]
const [socketType, streamType, datagramType] = [6, 6, 5]
const listBytes = 32_768

const linux = (bits: number, words: readonly number[]) =>
  words.reduce((all, word, at) => all | (bits & (1 << at) ? word : 0), 0)

/** Of descriptors alone: the root has none of its own. */
const opened = (context: ModuleContext, number: number): Opened | undefined => tableOf(context).get(number >>> 0)

interface Place {
  readonly dirfd: number
  readonly pathname: string
}

/** Where a path begins that stands below a number; an errno when it may not be walked. */
function placeOf(context: ModuleContext, number: number, start: number, length: number): Place | number {
  const found = opened(context, number)
  if (!found) return EBADF
  const path = context.text(start, length)
  if (path.includes('\0')) return EINVAL
  if (escapes(path)) return EPERM
  return found.isRoot ? { dirfd: AT_FDCWD, pathname: `/${path}` } : { dirfd: found.fd, pathname: path }
}

/** One call about a path, which answers nothing. */
function* at(place: Place | number, call: (place: Place) => Syscall): Steps<number | undefined> {
  return typeof place === 'number' ? place : ended(yield call(place))
}

/** One call about a descriptor, which answers nothing. */
function* on(context: ModuleContext, number: number, call: (fd: number) => Syscall): Steps<number | undefined> {
  const found = opened(context, number)
  if (!found) return EBADF
  return found.isRoot ? EISDIR : ended(yield call(found.fd))
}

function* statistics(context: ModuleContext, number: number): Steps<Stat | number> {
  const found = opened(context, number)
  if (!found) return EBADF
  const outcome: Outcome = yield found.isRoot
    ? { name: 'newfstatat', dirfd: AT_FDCWD, pathname: '/', statbuf: 144, flags: 0 }
    : { name: 'fstat', fd: found.fd, statbuf: 144 }
  return isDenied(outcome) ? errnoFrom(outcome) : statOf(outcome.data!)
}

const nanoseconds = ([seconds, part]: readonly [bigint, number]) => seconds * 1_000_000_000n + BigInt(part)

function* typeOf(fd: number, type: number): Steps<number> {
  if (types[type] !== socketType) return types[type] ?? 0
  const asked: Outcome = yield {
    ...{
      name: 'getsockopt',
      sockfd: fd,
      level: 1,
      optname: 3,
      optval: new Uint8Array(4),
      optlen: Uint8Array.of(4, 0, 0, 0),
    },
  } as Syscall
  return !isDenied(asked) && asked.data?.[0] === 2 ? datagramType : streamType
}

function writeStat(context: ModuleContext, to: number, stat: Stat, type: number): void {
  const data = new Uint8Array(64)
  const view = new DataView(data.buffer)
  view.setBigUint64(0, stat.device, true)
  view.setBigUint64(8, stat.inode, true)
  view.setUint8(16, type)
  view.setBigUint64(24, stat.links, true)
  view.setBigUint64(32, stat.sizeBytes, true)
  for (const [index, moment] of [stat.accessed, stat.modified, stat.changed].entries())
    view.setBigUint64(40 + 8 * index, nanoseconds(moment), true)
  context.write(to, data)
}

function* readInto(
  context: ModuleContext,
  number: number,
  [at, count, counted]: readonly [number, number, number],
  call: (fd: number, bytes: number) => Syscall,
): Steps<number | undefined> {
  const found = opened(context, number)
  const parts = vectors(context, at, count)
  if (!found || !parts) return found ? EINVAL : EBADF
  if (found.isRoot) return EISDIR
  const outcome: Outcome = yield call(
    found.fd,
    parts.reduce((sum, [, length]) => sum + length, 0),
  )
  if (isDenied(outcome)) return errnoFrom(outcome)
  scatter(context, parts, (outcome.data ?? new Uint8Array()).subarray(0, outcome.value))
  context.write32(counted, outcome.value)
  return undefined
}

function* writeFrom(
  context: ModuleContext,
  number: number,
  [at, count, counted]: readonly [number, number, number],
  call: (fd: number, data: Uint8Array) => Syscall,
): Steps<number | undefined> {
  const found = opened(context, number)
  const parts = vectors(context, at, count)
  if (!found || !parts) return found ? EINVAL : EBADF
  if (found.isRoot) return EISDIR
  const outcome: Outcome = yield call(found.fd, gathered(context, parts))
  if (isDenied(outcome)) return errnoFrom(outcome)
  context.write32(counted, outcome.value)
  return undefined
}

function* seek(
  context: ModuleContext,
  number: number,
  offset: number,
  whence: number,
  to: number,
): Steps<number | undefined> {
  const found = opened(context, number)
  if (!found) return EBADF
  if (found.isRoot) return EISDIR
  const outcome: Outcome = yield { name: 'lseek', fd: found.fd, offset, whence }
  if (isDenied(outcome)) return errnoFrom(outcome)
  context.write64(to, outcome.value)
  return undefined
}

/** Entries of 24 bytes and a name; the last one is cut where there is no more room. */
function* readDirectory(
  context: ModuleContext,
  number: number,
  to: number,
  room: number,
  cookie: bigint,
  used: number,
): Steps<number | undefined> {
  const found = opened(context, number)
  if (!found) return EBADF
  let { fd } = found
  if (found.isRoot) {
    const root: Outcome = yield {
      name: 'openat',
      dirfd: AT_FDCWD,
      pathname: '/',
      flags: O_DIRECTORY | O_CLOEXEC,
      mode: 0,
    }
    if (isDenied(root)) return errnoFrom(root)
    fd = root.value
  }
  const all = new Uint8Array(room >>> 0)
  let filled = 0
  let refusal: number | undefined
  const placed: Outcome = yield { name: 'lseek', fd, offset: Number(cookie), whence: 0 }
  if (isDenied(placed)) refusal = errnoFrom(placed)
  while (refusal === undefined && filled < all.length) {
    const outcome: Outcome = yield { name: 'getdents64', fd, dirp: listBytes }
    if (isDenied(outcome)) {
      refusal = errnoFrom(outcome)
      break
    }
    if (outcome.value === 0) break
    const data = outcome.data!
    const view = new DataView(data.buffer, data.byteOffset)
    for (let from = 0; from < outcome.value && filled < all.length; from += view.getUint16(from + 16, true)) {
      const name = data.subarray(from + 19, data.indexOf(0, from + 19))
      const entry = new Uint8Array(24 + name.length)
      const written = new DataView(entry.buffer)
      written.setBigUint64(0, view.getBigUint64(from + 8, true), true)
      written.setBigUint64(8, view.getBigUint64(from, true), true)
      written.setUint32(16, name.length, true)
      written.setUint8(20, direntTypes.get(data[from + 18]!) ?? 0)
      entry.set(name, 24)
      all.set(entry.subarray(0, all.length - filled), filled)
      filled = Math.min(all.length, filled + entry.length)
    }
  }
  if (found.isRoot) yield { name: 'close', fd }
  if (refusal !== undefined) return refusal
  context.write(to, all.subarray(0, filled))
  context.write32(used, filled)
  return undefined
}

/** filetype by DT_ of getdents64(2). */
const direntTypes = new Map([
  [2, 2],
  [4, 3],
  [6, 1],
  [8, 4],
  [10, 7],
  [12, 6],
])

const [UTIME_NOW, UTIME_OMIT] = [0x3fffffffn, 0x3ffffffen]

/** Two of struct timespec, by fstflags; undefined when they contradict each other. utimensat(2) */
function timesOf(accessedNs: bigint, modifiedNs: bigint, flags: number): Uint8Array | undefined {
  const view = new DataView(new ArrayBuffer(32))
  for (const [index, ns] of [accessedNs, modifiedNs].entries()) {
    const bits = (flags >> (2 * index)) & 3
    if (bits === 3) return undefined
    const unsigned = BigInt.asUintN(64, ns)
    view.setBigInt64(16 * index, bits === 1 ? unsigned / 1_000_000_000n : 0n, true)
    view.setBigInt64(16 * index + 8, bits === 1 ? unsigned % 1_000_000_000n : bits === 2 ? UTIME_NOW : UTIME_OMIT, true)
  }
  return new Uint8Array(view.buffer)
}

function* setTimes(
  place: Place | number | { fd: number },
  times: Uint8Array | undefined,
  flags: number,
): Steps<number | undefined> {
  if (typeof place === 'number' || !times) return typeof place === 'number' ? place : EINVAL
  const what = 'fd' in place ? { dirfd: place.fd, pathname: null } : place
  return ended(yield { name: 'utimensat', ...what, times, flags } as Syscall)
}

export const fileFunctions: ModuleFunctions = {
  fd_advise: says('iIIi', (context, number) => (opened(context, number) ? undefined : EBADF)),
  fd_allocate: asks('iII', (context, number, offset, length) =>
    on(
      context,
      number,
      (fd) => ({ name: 'fallocate', fd, mode: 0, offset: Number(offset), len: Number(length) }) as Syscall,
    ),
  ),
  fd_close: asks('i', function* (context, number) {
    const found = opened(context, number)
    if (!found) return EBADF
    const outcome: Outcome = found.isRoot ? { value: 0 } : yield { name: 'close', fd: found.fd }
    tableOf(context).delete(number)
    return ended(outcome)
  }),
  fd_datasync: asks('i', (context, number) => on(context, number, (fd) => ({ name: 'fdatasync', fd }))),
  fd_sync: asks('i', (context, number) => on(context, number, (fd) => ({ name: 'fsync', fd }))),
  fd_fdstat_get: asks('ii', function* (context, number, to) {
    const stat = yield* statistics(context, number)
    if (typeof stat === 'number') return stat
    const { fd, isRoot } = opened(context, number)!
    const data = new Uint8Array(24)
    const view = new DataView(data.buffer)
    const type = yield* typeOf(fd, stat.type)
    view.setUint8(0, type)
    let rights = allRights
    if (!isRoot) {
      const flags: Outcome = yield { name: 'fcntl', fd, cmd: F_GETFL, arg: 0 } as Syscall
      if (isDenied(flags)) return errnoFrom(flags)
      const bits = fileFlags.map((word, index) => ((flags.value & word) === word ? 1 << index : 0))
      // O_SYNC holds O_DSYNC; RSYNC is no flag of Linux.
      view.setUint16(2, bits[0]! | bits[1]! | bits[2]! | bits[4]!, true)
      if ((flags.value & O_ACCMODE) === 1) rights &= ~mayRead
      if ((flags.value & O_ACCMODE) === 0 && type !== 3) rights &= ~mayWrite
    }
    // isatty(3) of its C library: a character device that cannot be sought.
    if (type === 2 && !isDenied(yield { name: 'ioctl', fd, request: TCGETS, arg: new Uint8Array(termiosBytes) }))
      rights &= ~seekAndTell
    view.setBigUint64(8, rights, true)
    view.setBigUint64(16, allRights, true)
    context.write(to, data)
    return undefined
  }),
  fd_fdstat_set_flags: asks('ii', (context, number, flags) =>
    on(context, number, (fd) => ({ name: 'fcntl', fd, cmd: F_SETFL, arg: linux(flags, fileFlags) }) as Syscall),
  ),
  fd_fdstat_set_rights: says('iII', (context, number) => (opened(context, number) ? ENOTSUP : EBADF)),
  fd_filestat_get: asks('ii', function* (context, number, to) {
    const stat = yield* statistics(context, number)
    if (typeof stat === 'number') return stat
    writeStat(context, to, stat, yield* typeOf(opened(context, number)!.fd, stat.type))
    return undefined
  }),
  fd_filestat_set_size: asks('iI', (context, number, length) =>
    on(context, number, (fd) => ({ name: 'ftruncate', fd, length: Number(length) })),
  ),
  fd_filestat_set_times: asks('iIIi', function* (context, number, accessed, modified, flags) {
    const found = opened(context, number)
    if (!found) return EBADF
    const place = found.isRoot ? { dirfd: AT_FDCWD, pathname: '/' } : { fd: found.fd }
    return yield* setTimes(place, timesOf(accessed, modified, flags), 0)
  }),
  fd_pread: asks('iiiIi', (context, number, at, count, offset, counted) =>
    readInto(context, number, [at, count, counted], (fd, buf) => ({
      name: 'pread64',
      fd,
      buf,
      offset: Number(offset),
    })),
  ),
  fd_pwrite: asks('iiiIi', (context, number, at, count, offset, counted) =>
    writeFrom(context, number, [at, count, counted], (fd, buf) => ({
      name: 'pwrite64',
      fd,
      buf,
      offset: Number(offset),
    })),
  ),
  fd_read: asks('iiii', (context, number, ...where) =>
    readInto(context, number, where as [number, number, number], (fd, buf) => ({ name: 'read', fd, buf })),
  ),
  fd_write: asks('iiii', (context, number, ...where) =>
    writeFrom(context, number, where as [number, number, number], (fd, buf) => ({ name: 'write', fd, buf })),
  ),
  fd_prestat_get: says('ii', (context, number, to) => {
    if (!opened(context, number)?.isRoot) return EBADF
    context.write32(to, 0)
    context.write32(to + 4, 1)
    return undefined
  }),
  fd_prestat_dir_name: says('iii', (context, number, to, room) => {
    if (!opened(context, number)?.isRoot) return EBADF
    if (room >>> 0 < 1) return errnoOf('ENAMETOOLONG')
    context.write(to, new TextEncoder().encode('/'))
    return undefined
  }),
  fd_readdir: asks('iiiIi', readDirectory),
  fd_renumber: asks('ii', function* (context, from, into) {
    const table = tableOf(context)
    const [moved, there] = [opened(context, from), opened(context, into)]
    if (!moved || !there) return EBADF
    if (from === into) return undefined
    if (!there.isRoot) {
      const outcome: Outcome = yield { name: 'close', fd: there.fd }
      if (isDenied(outcome)) return errnoFrom(outcome)
    }
    table.set(into, moved)
    table.delete(from)
    return undefined
  }),
  fd_seek: asks('iIii', (context, number, offset, whence, to) => seek(context, number, Number(offset), whence, to)),
  fd_tell: asks('ii', (context, number, to) => seek(context, number, 0, 1, to)),
  path_create_directory: asks('iii', (context, number, start, length) =>
    at(placeOf(context, number, start, length), (place) => ({ name: 'mkdirat', ...place, mode: 0x1ff })),
  ),
  path_filestat_get: asks('iiiii', function* (context, number, follows, start, length, to) {
    const place = placeOf(context, number, start, length)
    if (typeof place === 'number') return place
    const outcome: Outcome = yield {
      ...{ name: 'newfstatat', ...place, statbuf: 144, flags: follows & 1 ? 0 : AT_SYMLINK_NOFOLLOW },
    } as Syscall
    if (isDenied(outcome)) return errnoFrom(outcome)
    const stat = statOf(outcome.data!)
    writeStat(context, to, stat, types[stat.type] ?? 0)
    return undefined
  }),
  path_filestat_set_times: asks('iiiiIIi', (context, number, follows, start, length, accessed, modified, flags) =>
    setTimes(
      placeOf(context, number, start, length),
      timesOf(accessed, modified, flags),
      follows & 1 ? 0 : AT_SYMLINK_NOFOLLOW,
    ),
  ),
  path_link: asks('iiiiiii', (context, number, follows, start, length, into, newStart, newLength) => {
    const to = placeOf(context, into, newStart, newLength)
    if (typeof to === 'number') return at(to, () => ({ name: 'getpid' }))
    return at(placeOf(context, number, start, length), ({ dirfd, pathname }) => ({
      ...{ name: 'linkat', olddirfd: dirfd, oldpath: pathname, newdirfd: to.dirfd, newpath: to.pathname },
      flags: follows & 1 ? AT_SYMLINK_FOLLOW : 0,
    }))
  }),
  path_open: asks(
    'iiiiiIIii',
    function* (context, number, follows, start, length, how, rights, _inheriting, flags, to) {
      const place = placeOf(context, number, start, length)
      if (typeof place === 'number') return place
      const access = rights & mayWrite ? (rights & mayRead ? 2 : 1) : 0
      const made = linux(how, openFlags)
      const all = access | made | linux(flags, fileFlags) | (follows & 1 ? 0 : O_NOFOLLOW) | O_CLOEXEC
      const call = { name: 'openat', ...place, flags: all, mode: 0x1b6 } as const
      let outcome: Outcome = yield call
      // Rights to what is in a directory are no rights to write it.
      if (isDenied(outcome) && outcome.errno === 'EISDIR' && made & O_DIRECTORY)
        outcome = yield { ...call, flags: all & ~O_ACCMODE }
      if (isDenied(outcome)) return errnoFrom(outcome)
      context.write32(to, numberFor(context, outcome.value))
      return undefined
    },
  ),
  path_readlink: asks('iiiiii', function* (context, number, start, length, to, room, used) {
    const place = placeOf(context, number, start, length)
    if (typeof place === 'number') return place
    const outcome: Outcome = yield { name: 'readlinkat', ...place, buf: Math.min(room >>> 0, 4096) }
    if (isDenied(outcome)) return errnoFrom(outcome)
    context.write(to, outcome.data!.subarray(0, outcome.value))
    context.write32(used, outcome.value)
    return undefined
  }),
  path_remove_directory: asks('iii', (context, number, start, length) =>
    at(placeOf(context, number, start, length), (place) => ({ name: 'unlinkat', ...place, flags: AT_REMOVEDIR })),
  ),
  path_rename: asks('iiiiii', (context, number, start, length, into, newStart, newLength) => {
    const to = placeOf(context, into, newStart, newLength)
    if (typeof to === 'number') return at(to, () => ({ name: 'getpid' }))
    return at(placeOf(context, number, start, length), ({ dirfd, pathname }) => ({
      ...{ name: 'renameat2', olddirfd: dirfd, oldpath: pathname, newdirfd: to.dirfd, newpath: to.pathname, flags: 0 },
    }))
  }),
  path_symlink: asks('iiiii', (context, start, length, number, newStart, newLength) =>
    at(placeOf(context, number, newStart, newLength), ({ dirfd, pathname }) => ({
      ...{ name: 'symlinkat', target: context.text(start, length), newdirfd: dirfd, linkpath: pathname },
    })),
  ),
  path_unlink_file: asks('iii', (context, number, start, length) =>
    at(placeOf(context, number, start, length), (place) => ({ name: 'unlinkat', ...place, flags: 0 })),
  ),
  sock_accept: asks('iii', function* (context, number, flags, to) {
    const found = opened(context, number)
    if (!found) return EBADF
    if (found.isRoot) return ENOTDIR
    const how = linux(flags >> 2, [0x800]) | O_CLOEXEC
    const outcome: Outcome = yield { name: 'accept4', sockfd: found.fd, addr: null, addrlen: null, flags: how }
    if (isDenied(outcome)) return errnoFrom(outcome)
    context.write32(to, numberFor(context, outcome.value))
    return undefined
  }),
  sock_recv: asks('iiiiii', function* (context, number, at, count, flags, counted, told) {
    const refusal = yield* readInto(context, number, [at, count, counted], (fd, size) =>
      recv(fd, size, linux(flags, [2, 0x100])),
    )
    if (refusal === undefined) context.write(told, new Uint8Array(2))
    return refusal
  }),
  sock_send: asks('iiiii', (context, number, at, count, _flags, counted) =>
    writeFrom(context, number, [at, count, counted], send),
  ),
  sock_shutdown: asks('ii', (context, number, how) =>
    on(context, number, (sockfd) => ({ name: 'shutdown', sockfd, how: Math.max(0, (how & 3) - 1) })),
  ),
}

const recv = (sockfd: number, buf: number, flags: number) =>
  ({ name: 'recvfrom', sockfd, buf, flags, src_addr: 0, addrlen: 0 }) as const
/** MSG_NOSIGNAL: WASI has no signals. */
const send = (sockfd: number, buf: Uint8Array) =>
  ({ name: 'sendto', sockfd, buf, flags: 0x4000, dest_addr: new Uint8Array() }) as const

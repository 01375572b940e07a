// WASI 0.1: files, and the paths below them. A number of a module stands for a descriptor of its process; 3 is the root.

import type { Syscall } from '../../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { statOf } from './file-words.ts'
import { asks, ended, errnoFrom, errnoOf, type ModuleFunctions, numberFor, says, tableOf } from './module-context.ts'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  allRights,
  at,
  EBADF,
  ENOTSUP,
  F_GETFL,
  F_SETFL,
  fileFlags,
  linux,
  mayRead,
  mayWrite,
  O_ACCMODE,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  on,
  opened,
  openFlags,
  placeOf,
  readDirectory,
  readInto,
  seek,
  seekAndTell,
  setTimes,
  statistics,
  TCGETS,
  termiosBytes,
  timesOf,
  typeOf,
  types,
  writeFrom,
  writeStat,
} from './module-descriptors.ts'

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
}

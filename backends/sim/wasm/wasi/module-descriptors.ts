// WASI 0.1: what its functions for files have in common: descriptors, places, times, and bytes in and out.

import type { Syscall } from '../../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { escapes, type Stat, statOf } from './file-words.ts'
import {
  ended,
  errnoFrom,
  errnoOf,
  gathered,
  type ModuleContext,
  type Opened,
  scatter,
  tableOf,
  vectors,
} from './module-context.ts'
import type { Steps } from './resources.ts'

export const [EBADF, EINVAL, EPERM, ENOTDIR, EISDIR, ENOTSUP] = [
  'EBADF',
  'EINVAL',
  'EPERM',
  'ENOTDIR',
  'EISDIR',
  'ENOTSUP',
].map(errnoOf) as [number, number, number, number, number, number]
export const AT_FDCWD = -100
export const [AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_REMOVEDIR] = [0x100, 0x400, 0x200]
export const [O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_ACCMODE] = [0x10000, 0x20000, 0x80000, 3]
export const [F_GETFL, F_SETFL, TCGETS, termiosBytes] = [3, 4, 0x5401, 36]
/** What oflags and fdflags of WASI are, bit by bit. */
export const openFlags = [0x40, O_DIRECTORY, 0x80, 0x200]
export const fileFlags = [0x400, 0x1000, 0x800, 0x101000, 0x101000]
export const [mayRead, mayWrite] = [(1n << 1n) | (1n << 14n), 1n << 6n]
export const seekAndTell = 0x24n
export const allRights = 0x3fffffffn
/** filetype of WASI 0.1, by descriptor-type of WASI 0.2. */
export const types = [0, 1, 2, 3, 0, 7, 4, 6]
export const [socketType, streamType, datagramType] = [6, 6, 5]
export const listBytes = 32_768

export const linux = (bits: number, words: readonly number[]) =>
  words.reduce((all, word, at) => all | (bits & (1 << at) ? word : 0), 0)

/** Of descriptors alone: the root has none of its own. */
export const opened = (context: ModuleContext, number: number): Opened | undefined => tableOf(context).get(number >>> 0)

export interface Place {
  readonly dirfd: number
  readonly pathname: string
}

/** Where a path begins that stands below a number; an errno when it may not be walked. */
export function placeOf(context: ModuleContext, number: number, start: number, length: number): Place | number {
  const found = opened(context, number)
  if (!found) return EBADF
  const path = context.text(start, length)
  if (path.includes('\0')) return EINVAL
  if (escapes(path)) return EPERM
  return found.isRoot ? { dirfd: AT_FDCWD, pathname: `/${path}` } : { dirfd: found.fd, pathname: path }
}

/** One call about a path, which answers nothing. */
export function* at(place: Place | number, call: (place: Place) => Syscall): Steps<number | undefined> {
  return typeof place === 'number' ? place : ended(yield call(place))
}

/** One call about a descriptor, which answers nothing. */
export function* on(context: ModuleContext, number: number, call: (fd: number) => Syscall): Steps<number | undefined> {
  const found = opened(context, number)
  if (!found) return EBADF
  return found.isRoot ? EISDIR : ended(yield call(found.fd))
}

export function* statistics(context: ModuleContext, number: number): Steps<Stat | number> {
  const found = opened(context, number)
  if (!found) return EBADF
  const outcome: Outcome = yield found.isRoot
    ? { name: 'newfstatat', dirfd: AT_FDCWD, pathname: '/', statbuf: 144, flags: 0 }
    : { name: 'fstat', fd: found.fd, statbuf: 144 }
  return isDenied(outcome) ? errnoFrom(outcome) : statOf(outcome.data!)
}

export const nanoseconds = ([seconds, part]: readonly [bigint, number]) => seconds * 1_000_000_000n + BigInt(part)

export function* typeOf(fd: number, type: number): Steps<number> {
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

export function writeStat(context: ModuleContext, to: number, stat: Stat, type: number): void {
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

export function* readInto(
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

export function* writeFrom(
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

export function* seek(
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
export function* readDirectory(
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
export const direntTypes = new Map([
  [2, 2],
  [4, 3],
  [6, 1],
  [8, 4],
  [10, 7],
  [12, 6],
])

export const [UTIME_NOW, UTIME_OMIT] = [0x3fffffffn, 0x3ffffffen]

/** Two of struct timespec, by fstflags; undefined when they contradict each other. utimensat(2) */
export function timesOf(accessedNs: bigint, modifiedNs: bigint, flags: number): Uint8Array | undefined {
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

export function* setTimes(
  place: Place | number | { fd: number },
  times: Uint8Array | undefined,
  flags: number,
): Steps<number | undefined> {
  if (typeof place === 'number' || !times) return typeof place === 'number' ? place : EINVAL
  const what = 'fd' in place ? { dirfd: place.fd, pathname: null } : place
  return ended(yield { name: 'utimensat', ...what, times, flags } as Syscall)
}

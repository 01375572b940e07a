// wasi:filesystem: descriptors, and the paths below them. https://github.com/WebAssembly/WASI/tree/main/proposals/filesystem

import type { Syscall } from '../../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { codes } from './errors.ts'
import { pathOf, type Stat, statOf, timesOf, typeOfDirent } from './file-words.ts'
import type { Type } from './layout.ts'
import {
  answers,
  type Context,
  dropping,
  type Interface,
  keep,
  type Run,
  type Steps,
  share,
  tells,
  the,
} from './resources.ts'

const AT_REMOVEDIR = 0x200
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_SYMLINK_FOLLOW = 0x400
const O_RDWR = 2
const O_CREAT = 0x40
const O_EXCL = 0x80
const O_TRUNC = 0x200
const O_DIRECTORY = 0x10000
const O_NOFOLLOW = 0x20000
const O_CLOEXEC = 0x80000
/** descriptor-flags of WASI. */
const readable = 1
const writable = 2
const changesDirectory = 32
const listBytes = 32_768
const transferBytesMost = 1024 * 1024

const done = { result: [null, 'code'] } as const satisfies Type
const handle = { result: ['u32', 'code'] } as const satisfies Type
const moment = { option: { record: ['u64', 'u32'] } } as const satisfies Type
const stat = { result: [{ record: ['u8', 'u64', 'u64', moment, moment, moment] }, 'code'] } as const satisfies Type
const hash = { result: [{ record: ['u64', 'u64'] }, 'code'] } as const satisfies Type

/** One call, which answers nothing but whether it was done. */
// biome-ignore lint/suspicious/noExplicitAny: flat numbers, as their function knows them
const does = (call: (context: Context, fd: number, ...flat: any[]) => Syscall): Run =>
  function* (context, self, ...flat) {
    const outcome = yield call(context, the(context, 'descriptor', self).held.fd, ...flat)
    return isDenied(outcome) ? codes(outcome) : undefined
  }

function* statistics(call: Syscall): Steps<Stat | ReturnType<typeof codes>> {
  const outcome = yield call
  return isDenied(outcome) ? codes(outcome) : statOf(outcome.data!)
}

const statOfFd = (fd: number) => statistics({ name: 'fstat', fd, statbuf: 144 })
const statAt = (context: Context, self: number, follows: number, start: number, length: number) =>
  statistics({
    ...{
      name: 'newfstatat',
      dirfd: the(context, 'descriptor', self).held.fd,
      pathname: pathOf(context, start, length),
    },
    ...{ statbuf: 144, flags: follows & 1 ? 0 : AT_SYMLINK_NOFOLLOW },
  } as Syscall)

function* asRecord(steps: ReturnType<typeof statistics>): Steps {
  const found = yield* steps
  if ('refused' in found) return found
  return [found.type, found.links, found.sizeBytes, found.accessed, found.modified, found.changed]
}

function* asHash(steps: ReturnType<typeof statistics>): Steps {
  const found = yield* steps
  return 'refused' in found ? found : [found.device, found.inode]
}

function* open(
  context: Context,
  self: number,
  follows: number,
  start: number,
  length: number,
  how: number,
  flags: number,
): Steps {
  const mayWrite = (flags & writable) !== 0
  const access = mayWrite ? (flags & readable ? O_RDWR : 1) : 0
  const made = (how & 1 ? O_CREAT : 0) | (how & 2 ? O_DIRECTORY : 0) | (how & 4 ? O_EXCL : 0) | (how & 8 ? O_TRUNC : 0)
  const call = {
    ...({
      name: 'openat',
      dirfd: the(context, 'descriptor', self).held.fd,
      pathname: pathOf(context, start, length),
    } as const),
    ...{ flags: access | made | (follows & 1 ? 0 : O_NOFOLLOW) | O_CLOEXEC, mode: 0x1b6 },
  } as const
  let outcome = yield call
  // A directory is never written to, but what is in it may be changed.
  if (isDenied(outcome) && outcome.errno === 'EISDIR' && !made) outcome = yield { ...call, flags: call.flags & ~3 }
  if (isDenied(outcome)) return codes(outcome)
  return keep(context, { kind: 'descriptor', held: { fd: outcome.value, users: 1 }, flags })
}

function* list(context: Context, self: number): Steps {
  const { fd } = the(context, 'descriptor', self).held
  const entries: [number, string][] = []
  const rewound = yield { name: 'lseek', fd, offset: 0, whence: 0 }
  if (isDenied(rewound)) return codes(rewound)
  for (;;) {
    const outcome: Outcome = yield { name: 'getdents64', fd, dirp: listBytes }
    if (isDenied(outcome)) return codes(outcome)
    if (outcome.value === 0) return keep(context, { kind: 'entries', entries, at: 0 })
    const { data } = outcome
    const view = new DataView(data!.buffer, data!.byteOffset)
    for (let at = 0; at < outcome.value; at += view.getUint16(at + 16, true)) {
      const name = new TextDecoder().decode(data!.subarray(at + 19, data!.indexOf(0, at + 19)))
      if (name !== '.' && name !== '..') entries.push([typeOfDirent(data![at + 18]!), name])
    }
  }
}

const streamFrom = (kind: 'input' | 'output') =>
  tells(handle, (context, self, offset) => {
    return keep(context, { kind, held: share(the(context, 'descriptor', self).held), at: Number(offset) })
  })

export const files: Interface = {
  'filesystem-error-code': tells({ option: 'u8' }, (context, self) => {
    return codes({ errno: the(context, 'error', self).errno }).refused
  }),
  '[method]descriptor.read-via-stream': streamFrom('input'),
  '[method]descriptor.write-via-stream': streamFrom('output'),
  '[method]descriptor.append-via-stream': tells(handle, (context, self) => {
    const { held } = the(context, 'descriptor', self)
    return keep(context, { kind: 'output', held: share(held), at: 'end' })
  }),
  '[method]descriptor.advise': tells(done, () => undefined),
  '[method]descriptor.sync-data': answers(
    done,
    does((_context, fd) => ({ name: 'fdatasync', fd })),
  ),
  '[method]descriptor.sync': answers(
    done,
    does((_context, fd) => ({ name: 'fsync', fd })),
  ),
  '[method]descriptor.get-flags': tells({ result: ['u8', 'code'] }, (context, self) => {
    return the(context, 'descriptor', self).flags
  }),
  '[method]descriptor.get-type': answers({ result: ['u8', 'code'] }, function* (context, self) {
    const found = yield* statOfFd(the(context, 'descriptor', self).held.fd)
    return 'refused' in found ? found : found.type
  }),
  '[method]descriptor.set-size': answers(
    done,
    does((_context, fd, length) => ({ name: 'ftruncate', fd, length: Number(length) })),
  ),
  '[method]descriptor.set-times': answers(
    done,
    does(
      (_context, fd, ...times) =>
        ({ name: 'utimensat', dirfd: fd, pathname: null, times: timesOf(times), flags: 0 }) as Syscall,
    ),
  ),
  '[method]descriptor.set-times-at': answers(
    done,
    does(
      (context, dirfd, follows, start, length, ...times) =>
        ({
          ...{ name: 'utimensat', dirfd, pathname: pathOf(context, start!, length!), times: timesOf(times) },
          flags: follows! & 1 ? 0 : AT_SYMLINK_NOFOLLOW,
        }) as Syscall,
    ),
  ),
  '[method]descriptor.read': answers(
    { result: [{ record: ['bytes', 'u8'] }, 'code'] },
    function* (context, self, length, offset) {
      const { fd } = the(context, 'descriptor', self).held
      const count = Math.min(Number(length), transferBytesMost)
      const outcome = yield { name: 'pread64', fd, buf: count, offset: Number(offset) }
      if (isDenied(outcome)) return codes(outcome)
      return [outcome.data ?? new Uint8Array(), outcome.value === 0 && count > 0 ? 1 : 0]
    },
  ),
  '[method]descriptor.write': answers({ result: ['u64', 'code'] }, function* (context, self, start, length, offset) {
    const { fd } = the(context, 'descriptor', self).held
    const outcome = yield { name: 'pwrite64', fd, buf: context.bytes(start, length), offset: Number(offset) }
    return isDenied(outcome) ? codes(outcome) : outcome.value
  }),
  '[method]descriptor.read-directory': answers(handle, list),
  '[method]descriptor.create-directory-at': answers(
    done,
    does((context, dirfd, start, length) => ({
      ...{ name: 'mkdirat', dirfd, pathname: pathOf(context, start!, length!), mode: 0x1ff },
    })),
  ),
  '[method]descriptor.stat': answers(stat, (context, self) =>
    asRecord(statOfFd(the(context, 'descriptor', self).held.fd)),
  ),
  '[method]descriptor.stat-at': answers(stat, (context, self, ...flat) =>
    asRecord(statAt(context, self, ...(flat as [number, number, number]))),
  ),
  '[method]descriptor.link-at': answers(
    done,
    function* (context, self, follows, start, length, into, newStart, newLength) {
      const outcome = yield {
        ...{
          name: 'linkat',
          olddirfd: the(context, 'descriptor', self).held.fd,
          oldpath: pathOf(context, start, length),
        },
        ...{ newdirfd: the(context, 'descriptor', into).held.fd, newpath: pathOf(context, newStart, newLength) },
        flags: follows & 1 ? AT_SYMLINK_FOLLOW : 0,
      }
      return isDenied(outcome) ? codes(outcome) : undefined
    },
  ),
  '[method]descriptor.open-at': answers(handle, open),
  '[method]descriptor.readlink-at': answers({ result: ['bytes', 'code'] }, function* (context, self, start, length) {
    const dirfd = the(context, 'descriptor', self).held.fd
    const outcome = yield { name: 'readlinkat', dirfd, pathname: pathOf(context, start, length), buf: 4096 }
    return isDenied(outcome) ? codes(outcome) : outcome.data!.subarray(0, outcome.value)
  }),
  '[method]descriptor.remove-directory-at': answers(
    done,
    does((context, dirfd, start, length) => ({
      ...{ name: 'unlinkat', dirfd, pathname: pathOf(context, start!, length!), flags: AT_REMOVEDIR },
    })),
  ),
  '[method]descriptor.rename-at': answers(done, function* (context, self, start, length, into, newStart, newLength) {
    const outcome = yield {
      ...{
        name: 'renameat2',
        olddirfd: the(context, 'descriptor', self).held.fd,
        oldpath: pathOf(context, start, length),
      },
      ...{
        newdirfd: the(context, 'descriptor', into).held.fd,
        newpath: pathOf(context, newStart, newLength),
        flags: 0,
      },
    }
    return isDenied(outcome) ? codes(outcome) : undefined
  }),
  '[method]descriptor.symlink-at': answers(
    done,
    does((context, newdirfd, start, length, newStart, newLength) => ({
      ...{ name: 'symlinkat', target: context.text(start!, length!), newdirfd },
      linkpath: pathOf(context, newStart!, newLength!),
    })),
  ),
  '[method]descriptor.unlink-file-at': answers(
    done,
    does((context, dirfd, start, length) => ({
      ...{ name: 'unlinkat', dirfd, pathname: pathOf(context, start!, length!), flags: 0 },
    })),
  ),
  '[method]descriptor.is-same-object': answers('u32', function* (context, self, other) {
    const one = yield* statOfFd(the(context, 'descriptor', self).held.fd)
    const two = yield* statOfFd(the(context, 'descriptor', other).held.fd)
    if ('refused' in one || 'refused' in two) return 0
    return one.device === two.device && one.inode === two.inode ? 1 : 0
  }),
  '[method]descriptor.metadata-hash': answers(hash, (context, self) =>
    asHash(statOfFd(the(context, 'descriptor', self).held.fd)),
  ),
  '[method]descriptor.metadata-hash-at': answers(hash, (context, self, ...flat) =>
    asHash(statAt(context, self, ...(flat as [number, number, number]))),
  ),
  '[resource-drop]descriptor': dropping,
  '[method]directory-entry-stream.read-directory-entry': tells(
    { result: [{ option: { record: ['u8', 'string'] } }, 'code'] },
    (context, self) => {
      const found = the(context, 'entries', self)
      return found.entries[found.at++]
    },
  ),
  '[resource-drop]directory-entry-stream': dropping,
}

/** The root alone: a component of WASI finds every path below it. */
export const preopens: Interface = {
  'get-directories': answers({ list: { record: ['u32', 'string'] } }, function* (context) {
    const outcome = yield { name: 'openat', dirfd: -100, pathname: '/', flags: O_DIRECTORY | O_CLOEXEC, mode: 0 }
    if (isDenied(outcome)) return []
    const held = { fd: outcome.value, users: 1 }
    return [[keep(context, { kind: 'descriptor', held, flags: readable | changesDirectory }), '/']]
  }),
}

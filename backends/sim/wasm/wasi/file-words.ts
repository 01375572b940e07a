// Paths, types, times and what stat(2) tells, between standard interfaces and system calls.

import type { Context } from './resources.ts'

const S_IFMT = 0xf000
/** descriptor-type of wasi:filesystem/types, by what the type's bits are in hundreds of thousands of octal digits. */
const types: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 2],
  [4, 3],
  [6, 1],
  [8, 6],
  [10, 5],
  [12, 7],
])

/** d_type of getdents64(2), which is the type's bits of a mode. */
export const typeOfDirent = (kind: number): number => types.get(kind) ?? 0

type Moment = readonly [bigint, number]

export interface Stat {
  readonly type: number
  readonly device: bigint
  readonly inode: bigint
  readonly links: bigint
  readonly sizeBytes: bigint
  readonly accessed: Moment
  readonly modified: Moment
  readonly changed: Moment
}

/** @param data - struct stat of x86-64 */
export function statOf(data: Uint8Array): Stat {
  const view = new DataView(data.buffer, data.byteOffset)
  const wide = (at: number) => view.getBigUint64(at, true)
  const moment = (at: number): Moment => [wide(at), view.getUint32(at + 8, true)]
  return {
    type: typeOfDirent((view.getUint32(24, true) & S_IFMT) >> 12),
    ...{ device: wide(0), inode: wide(8), links: wide(16), sizeBytes: wide(48) },
    ...{ accessed: moment(72), modified: moment(88), changed: moment(104) },
  }
}

/**
 * Paths stand below a descriptor, and do not lead out of it: absolute ones do, and those that go up further than down. A link may
 * lead anywhere: what is around a container keeps it in.
 */
export function escapes(path: string): boolean {
  if (path.startsWith('/')) return true
  let depth = 0
  for (const name of path.split('/')) {
    if (name === '..') depth -= 1
    else if (name !== '' && name !== '.') depth += 1
    if (depth < 0) return true
  }
  return false
}

/** Thrown while a path is read: the function answers with this. */
export class BadPath extends Error {
  readonly errno: string

  constructor(errno: string) {
    super(errno)
    this.errno = errno
  }
}

/** @errors BadPath */
export function pathOf(context: Context, start: number, length: number): string {
  const path = context.text(start, length)
  if (path.includes('\0')) throw new BadPath('EINVAL')
  if (escapes(path)) throw new BadPath('EPERM')
  return path
}

const UTIME_NOW = 0x3fffffffn
const UTIME_OMIT = 0x3ffffffen

/** Two of new-timestamp, flat: no change, now, or a time. As two of struct timespec. utimensat(2) */
export function timesOf(flat: readonly (number | bigint)[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(32))
  for (const at of [0, 1]) {
    const [kind, seconds, nanoseconds] = flat.slice(3 * at)
    view.setBigInt64(16 * at, kind === 2 ? BigInt(seconds!) : 0n, true)
    const part = kind === 0 ? UTIME_OMIT : kind === 1 ? UTIME_NOW : BigInt(nanoseconds!)
    view.setBigInt64(16 * at + 8, part, true)
  }
  return new Uint8Array(view.buffer)
}

// How each kind of argument of a system call crosses from a guest into the kernel: its type in WIT, and its value in the flat
// numbers of the canonical ABI. Component Model, CanonicalABI.md

import type { Errno } from '../../../core/errno.ts'
import type { Kind, Kinds } from '../../../core/syscall.ts'
import { type Denied, deny } from '../../../sim/outcome.ts'

/** A guest's memory while a call of it is looked at. */
export interface Memory {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** These bytes were written. */
  mark(start: number, bytes: number): void
}

/** What a guest passes: 32-bit numbers, and 64-bit ones as bigints. */
export type Flat = readonly (number | bigint)[]

interface Word<K extends Kind> {
  /** Its type in WIT. */
  readonly wit: string
  /** Types of the flat numbers: what C calls them. */
  readonly flat: readonly ('i32' | 'i64')[]
  readonly lift: (memory: Memory, flat: Flat, at: number) => Kinds[K]
  /** The kernel answers with bytes. */
  readonly answers?: true
}

/** Thrown while a call is read: it is answered with this, and never made. */
export class Unreadable extends Error {
  readonly denied: Denied

  constructor(errno: Errno, sentence: string) {
    super(sentence)
    this.denied = deny(errno, 'guest', sentence)
  }
}

/** Strings of one call have so much room together: as execve(2) on a stack of 8 MiB. */
const stringBytesMost = 6 * 1024 * 1024
/** UIO_MAXIOV. readv(2) */
const vectorsMost = 1024
/** Of other lists: more than any call takes. NGROUPS_MAX */
const itemsMost = 65_536
/** One call moves so much at most, and answers with how much it was, as read(2) and write(2) may. */
const transferBytesMost = 16 * 1024 * 1024

// A name may begin with what looks like a byte order mark.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const unsigned = (flat: Flat, at: number) => (flat[at] as number) >>> 0
const signed = (flat: Flat, at: number) => (flat[at] as number) | 0
const wide = (flat: Flat, at: number) => BigInt.asUintN(64, flat[at] as bigint)

function within({ bytes }: Memory, start: number, length: number): void {
  if (start + length > bytes.length)
    throw new Unreadable('EFAULT', `${length} bytes at ${start} are not all in the memory of the guest`)
}

/** Copied: the guest's memory goes on, and a call that waits does not see it change. */
function bytesAt(memory: Memory, start: number, length: number): Uint8Array {
  within(memory, start, length)
  return memory.bytes.slice(start, start + length)
}

function textAt(memory: Memory, start: number, length: number): string {
  within(memory, start, length)
  if (length > stringBytesMost)
    throw new Unreadable('E2BIG', `a string of ${length} bytes is longer than any call takes`)
  return decoder.decode(memory.bytes.subarray(start, start + length))
}

/** Checked before anything is made of it: so many items of some size, and no more than any call takes. */
function items(memory: Memory, start: number, count: number, itemBytes: number, most = itemsMost): number {
  if (count > most) throw new Unreadable('EINVAL', `a list of ${count} items is longer than any call takes`)
  within(memory, start, count * itemBytes)
  return count
}

/** Pairs of pointer and length, one behind another. */
function listOf<T>(
  memory: Memory,
  start: number,
  count: number,
  each: (start: number, length: number) => T,
  most?: number,
): T[] {
  return Array.from({ length: items(memory, start, count, 8, most) }, (_, index) => {
    const at = start + 8 * index
    return each(memory.view.getUint32(at, true), memory.view.getUint32(at + 4, true))
  })
}

function stringsAt(memory: Memory, start: number, count: number): string[] {
  if (count * 8 > stringBytesMost) throw new Unreadable('E2BIG', `${count} strings are more than execve(2) takes`)
  let left = stringBytesMost
  const each = (at: number, length: number) => {
    left -= length + 1
    if (left < 0) throw new Unreadable('E2BIG', 'the strings are longer together than execve(2) takes')
    return textAt(memory, at, length)
  }
  return listOf(memory, start, count, each, stringBytesMost)
}

/** As many as one call moves, and the rest left out: it answers with how much it has written. */
function vectorsAt(memory: Memory, start: number, count: number): Uint8Array[] {
  let left = transferBytesMost
  const each = (at: number, length: number) => {
    within(memory, at, length)
    const taken = Math.min(left, length)
    left -= taken
    return bytesAt(memory, at, taken)
  }
  return listOf(memory, start, count, each, vectorsMost)
}

const text = {
  wit: 'option<string>',
  flat: ['i32', 'i32', 'i32'],
  lift: (memory: Memory, flat: Flat, at: number) =>
    flat[at] ? textAt(memory, unsigned(flat, at + 1), unsigned(flat, at + 2)) : null,
} as const
const bytes = {
  wit: 'list<u8>',
  flat: ['i32', 'i32'],
  lift: (memory: Memory, flat: Flat, at: number) => bytesAt(memory, unsigned(flat, at), unsigned(flat, at + 1)),
} as const
const optionalBytes = {
  wit: 'option<list<u8>>',
  flat: ['i32', 'i32', 'i32'],
  lift: (memory: Memory, flat: Flat, at: number) =>
    flat[at] ? bytesAt(memory, unsigned(flat, at + 1), unsigned(flat, at + 2)) : null,
  answers: true,
} as const
/** So many bytes are asked for. */
const room = {
  wit: 'u32',
  flat: ['i32'],
  lift: (_memory: Memory, flat: Flat, at: number) => Math.min(unsigned(flat, at), transferBytesMost),
  answers: true,
} as const

export const words: { readonly [K in Kind]?: Word<K> } = {
  fd: { wit: 's32', flat: ['i32'], lift: (_, flat, at) => signed(flat, at) },
  int: {
    wit: 's64',
    flat: ['i64'],
    lift: (_, flat, at) => {
      const value = flat[at] as bigint
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : value
    },
  },
  path: text,
  text,
  strings: {
    wit: 'list<string>',
    flat: ['i32', 'i32'],
    lift: (memory, flat, at) => stringsAt(memory, unsigned(flat, at), unsigned(flat, at + 1)),
  },
  bytes,
  in: bytes,
  inout: { ...bytes, answers: true },
  optional: optionalBytes,
  iovec_in: {
    wit: 'list<list<u8>>',
    flat: ['i32', 'i32'],
    lift: (memory, flat, at) => vectorsAt(memory, unsigned(flat, at), unsigned(flat, at + 1)),
  },
  iovec_out: room,
  out: room,
  outonly: room,
  ids: { wit: '', flat: [], lift: () => 12, answers: true },
  open_how: {
    wit: 'open-how',
    flat: ['i64', 'i64', 'i64'],
    lift: (_, flat, at) => ({
      flags: Number(wide(flat, at)),
      mode: Number(wide(flat, at + 1)),
      resolve: Number(wide(flat, at + 2)),
    }),
  },
  mount_attr: {
    wit: 'mount-attr',
    flat: ['i64', 'i64', 'i64', 'i32'],
    lift: (_, flat, at) => ({
      attr_set: Number(wide(flat, at)),
      attr_clr: Number(wide(flat, at + 1)),
      propagation: Number(wide(flat, at + 2)),
      userns_fd: signed(flat, at + 3),
    }),
  },
  clone_args: {
    wit: 'clone-args',
    flat: ['i64', 'i32', 'i32', 'i32', 'i32'],
    lift: (memory, flat, at) => ({
      flags: Number(wide(flat, at)),
      exit_signal: unsigned(flat, at + 1),
      cgroup: signed(flat, at + 2),
      set_tid: Array.from({ length: items(memory, unsigned(flat, at + 3), unsigned(flat, at + 4), 4) }, (_, index) =>
        memory.view.getInt32(unsigned(flat, at + 3) + 4 * index, true),
      ),
    }),
  },
  capsets: {
    wit: 'capability-sets',
    flat: ['i64', 'i64', 'i64'],
    lift: (_, flat, at) => ({
      effective: wide(flat, at),
      permitted: wide(flat, at + 1),
      inheritable: wide(flat, at + 2),
    }),
  },
  sock_fprog: bytes,
  sigset: { wit: 'u64', flat: ['i64'], lift: (_, flat, at) => wide(flat, at) },
  sigaction: {
    wit: 'option<sigaction>',
    flat: ['i32', 'i32', 'i32', 'i64'],
    lift: (_, flat, at) =>
      flat[at]
        ? {
            handler: Math.min(2, unsigned(flat, at + 1)) as 0 | 1 | 2,
            flags: unsigned(flat, at + 2),
            mask: wide(flat, at + 3),
          }
        : null,
  },
  rlimit: {
    wit: 'option<rlimit>',
    flat: ['i32', 'i64', 'i64'],
    lift: (_, flat, at) => (flat[at] ? { soft: wide(flat, at + 1), hard: wide(flat, at + 2) } : null),
  },
  gids: {
    wit: 'list<u32>',
    flat: ['i32', 'i32'],
    lift: (memory, flat, at) =>
      Array.from({ length: items(memory, unsigned(flat, at), unsigned(flat, at + 1), 4) }, (_, index) =>
        memory.view.getUint32(unsigned(flat, at) + 4 * index, true),
      ),
  },
  pollfds: {
    wit: 'list<poll-fd>',
    flat: ['i32', 'i32'],
    lift: (memory, flat, at) =>
      Array.from({ length: items(memory, unsigned(flat, at), unsigned(flat, at + 1), 8) }, (_, index) => {
        const start = unsigned(flat, at) + 8 * index
        return { fd: memory.view.getInt32(start, true), events: memory.view.getUint16(start + 4, true) }
      }),
    answers: true,
  },
  timespec: {
    wit: 'option<s64>',
    flat: ['i32', 'i64'],
    lift: (_, flat, at) => (flat[at] ? (flat[at + 1] as bigint) : null),
  },
}

/** Records of the contract, as WIT has them. */
export const records = `
  record open-how { %flags: u64, mode: u64, resolve: u64 }
  record mount-attr { attr-set: u64, attr-clr: u64, propagation: u64, userns-fd: s32 }
  record clone-args { %flags: u64, exit-signal: u32, cgroup: s32, set-tid: list<u32> }
  record capability-sets { effective: u64, permitted: u64, inheritable: u64 }
  record sigaction { handler: u32, %flags: u32, mask: u64 }
  record rlimit { soft: u64, hard: u64 }
  record poll-fd { fd: s32, events: u16 }
  record answer { value: s64, bytes: list<u8> }
`

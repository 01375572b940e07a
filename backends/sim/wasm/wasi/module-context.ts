// What the functions of WASI 0.1 (`wasi_snapshot_preview1`) are made of: they get numbers and places in the memory of a module,
// write their answers there, and tell their errno. https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md

import { type Denied, isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { type Caller, trap } from '../calls.ts'
import type { Memory } from '../words.ts'
import type { Standard, Steps } from './resources.ts'

/** What a number stands for: a descriptor of the process, or the root, which modules find below 3. */
export interface Opened {
  readonly fd: number
  readonly isRoot?: true
}

export interface ModuleContext {
  readonly standard: Standard
  readonly argv: readonly string[]
  readonly envp: readonly string[]
  /** A copy. */
  readonly bytes: (start: number, length: number) => Uint8Array
  readonly text: (start: number, length: number) => string
  readonly write: (at: number, data: Uint8Array) => void
  readonly write32: (at: number, value: number) => void
  readonly write64: (at: number, value: number | bigint) => void
}

/** Answers an errno of WASI; nothing is 0. What has been written in memory counts only when it has ended. */
// biome-ignore lint/suspicious/noExplicitAny: each function knows its own flat numbers
export type ModuleRun = (context: ModuleContext, ...flat: any[]) => Steps<number | undefined>

export interface ModuleFunction {
  /** Of its parameters: `i` is an i32, `I` an i64. */
  readonly types: string
  readonly run: ModuleRun
}

export type ModuleFunctions = Readonly<Record<string, ModuleFunction>>

export const asks = (types: string, run: ModuleRun): ModuleFunction => ({ types, run })

/** Without a system call. */
// biome-ignore lint/suspicious/noExplicitAny: flat numbers, as above
export const says = (types: string, say: (context: ModuleContext, ...flat: any[]) => number | undefined) => ({
  types,
  // biome-ignore lint/correctness/useYield: it has nothing to ask
  *run(context: ModuleContext, ...flat: unknown[]): Steps<number | undefined> {
    return say(context, ...flat)
  },
})

/** In the order of their numbers. */
const names = [
  ...['', '2BIG', 'ACCES', 'ADDRINUSE', 'ADDRNOTAVAIL', 'AFNOSUPPORT', 'AGAIN', 'ALREADY', 'BADF', 'BADMSG', 'BUSY'],
  ...['CANCELED', 'CHILD', 'CONNABORTED', 'CONNREFUSED', 'CONNRESET', 'DEADLK', 'DESTADDRREQ', 'DOM', 'DQUOT', 'EXIST'],
  ...['FAULT', 'FBIG', 'HOSTUNREACH', 'IDRM', 'ILSEQ', 'INPROGRESS', 'INTR', 'INVAL', 'IO', 'ISCONN', 'ISDIR', 'LOOP'],
  ...['MFILE', 'MLINK', 'MSGSIZE', 'MULTIHOP', 'NAMETOOLONG', 'NETDOWN', 'NETRESET', 'NETUNREACH', 'NFILE', 'NOBUFS'],
  ...['NODEV', 'NOENT', 'NOEXEC', 'NOLCK', 'NOLINK', 'NOMEM', 'NOMSG', 'NOPROTOOPT', 'NOSPC', 'NOSYS', 'NOTCONN'],
  ...['NOTDIR', 'NOTEMPTY', 'NOTRECOVERABLE', 'NOTSOCK', 'NOTSUP', 'NOTTY', 'NXIO', 'OVERFLOW', 'OWNERDEAD', 'PERM'],
  ...['PIPE', 'PROTO', 'PROTONOSUPPORT', 'PROTOTYPE', 'RANGE', 'ROFS', 'SPIPE', 'SRCH', 'STALE', 'TIMEDOUT', 'TXTBSY'],
  ...['XDEV', 'NOTCAPABLE'],
]
const numbers = new Map(names.map((name, number) => [`E${name}`, number]))
numbers.set('EOPNOTSUPP', numbers.get('ENOTSUP')!)

/** @param errno - a name of Linux */
export const errnoOf = (errno: string): number => numbers.get(errno) ?? numbers.get('EIO')!

export const errnoFrom = ({ errno }: Denied): number => errnoOf(errno)

/** What a call answered that was all there was to do. */
export const ended = (outcome: Outcome): number | undefined => (isDenied(outcome) ? errnoFrom(outcome) : undefined)

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function moduleContext({ standard, argv, envp }: Caller, memory: () => Memory): ModuleContext {
  const place = (at: number, length: number): number => {
    const start = at >>> 0
    if (start + length > memory().bytes.length) trap('an argument is not in the memory of the module')
    return start
  }
  const bytes = (start: number, length: number) => {
    const from = place(start, length >>> 0)
    return memory().bytes.slice(from, from + (length >>> 0))
  }
  return {
    ...{ standard, argv, envp, bytes },
    text: (start, length) => decoder.decode(bytes(start, length)),
    write: (at, data) => memory().bytes.set(data, place(at, data.length)),
    write32: (at, value) => memory().view.setUint32(place(at, 4), value, true),
    write64: (at, value) => memory().view.setBigUint64(place(at, 8), BigInt.asUintN(64, BigInt(value)), true),
  }
}

/** One call moves so much at most, and answers with how much it was. */
export const transferBytesMost = 1024 * 1024
const vectorsMost = 1024

/** `[place, bytes]` of each vector, no more together than one call moves; undefined: there are more than any call takes. */
export function vectors(context: ModuleContext, at: number, count: number): (readonly [number, number])[] | undefined {
  if (count >>> 0 > vectorsMost) return undefined
  const data = context.bytes(at, 8 * count)
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  let left = transferBytesMost
  return Array.from({ length: count }, (_, index) => {
    const length = Math.min(left, view.getUint32(8 * index + 4, true))
    left -= length
    return [view.getUint32(8 * index, true), length] as const
  })
}

export function gathered(context: ModuleContext, parts: readonly (readonly [number, number])[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, [, length]) => sum + length, 0))
  let at = 0
  for (const [start, length] of parts) {
    all.set(context.bytes(start, length), at)
    at += length
  }
  return all
}

export function scatter(context: ModuleContext, parts: readonly (readonly [number, number])[], data: Uint8Array): void {
  let at = 0
  for (const [start, length] of parts) {
    context.write(start, data.subarray(at, at + length))
    at += length
  }
}

/** Numbers of files, as a module knows them. */
export const tableOf = ({ standard }: ModuleContext): Map<number, Opened> => {
  standard.files ??= new Map([...[0, 1, 2].map((fd): [number, Opened] => [fd, { fd }]), [3, { fd: -1, isRoot: true }]])
  return standard.files
}

/** Gives a descriptor the lowest number that is free. */
export function numberFor(context: ModuleContext, fd: number): number {
  const table = tableOf(context)
  let number = 0
  while (table.has(number)) number += 1
  table.set(number, { fd })
  return number
}

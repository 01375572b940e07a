// What a standard component holds: resources by their handles, as plain data that is saved with its process; and what its
// functions are made of.

import type { Syscall } from '../../../../core/syscall.ts'
import type { Outcome } from '../../../../sim/outcome.ts'
import { trap } from '../calls.ts'
import type { Type } from './layout.ts'

/** A descriptor that is closed when the last resource that uses it is gone. */
export interface Held {
  readonly fd: number
  users: number
  /** Standard input, output or error, which stays open. */
  readonly isStandard?: true
  /** A socket that was told to receive no more: what has come already is not read either. */
  isDeaf?: true
}

/** What becomes of a TCP socket. https://github.com/WebAssembly/wasi-sockets/blob/main/TcpSocketOperationalSemantics.md */
export type SocketState =
  | 'unbound'
  | 'bind-in-progress'
  | 'bound'
  | 'listen-in-progress'
  | 'listening'
  | 'connect-in-progress'
  | 'connected'
  | 'closed'

/** Whom datagrams go to, as struct sockaddr; undefined: each says that itself, in the family. */
interface Destination {
  readonly family: number
  readonly remote: Uint8Array | undefined
}

export interface Awaited {
  readonly fd?: number
  readonly events: number
  readonly untilNs?: bigint
  /** The handle of a TCP socket, whose state says what it waits for. */
  readonly socket?: number
}

export type Resource =
  | { readonly kind: 'descriptor'; readonly held: Held; readonly flags: number }
  /** `at`: where in a file it reads, on its own. */
  | { readonly kind: 'input'; readonly held: Held; at?: number }
  /** `pending`: of a socket, what has been written and has had no room yet. */
  | { readonly kind: 'output'; readonly held: Held; at?: number | 'end'; pending?: Uint8Array }
  /** Ready when one of the events has come, or at a time of the monotonic clock; neither: always. */
  | ({ readonly kind: 'pollable' } & Awaited)
  | { readonly kind: 'entries'; readonly entries: (readonly [number, string])[]; at: number }
  | { readonly kind: 'error'; readonly errno: string }
  | { readonly kind: 'tcp'; readonly held: Held; readonly family: number; state: SocketState; backlog: number }
  /** `remote`: whom it is connected to, as struct sockaddr. */
  | {
      readonly kind: 'udp'
      readonly held: Held
      readonly family: number
      state: SocketState
      remote: Uint8Array | undefined
    }
  | { readonly kind: 'incoming'; readonly held: Held; readonly remote: Uint8Array | undefined }
  /** `permitted`: so many datagrams may be sent without asking again. */
  | ({ readonly kind: 'outgoing'; readonly held: Held; permitted: number } & Destination)
  | { readonly kind: 'addresses'; readonly addresses: readonly Uint8Array[]; at: number }
  | { readonly kind: 'network' }
  | { readonly kind: 'terminal' }

export type Of<K extends Resource['kind']> = Extract<Resource, { kind: K }>

/** The standard part of a process. */
export interface Standard {
  readonly resources: Map<number, Resource>
  nextHandle: number
  /** What the system calls of the function that runs have answered: it is suspended in one of them, and begins anew. */
  answers: Outcome[]
  /** Its own answer has been written. */
  isWritten: boolean
  /** Of a module of WASI 0.1: what its numbers stand for. */
  files?: Map<number, { readonly fd: number; readonly isRoot?: true }>
}

export const newStandard = (): Standard => ({ resources: new Map(), nextHandle: 1, answers: [], isWritten: false })

/** What functions get beside their arguments. */
export interface Context {
  readonly standard: Standard
  readonly argv: readonly string[]
  readonly envp: readonly string[]
  readonly bytes: (start: number, length: number) => Uint8Array
  readonly text: (start: number, length: number) => string
}

/** System calls of a function, one after the other, and what it answers; a refusal is one of its type's errors. */
export type Steps<T = unknown> = Generator<Syscall, T, Outcome>

/** Flat numbers as they come; which are bigints is as the type in WIT says. */
// biome-ignore lint/suspicious/noExplicitAny: each function knows its own
export type Run = (context: Context, ...flat: any[]) => Steps

export interface StandardFunction {
  readonly result: Type | null
  readonly run: Run
}

/** By the name of a function in its interface. */
export type Interface = Readonly<Record<string, StandardFunction>>

export const answers = (result: Type | null, run: Run): StandardFunction => ({ result, run })

/** Without a system call. */
// biome-ignore lint/suspicious/noExplicitAny: flat numbers, as above
export const tells = (result: Type | null, tell: (context: Context, ...flat: any[]) => unknown): StandardFunction => ({
  result,
  // biome-ignore lint/correctness/useYield: it has nothing to ask
  *run(context, ...flat) {
    return tell(context, ...flat)
  },
})

/** Answers its handle. */
export function keep({ standard }: Context, resource: Resource): number {
  const handle = standard.nextHandle++
  standard.resources.set(handle, resource)
  return handle
}

/** The resource of a handle; a component that makes handles up ends as one that traps. */
export function the<K extends Resource['kind']>({ standard }: Context, kind: K, handle: number): Of<K> {
  const found = standard.resources.get(handle)
  if (found?.kind !== kind) trap(`the component has no ${kind} ${handle}`)
  return found as Of<K>
}

export const share = (held: Held): Held => {
  held.users += 1
  return held
}

/** Gives a resource up: what nobody else uses is closed. */
export function* drop({ standard }: Context, handle: number): Steps {
  const found = standard.resources.get(handle) ?? trap(`the component has no resource ${handle}`)
  if ('held' in found && !found.held.isStandard && found.held.users === 1) yield { name: 'close', fd: found.held.fd }
  if ('held' in found) found.held.users -= 1
  standard.resources.delete(handle)
  return undefined
}

export const dropping = answers(null, drop)

/** A number of nanoseconds out of a struct timespec. */
export function nanosecondsOf(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset)
  return view.getBigInt64(0, true) * 1_000_000_000n + view.getBigInt64(8, true)
}

/** CLOCK_REALTIME is 0, CLOCK_MONOTONIC 1. */
export function* clock(clockid: number): Steps<bigint> {
  const outcome = yield { name: 'clock_gettime', clockid, tp: 16 }
  return 'data' in outcome && outcome.data ? nanosecondsOf(outcome.data) : 0n
}

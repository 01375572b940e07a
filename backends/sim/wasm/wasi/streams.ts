// wasi:io: streams over descriptors, and what can be waited for. https://github.com/WebAssembly/WASI/tree/main/proposals/io

import { type Denied, isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { trap } from '../calls.ts'
import type { Refused } from './layout.ts'
import {
  type Awaited,
  answers,
  type Context,
  clock,
  drop,
  dropping,
  type Interface,
  keep,
  type Of,
  type Steps,
  tells,
  the,
} from './resources.ts'
import { isReady, nobytes, POLLIN, POLLOUT, push, waiting } from './sending.ts'

const SEEK_END = 2
const SHUT_WR = 1
/** One read moves so much at most. */
const readBytesMost = 1024n * 1024n
/** check-write(): so much may be written without asking again. PIPE_BUF is less, and a write waits then. */
const writeBytesMost = 65_536n
const closed = [1, undefined] as const

const refused = (error: unknown): Refused => ({ refused: error })
const failure = (context: Context, { errno }: Denied): Refused =>
  refused(errno === 'EPIPE' ? closed : [0, keep(context, { kind: 'error', errno })])

/** What a stream reads, which has not moved on by it yet; a refusal. */
function* fetchSome(context: Context, handle: number, length: bigint, waits: boolean): Steps<Uint8Array | Refused> {
  const { held, at } = the(context, 'input', handle)
  const { fd, isDeaf } = held
  const most = BigInt.asUintN(64, length)
  const count = Number(most < readBytesMost ? most : readBytesMost)
  if (isDeaf) return refused(closed)
  if (at === undefined && !waits && !(yield* isReady(fd, POLLIN))) return new Uint8Array()
  for (;;) {
    const outcome: Outcome = yield at === undefined
      ? { name: 'read', fd, buf: count }
      : { name: 'pread64', fd, buf: count, offset: at }
    if (!isDenied(outcome))
      return outcome.value === 0 && count > 0 ? refused(closed) : (outcome.data ?? new Uint8Array())
    if (outcome.errno === 'EAGAIN' && !waits) return new Uint8Array()
    if (outcome.errno === 'EAGAIN') yield waiting(fd, POLLIN)
    else if (outcome.errno !== 'EINTR') return failure(context, outcome)
  }
}

/** The stream goes on behind what it has read: only once nothing else is asked, for what is asked may begin anew. */
function moved(context: Context, handle: number, read: Uint8Array): void {
  const stream = the(context, 'input', handle)
  if (stream.at !== undefined) stream.at += read.length
}

function* readSome(context: Context, handle: number, length: bigint, waits: boolean): Steps<Uint8Array | Refused> {
  const read = yield* fetchSome(context, handle, length, waits)
  if (read instanceof Uint8Array) moved(context, handle, read)
  return read
}

function* skip(context: Context, handle: number, length: bigint, waits: boolean): Steps {
  const read = yield* readSome(context, handle, length, waits)
  return read instanceof Uint8Array ? BigInt(read.length) : read
}

/** All of it, however long that takes; of a socket that is not to wait, what has no room stays with the stream. */
function* write(context: Context, handle: number, data: Uint8Array, waits: boolean): Steps<Refused | undefined> {
  const stream = the(context, 'output', handle)
  if (stream.pending) {
    const isPermitted = stream.pending.length === 0 && data.length <= writeBytesMost
    if (!waits && !isPermitted && data.length > 0) trap('more is written than check-write has permitted')
    const { left, error } = yield* push(stream.held.fd, stream.pending, data, waits)
    stream.pending = left
    return error && failure(context, error)
  }
  const { fd } = stream.held
  let { at } = stream
  if (at === 'end') {
    const end = yield { name: 'lseek', fd, offset: 0, whence: SEEK_END }
    if (isDenied(end)) return failure(context, end)
    at = end.value
  }
  for (let done = 0; done < data.length; ) {
    const buf = done === 0 ? data : data.subarray(done)
    const outcome: Outcome = yield at === undefined
      ? { name: 'write', fd, buf }
      : { name: 'pwrite64', fd, buf, offset: at }
    if (isDenied(outcome)) {
      if (outcome.errno === 'EAGAIN') yield waiting(fd, POLLOUT)
      else if (outcome.errno !== 'EINTR') return failure(context, outcome)
      continue
    }
    done += outcome.value
    if (at !== undefined) at += outcome.value
  }
  if (at !== undefined && stream.at !== 'end') stream.at = at
  return undefined
}

/** How much may be written. */
function* checkWrite(context: Context, handle: number): Steps {
  const stream = the(context, 'output', handle)
  if (stream.at !== undefined) return writeBytesMost
  const { fd } = stream.held
  const pushed = stream.pending && (yield* push(fd, stream.pending, nobytes, false))
  const ready = yield* isReady(fd, POLLOUT)
  if (pushed) stream.pending = pushed.left
  if (pushed?.error) return failure(context, pushed.error)
  return ready && !pushed?.left.length ? writeBytesMost : 0n
}

/** Of what is pending, what has no room now is lost, as the interface warns; the other end of a socket hears that no more comes. */
function* dropOutput(context: Context, handle: number): Steps {
  const { held, pending } = the(context, 'output', handle)
  if (pending) {
    if (pending.length > 0) yield* push(held.fd, pending, nobytes, false)
    yield { name: 'shutdown', sockfd: held.fd, how: SHUT_WR }
  }
  return yield* drop(context, handle)
}

function* splice(context: Context, into: number, from: number, length: bigint, waits: boolean): Steps {
  const isFull = !waits && !!the(context, 'output', into).pending?.length
  const most = waits || BigInt.asUintN(64, length) < writeBytesMost ? length : writeBytesMost
  const read = isFull ? nobytes : yield* fetchSome(context, from, most, waits)
  if (!(read instanceof Uint8Array)) return read
  const error = yield* write(context, into, read, waits)
  moved(context, from, read)
  return error ?? BigInt(read.length)
}

function pollable(context: Context, stream: Of<'input' | 'output'>, events: number): number {
  const { fd } = stream.held
  return keep(context, stream.at === undefined ? { kind: 'pollable', fd, events } : { kind: 'pollable', events: 0 })
}

const data = { result: ['bytes', 'stream'] } as const
const count = { result: ['u64', 'stream'] } as const
const nothing = { result: [null, 'stream'] } as const
const zeros = (length: bigint) => new Uint8Array(Number(length < 65_536n ? length : 65_536n))

export const streams: Interface = {
  '[method]input-stream.read': answers(data, (context, self, length) => readSome(context, self, length, false)),
  '[method]input-stream.blocking-read': answers(data, (context, self, length) => readSome(context, self, length, true)),
  '[method]input-stream.skip': answers(count, (context, self, length) => skip(context, self, length, false)),
  '[method]input-stream.blocking-skip': answers(count, (context, self, length) => skip(context, self, length, true)),
  '[method]input-stream.subscribe': tells('u32', (context, self) => {
    return pollable(context, the(context, 'input', self), POLLIN)
  }),
  '[resource-drop]input-stream': dropping,
  '[method]output-stream.check-write': answers(count, checkWrite),
  '[method]output-stream.write': answers(nothing, (context, self, start, length) =>
    write(context, self, context.bytes(start, length), false),
  ),
  '[method]output-stream.blocking-write-and-flush': answers(nothing, (context, self, start, length) =>
    write(context, self, context.bytes(start, length), true),
  ),
  '[method]output-stream.flush': answers(nothing, (context, self) => write(context, self, nobytes, false)),
  '[method]output-stream.blocking-flush': answers(nothing, (context, self) => write(context, self, nobytes, true)),
  '[method]output-stream.subscribe': tells('u32', (context, self) => {
    return pollable(context, the(context, 'output', self), POLLOUT)
  }),
  '[method]output-stream.write-zeroes': answers(nothing, (context, self, length) =>
    write(context, self, zeros(length), false),
  ),
  '[method]output-stream.blocking-write-zeroes-and-flush': answers(nothing, (context, self, length) =>
    write(context, self, zeros(length), true),
  ),
  '[method]output-stream.splice': answers(count, (context, self, from, length) =>
    splice(context, self, from, length, false),
  ),
  '[method]output-stream.blocking-splice': answers(count, (context, self, from, length) =>
    splice(context, self, from, length, true),
  ),
  '[resource-drop]output-stream': answers(null, dropOutput),
}

export const errors: Interface = {
  '[method]error.to-debug-string': tells('string', (context, self) => {
    return the(context, 'error', self).errno
  }),
  '[resource-drop]error': dropping,
}

/** What a pollable waits for now: that of a socket goes by what becomes of it. */
function awaited({ standard }: Context, one: Awaited): Awaited {
  const socket = one.socket === undefined ? undefined : standard.resources.get(one.socket)
  if (socket?.kind !== 'tcp') return one
  const { held, state } = socket
  if (state === 'listening') return { fd: held.fd, events: POLLIN }
  return state === 'connect-in-progress' ? { fd: held.fd, events: POLLOUT } : one
}

/** Waits until one of them is ready; answers which are. Without waiting: which are now. */
function* wait(context: Context, handles: readonly number[], waits: boolean): Steps<number[]> {
  const asked = handles.map((handle) => awaited(context, the(context, 'pollable', handle)))
  const isAlways = asked.some(({ fd, untilNs }) => fd === undefined && untilNs === undefined)
  for (;;) {
    const times = asked.flatMap(({ untilNs }) => (untilNs === undefined ? [] : [untilNs]))
    const first = times.reduce<bigint | undefined>(
      (least, one) => (least === undefined || one < least ? one : least),
      undefined,
    )
    const nowNs = first === undefined ? 0n : yield* clock(1)
    const left = first === undefined ? null : first > nowNs ? first - nowNs : 0n
    const fds = asked.flatMap(({ fd, events }) => (fd === undefined ? [] : [{ fd, events }]))
    const tmo_p = isAlways || !waits ? 0n : left
    const polled: Outcome = yield { name: 'ppoll', fds, tmo_p, sigmask: 0, sigsetsize: 8 }
    const view = 'data' in polled && polled.data ? new DataView(polled.data.buffer, polled.data.byteOffset) : undefined
    const thenNs = first === undefined ? 0n : yield* clock(1)
    let index = 0
    const ready = asked.flatMap(({ fd, untilNs }, at) => {
      const has =
        fd === undefined ? untilNs === undefined || untilNs <= thenNs : !!view?.getUint16(8 * index++ + 6, true)
      return has ? [at] : []
    })
    if (ready.length > 0 || !waits) return ready
  }
}

export const poll: Interface = {
  poll: answers({ list: 'u32' }, (context, start, length) => {
    const handles = new Uint32Array(context.bytes(start, 4 * length).buffer)
    return wait(context, [...handles], true)
  }),
  '[method]pollable.ready': answers('u32', function* (context, self) {
    return (yield* wait(context, [self], false)).length
  }),
  '[method]pollable.block': answers(null, function* (context, self) {
    yield* wait(context, [self], true)
    return undefined
  }),
  '[resource-drop]pollable': dropping,
}

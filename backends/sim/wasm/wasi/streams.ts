// wasi:io: streams over descriptors, and what can be waited for. https://github.com/WebAssembly/WASI/tree/main/proposals/io

import { type Denied, isDenied, type Outcome } from '../../../../sim/outcome.ts'
import {
  answers,
  type Context,
  clock,
  dropping,
  type Interface,
  keep,
  type Resource,
  type Steps,
  tells,
  the,
} from './resources.ts'

const POLLIN = 1
const POLLOUT = 4
const SEEK_END = 2
/** One read moves so much at most. */
const readBytesMost = 1024 * 1024
/** check-write(): so much may be written without asking again. PIPE_BUF is less, and a write waits then. */
const writeBytesMost = 65_536n
const closed = [1, undefined] as const

const refused = (error: unknown) => ({ refused: error })
const failure = (context: Context, { errno }: Denied) =>
  refused(errno === 'EPIPE' ? closed : [0, keep(context, { kind: 'error', errno })])

/** Whether a descriptor has one of the events now. */
function* isReady(fd: number, events: number): Steps<boolean> {
  const outcome = yield { name: 'ppoll', fds: [{ fd, events }], tmo_p: 0n, sigmask: 0, sigsetsize: 8 }
  return isDenied(outcome) || outcome.value > 0
}

function* readSome(context: Context, handle: number, length: bigint, waits: boolean): Steps {
  const stream = the(context, 'input', handle)
  const count = Number(length < BigInt(readBytesMost) ? length : BigInt(readBytesMost))
  const { fd } = stream.held
  if (stream.at === undefined && !waits && !(yield* isReady(fd, POLLIN))) return new Uint8Array()
  const { at } = stream
  let outcome: Outcome
  do
    outcome = yield at === undefined
      ? { name: 'read', fd, buf: count }
      : { name: 'pread64', fd, buf: count, offset: at }
  while (isDenied(outcome) && outcome.errno === 'EINTR')
  if (isDenied(outcome)) return failure(context, outcome)
  if (outcome.value === 0 && count > 0) return refused(closed)
  if (stream.at !== undefined) stream.at += outcome.value
  return outcome.data ?? new Uint8Array()
}

function* skip(context: Context, handle: number, length: bigint, waits: boolean): Steps {
  const read = yield* readSome(context, handle, length, waits)
  return read instanceof Uint8Array ? BigInt(read.length) : read
}

/** All of it, however long that takes. */
function* writeAll(context: Context, handle: number, data: Uint8Array): Steps {
  const stream = the(context, 'output', handle)
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
      if (outcome.errno === 'EINTR') continue
      return failure(context, outcome)
    }
    done += outcome.value
    if (at !== undefined) at += outcome.value
  }
  if (at !== undefined && stream.at !== 'end') stream.at = at
  return undefined
}

function* splice(context: Context, into: number, from: number, length: bigint, waits: boolean): Steps {
  const read = yield* readSome(context, from, length, waits)
  if (!(read instanceof Uint8Array)) return read
  return (yield* writeAll(context, into, read)) ?? BigInt(read.length)
}

function pollable(context: Context, stream: Extract<Resource, { kind: 'input' | 'output' }>, events: number): number {
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
  '[method]output-stream.check-write': answers(count, function* (context, self) {
    const stream = the(context, 'output', self)
    return stream.at !== undefined || (yield* isReady(stream.held.fd, POLLOUT)) ? writeBytesMost : 0n
  }),
  '[method]output-stream.write': answers(nothing, (context, self, start, length) =>
    writeAll(context, self, context.bytes(start, length)),
  ),
  '[method]output-stream.blocking-write-and-flush': answers(nothing, (context, self, start, length) =>
    writeAll(context, self, context.bytes(start, length)),
  ),
  '[method]output-stream.flush': tells(nothing, () => {}),
  '[method]output-stream.blocking-flush': tells(nothing, () => {}),
  '[method]output-stream.subscribe': tells('u32', (context, self) => {
    return pollable(context, the(context, 'output', self), POLLOUT)
  }),
  '[method]output-stream.write-zeroes': answers(nothing, (context, self, length) =>
    writeAll(context, self, zeros(length)),
  ),
  '[method]output-stream.blocking-write-zeroes-and-flush': answers(nothing, (context, self, length) =>
    writeAll(context, self, zeros(length)),
  ),
  '[method]output-stream.splice': answers(count, (context, self, from, length) =>
    splice(context, self, from, length, false),
  ),
  '[method]output-stream.blocking-splice': answers(count, (context, self, from, length) =>
    splice(context, self, from, length, true),
  ),
  '[resource-drop]output-stream': dropping,
}

export const errors: Interface = {
  '[method]error.to-debug-string': tells('string', (context, self) => {
    return the(context, 'error', self).errno
  }),
  '[resource-drop]error': dropping,
}

/** Waits until one of them is ready; answers which are. Without waiting: which are now. */
function* wait(context: Context, handles: readonly number[], waits: boolean): Steps<number[]> {
  const asked = handles.map((handle) => the(context, 'pollable', handle))
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

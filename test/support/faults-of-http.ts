// What may go wrong between a client and a registry, one by one.

import { setTimeout as sleep } from 'node:timers/promises'

type Bytes = AsyncIterable<Uint8Array>

/** What is done to one exchange; parts that are absent go as they would. */
export interface Fault {
  /** The registry is not asked. */
  readonly instead?: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  /** Headers that the registry does not get to see. */
  readonly requestWithout?: readonly string[]
  /** The registry has done it all; its answer gets lost with the connection. */
  readonly dropAnswer?: true
  readonly headers?: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
  /** An exception cuts the connection. */
  readonly body?: (bytes: Bytes) => Bytes
}

/** An answer of the proxy's own, with an error body as registries write it. */
export function refuses(status: number, headers: Readonly<Record<string, string>> = {}): Fault {
  const body = JSON.stringify({
    errors: [{ code: status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN', message: 'by plan' }],
  })
  return { instead: { status, headers: { 'content-type': 'application/json', ...headers }, body } }
}

export function redirects(location: string, status = 307): Fault {
  return { instead: { status, headers: { location } } }
}

/** The connection breaks after so many bytes of the body. */
export function cutsAfter(bytes: number): Fault {
  return { body: (body) => cut(body, bytes) }
}

async function* cut(body: Bytes, bytes: number): Bytes {
  yield* first(body, bytes)
  // A moment, for what was sent to arrive before the connection is reset.
  await sleep(20)
  throw new Error('cut by plan')
}

/** The body ends early, and so it was announced. */
export function shortensTo(bytes: number): Fault {
  return { headers: (headers) => ({ ...headers, 'content-length': String(bytes) }), body: (body) => first(body, bytes) }
}

/** Fewer bytes than the header says, and then the end. */
export function announcesMoreThanIt(bytes: number): Fault {
  return { body: (body) => first(body, bytes) }
}

/** More than there is, without a length that would tell. */
export function lengthensBy(bytes: number): Fault {
  const longer = async function* (body: Bytes): Bytes {
    yield* body
    for (let left = bytes; left > 0; left -= 65536) yield new Uint8Array(Math.min(left, 65536))
  }
  return { headers: ({ 'content-length': _, ...others }) => others, body: longer }
}

/** One bit of the body is another. */
export function flipsByte(at: number): Fault {
  const flipped = async function* (body: Bytes): Bytes {
    let begin = 0
    for await (const chunk of body) {
      const copy = Uint8Array.from(chunk)
      if (at >= begin && at < begin + copy.length) copy[at - begin]! ^= 1
      begin += copy.length
      yield copy
    }
  }
  return { body: flipped }
}

export function setsHeader(name: string, value: string): Fault {
  return { headers: (headers) => ({ ...headers, [name]: value }) }
}

/** So many bytes, and then nothing more, while the connection stays. */
export function stallsAfter(bytes: number): Fault {
  const stalled = async function* (body: Bytes): Bytes {
    yield* first(body, bytes)
    await new Promise(() => {})
  }
  return { body: stalled }
}

/** Small pieces, each a little later. */
export function drips({ pieceBytes = 4096, everyMs = 5 } = {}): Fault {
  const dripping = async function* (body: Bytes): Bytes {
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        yield chunk.subarray(at, at + pieceBytes)
        await sleep(everyMs)
      }
    }
  }
  return { body: dripping }
}

/** A server that knows no ranges: it answers with all of it, and 200. */
export const ignoresRange: Fault = { requestWithout: ['range'] }

/** Received, done, and never answered. */
export const losesAnswer: Fault = { dropAnswer: true }

async function* first(body: Bytes, bytes: number): Bytes {
  let left = bytes
  for await (const chunk of body) {
    if (left <= 0) return
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) return
  }
}

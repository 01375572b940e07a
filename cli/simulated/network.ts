// The network of this computer, as commands on a simulated machine have it: for registries alone. What was answered is noted, with
// its bytes in files of the machine by their digest; when the command is replayed it is answered again, and nobody is asked.

import { createHash } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../core/errors.ts'
import { type Http, HttpFailure, type HttpRequest, type HttpResponse } from '../../core/image/registry/http.ts'

interface Failure {
  readonly message: string
  readonly code: string
  readonly transient: boolean
}

/** One question, and what came of it. */
export interface Exchange {
  readonly status?: number
  /** Those that were looked at. */
  readonly headers: Record<string, string>
  /** Of its body, as far as it was read; absent: nothing was. */
  sha256?: string
  /** Why there was no answer, or no more of it. */
  failure?: Failure
}

/** Bytes are handed on in pieces of so many, whichever way they came. */
const pieceBytes = 65_536
const longestRestMs = 8_000

/** @param bodies - the directory of the machine's; @param noted - where exchanges are added, in their order */
export function notedNetwork(http: Http, bodies: string, noted: Exchange[]): Http {
  let last: Promise<unknown> = Promise.resolve()
  let failures = 0
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    // The machine's own waiting between two tries takes no time.
    if (failures > 0) await rest(Math.min(longestRestMs, 250 * 2 ** failures))
    try {
      const answer = await http.send(request)
      failures = [429, 500, 502, 503, 504].includes(answer.status) ? failures + 1 : 0
      const exchange: Exchange = { status: answer.status, headers: {} }
      noted.push(exchange)
      return notedAnswer(answer, exchange, bodies)
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error
      failures += 1
      noted.push({ headers: {}, failure: failureOf(error) })
      throw error
    }
  }
  return {
    // One behind the other, so that it is always the same order.
    send: (request) => {
      const answer = last.then(() => send(request))
      last = answer.catch(() => {})
      return answer
    },
  }
}

const rest = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const failureOf = ({ message, code, transient }: HttpFailure): Failure => ({ message, code, transient })

function notedAnswer(answer: HttpResponse, exchange: Exchange, bodies: string): HttpResponse {
  return {
    status: answer.status,
    header: (name) => {
      const value = answer.header(name)
      if (value !== undefined) exchange.headers[name.toLowerCase()] = value
      return value
    },
    body: { [Symbol.asyncIterator]: () => keeping(answer.body, exchange, bodies) },
    close: answer.close,
  }
}

/** Hands a body on, and keeps it. */
async function* keeping(
  body: AsyncIterable<Uint8Array>,
  exchange: Exchange,
  bodies: string,
): AsyncGenerator<Uint8Array> {
  mkdirSync(bodies, { recursive: true, mode: 0o700 })
  const draft = join(bodies, `draft.${process.pid}.${drafts++}`)
  const fd = openSync(draft, 'wx', 0o600)
  const hash = createHash('sha256')
  try {
    for await (const piece of inPieces(body)) {
      hash.update(piece)
      writeSync(fd, piece)
      yield piece
    }
  } catch (error) {
    if (error instanceof HttpFailure) exchange.failure = failureOf(error)
    throw error
  } finally {
    closeSync(fd)
    exchange.sha256 = hash.digest('hex')
    renameSync(draft, join(bodies, exchange.sha256))
  }
}

let drafts = 0

async function* inPieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of body)
      for (let at = 0; at < part.length; ) {
        const taken = part.subarray(at, at + pieceBytes - length)
        held.push(taken.slice())
        length += taken.length
        at += taken.length
        if (length < pieceBytes) continue
        yield Buffer.concat(held)
        held = []
        length = 0
      }
  } catch (error) {
    // What came before it broke off counts.
    if (length > 0) yield Buffer.concat(held)
    throw error
  }
  if (length > 0) yield Buffer.concat(held)
}

/** Answers as it was answered before. */
export function replayedNetwork(bodies: string, noted: readonly Exchange[]): Http {
  let next = 0
  return {
    send: async () => {
      const exchange = noted[next++]
      if (!exchange) throw new UserError('replay: the command asks for more than it was answered')
      const { status, headers, failure } = exchange
      if (status === undefined) throw new HttpFailure(failure!.message, failure!.code, failure!.transient)
      return {
        status,
        header: (name) => headers[name.toLowerCase()],
        body: { [Symbol.asyncIterator]: () => kept(exchange, bodies) },
        close: () => {},
      }
    },
  }
}

async function* kept({ sha256, failure }: Exchange, bodies: string): AsyncGenerator<Uint8Array> {
  if (sha256 !== undefined) {
    const path = join(bodies, sha256)
    try {
      yield* createReadStream(path, { highWaterMark: pieceBytes }) as AsyncIterable<Uint8Array>
    } catch (error) {
      throw new UserError(`read ${path}: ${(error as NodeJS.ErrnoException).code}`)
    }
  }
  if (failure) throw new HttpFailure(failure.message, failure.code, failure.transient)
}

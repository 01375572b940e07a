// A stream of bytes read in exact portions.

import { UserError } from '../errors.ts'

/** A source that can pass over bytes without reading them, as a file can. */
export interface Seekable extends AsyncIterable<Uint8Array> {
  readonly advance: (count: number) => void
}

/** A stream whose first bytes were already taken. */
export async function* startingWith(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}

/** Reads an iterable of chunks in portions; lives as long as one archive is read. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #advance: ((count: number) => void) | undefined
  #chunk: Uint8Array = new Uint8Array()
  /** How much of the current entry, with its padding, has not been read. */
  leftBytes = 0
  /** How much of the source has been read or passed over. */
  positionBytes = 0

  constructor(source: AsyncIterable<Uint8Array> | Seekable) {
    this.#chunks = source[Symbol.asyncIterator]()
    this.#advance = 'advance' in source ? source.advance : undefined
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next()
      if (next.done) return false
      this.#chunk = next.value
    }
    return true
  }

  #take(count: number): Uint8Array {
    const taken = this.#chunk.subarray(0, count)
    this.#chunk = this.#chunk.subarray(taken.length)
    this.#account(taken.length)
    return taken
  }

  #account(count: number): void {
    this.leftBytes = Math.max(0, this.leftBytes - count)
    this.positionBytes += count
  }

  /** Some bytes, at least one and at most `limit`. */
  async upTo(limit: number): Promise<Uint8Array> {
    if (!(await this.#more())) throw new UserError('tar archive: it ends in the middle of an entry')
    return this.#take(limit)
  }

  /** Exactly so many bytes; undefined when the stream ends before the first and that is allowed. */
  async exactly(count: number, mayEnd = false): Promise<Uint8Array | undefined> {
    if (mayEnd && !(await this.#more())) return undefined
    if (count > 0 && this.#chunk.length >= count) return this.#take(count)
    const whole = new Uint8Array(count)
    for (let at = 0; at < count; ) {
      const part = await this.upTo(count - at)
      whole.set(part, at)
      at += part.length
    }
    return whole
  }

  async skip(count: number): Promise<void> {
    let left = count - this.#take(count).length
    if (left > 0 && this.#advance) {
      this.#advance(left)
      this.#account(left)
      return
    }
    while (left > 0) left -= (await this.upTo(left)).length
  }

  /** Reads the source to its end, so that whoever hashes it has seen all of it; a file need not be. */
  async drain(): Promise<void> {
    if (this.#advance) return
    while (await this.#more()) this.#take(this.#chunk.length)
  }

  /** Tells the source that nothing more is wanted. */
  async end(): Promise<void> {
    await this.#chunks.return?.()
  }
}

// The content of a file in memory: pages of 4096 bytes, of which only the written ones exist.

import { changeable } from '../kept-bytes.ts'
import { type Payer, pageBytes } from '../memory.ts'
import { type Denied, isDenied } from '../outcome.ts'

export class Page {
  /** As much of the page as was ever written; the rest is zeros. They may be a snapshot's as well (kept-bytes.ts). */
  bytes: Uint8Array = new Uint8Array(0)
  readonly payer: Payer | undefined

  constructor(payer: Payer | undefined) {
    this.payer = payer
  }
}

export class Pages {
  readonly #pages = new Map<number, Page>()

  get count(): number {
    return this.#pages.size
  }

  /** Bytes from an offset on, zeros where there is no page. The caller knows where the file ends. */
  read(offset: number, count: number): Uint8Array {
    const first = Math.floor(offset / pageBytes)
    const within = offset - first * pageBytes
    if (within + count <= pageBytes) {
      const bytes = this.#pages.get(first)?.bytes
      if (bytes && bytes.length >= within + count) return bytes.slice(within, within + count)
    }
    const out = new Uint8Array(count)
    for (let done = 0; done < count; ) {
      const at = offset + done
      const index = Math.floor(at / pageBytes)
      const from = at - index * pageBytes
      const length = Math.min(pageBytes - from, count - done)
      const bytes = this.#pages.get(index)?.bytes
      if (bytes && from < bytes.length) out.set(bytes.subarray(from, Math.min(from + length, bytes.length)), done)
      done += length
    }
    return out
  }

  /**
   * Puts bytes at an offset. Each page that is missing is asked for; at the first refusal it stops and answers how many
   * bytes are in, or the refusal when none are.
   */
  write(offset: number, bytes: Uint8Array, ask: () => Payer | undefined | Denied): number | Denied {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done
      const index = Math.floor(at / pageBytes)
      const from = at - index * pageBytes
      const length = Math.min(pageBytes - from, bytes.length - done)
      const page = this.need(index, ask)
      if (isDenied(page)) return done > 0 ? done : page
      page.bytes = page.bytes.length < from + length ? grown(page.bytes, from + length) : changeable(page.bytes)
      page.bytes.set(done === 0 && length === bytes.length ? bytes : bytes.subarray(done, done + length), from)
      done += length
    }
    return bytes.length
  }

  /** The page of a number; asked for when it is missing. */
  need(index: number, ask: () => Payer | undefined | Denied): Page | Denied {
    const known = this.#pages.get(index)
    if (known) return known
    const payer = ask()
    if (isDenied(payer)) return payer
    const page = new Page(payer)
    this.#pages.set(index, page)
    return page
  }

  has(index: number): boolean {
    return this.#pages.has(index)
  }

  /** Where written pages, or what is none, begin from an offset on; the end when there is none. lseek(2) SEEK_DATA */
  seek(offset: number, end: number, data: boolean): number {
    const holds = (index: number): boolean => (this.#pages.get(index)?.bytes.length ?? 0) > 0
    const first = Math.floor(offset / pageBytes)
    if (holds(first) === data) return offset
    if (data && this.#pages.size * pageBytes < end - offset) {
      let next = Number.POSITIVE_INFINITY
      for (const [index] of this.#pages) if (index > first && index < next && holds(index)) next = index
      return Math.min(end, next * pageBytes)
    }
    for (let index = first + 1; index * pageBytes < end; index++) if (holds(index) === data) return index * pageBytes
    return end
  }

  /** Takes away what is at an offset and behind: whole pages go, the rest of one becomes zeros. */
  cut(offset: number, gone: (payer: Payer | undefined) => void): void {
    this.punch(offset, Number.POSITIVE_INFINITY, gone)
  }

  /** The same up to an end. fallocate(2) FALLOC_FL_PUNCH_HOLE */
  punch(offset: number, end: number, gone: (payer: Payer | undefined) => void): void {
    for (const [index, page] of this.#pages) {
      const start = index * pageBytes
      if (start + pageBytes <= offset || start >= end) continue
      if (start >= offset && start + pageBytes <= end) {
        this.#pages.delete(index)
        gone(page.payer)
      } else {
        page.bytes = changeable(page.bytes)
        page.bytes.fill(0, Math.max(0, offset - start), Math.min(pageBytes, end - start))
      }
    }
  }

  /** For the digest. */
  hidden(): object {
    return { pages: this.#pages }
  }
}

/** Grows by doubling, so that many short writes are no burden. */
function grown(bytes: Uint8Array, lengthBytes: number): Uint8Array {
  const more = new Uint8Array(Math.min(pageBytes, Math.max(lengthBytes, 2 * bytes.length)))
  more.set(bytes)
  return more
}

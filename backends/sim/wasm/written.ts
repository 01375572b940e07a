// Where the memory of an instance may have changed since it was last looked at: what its code has marked (marks.ts), and what was
// written to it from outside. In chunks of 64 KiB, modulo 64.

import { chunkBytes } from './image.ts'

export class Written {
  #low = 0
  #high = 0

  has(chunk: number): boolean {
    const bit = chunk & 63
    return ((bit < 32 ? this.#low >>> bit : this.#high >>> (bit - 32)) & 1) !== 0
  }

  get isEmpty(): boolean {
    return (this.#low | this.#high) === 0
  }

  addRange(start: number, bytes: number): void {
    const first = Math.floor(start / chunkBytes)
    const last = Math.floor((start + Math.max(1, bytes) - 1) / chunkBytes)
    if (last - first >= 63) this.addAll()
    else for (let chunk = first; chunk <= last; chunk++) this.#add(chunk & 63)
  }

  #add(bit: number): void {
    if (bit < 32) this.#low |= 1 << bit
    else this.#high |= 1 << (bit - 32)
  }

  addAll(): void {
    this.#low = this.#high = -1
  }

  /** What code has marked: a store may go on into the chunk behind. */
  addMarks(marks: bigint): void {
    const low = Number(BigInt.asIntN(32, marks))
    const high = Number(BigInt.asIntN(32, marks >> 32n))
    this.#low |= low | (low << 1) | (high >>> 31)
    this.#high |= high | (high << 1) | (low >>> 31)
  }

  clear(): void {
    this.#low = this.#high = 0
  }
}

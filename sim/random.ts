// Chance from a seed: what getrandom(2) gives and how ties are broken. sfc32 by Chris Doty-Humphrey, which passes PractRand.

export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.imul(seed, 0x9e3779b9)
    this.#c = seed ^ 0x6a09e667
    for (let round = 0; round < 12; round++) this.next()
  }

  /** 32 bits, unsigned. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** A number from 0, less than a bound. */
  below(bound: number): number {
    return this.next() % bound
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next() & 255)
  }

  /** For the digest. */
  hidden(): object {
    return { a: this.#a, b: this.#b, c: this.#c, counter: this.#counter }
  }
}

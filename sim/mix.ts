// A running sum of 64 bits over words, numbers and bytes, the same on every engine: for digests and traces, not for secrets.

export class Mix {
  readonly #words = new Map<string, number>()
  readonly #double = new Float64Array(1)
  readonly #halves = new Uint32Array(this.#double.buffer)
  #one = 0x9e3779b9
  #other = 0x85ebca6b

  /** 16 hexadecimal digits. */
  get hex(): string {
    const half = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0')
    return half(this.#one) + half(this.#other)
  }

  /** @param word - 32 bits */
  add(word: number): void {
    const one = Math.imul(word ^ (this.#one >>> 15), 0xcc9e2d51)
    this.#one = (Math.imul((this.#one << 13) | (this.#one >>> 19), 5) + one + 0x6b64) | 0
    const other = Math.imul(word + (this.#other >>> 13), 0x1b873593)
    this.#other = (Math.imul((this.#other << 15) | (this.#other >>> 17), 9) ^ other) + 0x38b3
  }

  number(number: number): void {
    if ((number | 0) === number) {
      this.add(number)
      return
    }
    this.#double[0] = number
    this.add(this.#halves[0]!)
    this.add(this.#halves[1]!)
  }

  /** Sums of words are kept: for names that come again. */
  word(word: string): void {
    let sum = this.#words.get(word)
    if (sum === undefined) {
      sum = sumOf(word)
      this.#words.set(word, sum)
    }
    this.add(sum)
  }

  text(text: string): void {
    this.add(sumOf(text))
  }

  bytes(view: ArrayBufferView): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    this.add(bytes.length)
    for (const byte of bytes) this.add(byte)
  }
}

function sumOf(text: string): number {
  let sum = text.length
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return sum
}

// Reading and writing the binary format of WebAssembly: numbers in LEB128, names, vectors. WebAssembly 2.0, section 5

/** What is wrong with a module, in a sentence. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'
}

export class Reader {
  readonly bytes: Uint8Array
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  get done(): boolean {
    return this.position >= this.end
  }

  byte(): number {
    if (this.position >= this.end) throw new ModuleError('the module ends in the middle of something')
    return this.bytes[this.position++]!
  }

  /** An unsigned number of at most 32 bits. */
  u32(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffffffff) break
        return value
      }
    }
    throw new ModuleError('a number of the module is too long')
  }

  /** A signed number of 32 bits. */
  s32(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return shift < 28 && byte & 0x40 ? value | (-1 << (shift + 7)) : value
    }
    throw new ModuleError('a number of the module is too long')
  }

  /** Passes over a number of at most 64 bits, signed or not. */
  skipNumber(): void {
    for (let count = 0; count < 10; count++) if (this.byte() < 0x80) return
    throw new ModuleError('a number of the module is too long')
  }

  skip(count: number): void {
    if (count > this.end - this.position) throw new ModuleError('the module ends in the middle of something')
    this.position += count
  }

  name(): string {
    const length = this.u32()
    const start = this.position
    this.skip(length)
    return new TextDecoder().decode(this.bytes.subarray(start, start + length))
  }
}

export class Writer {
  #bytes: Uint8Array
  length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  #reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  byte(...values: number[]): this {
    this.#reserve(values.length)
    for (const value of values) this.#bytes[this.length++] = value
    return this
  }

  u32(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    return this.byte(rest)
  }

  /** A signed number of 32 bits. */
  s32(value: number): this {
    let rest = value | 0
    for (;;) {
      const byte = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && byte < 0x40) || (rest === -1 && byte >= 0x40)) return this.byte(byte)
      this.byte(byte | 0x80)
    }
  }

  copy(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.#reserve(end - start)
    this.#bytes.set(bytes.subarray(start, end), this.length)
    this.length += end - start
    return this
  }

  name(text: string): this {
    const bytes = new TextEncoder().encode(text)
    return this.u32(bytes.length).copy(bytes)
  }

  /** A part that says its own length first. */
  sized(write: (part: Writer) => void): this {
    const part = new Writer()
    write(part)
    return this.u32(part.length).copy(part.#bytes, 0, part.length)
  }

  /** What was written so far; valid until more is. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }
}

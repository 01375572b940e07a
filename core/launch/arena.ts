// An arena: the memory in which strings and structs of encoded calls lie, at addresses that the kernel will be given.

import { UserError } from '../errors.ts'
import { bytesOfName } from '../file-name.ts'

const encoder = new TextEncoder()

/** Grows, unless it lies on native memory that cannot move. */
export class Arena {
  bytes: Uint8Array
  /** The address of bytes[0] where the calls will be made. */
  readonly base: number
  at: number
  #view: DataView
  readonly #fixed: boolean
  readonly #lists = new Map<readonly string[], number>()

  /** O_* as this machine's kernel numbers them; core knows x86-64's. */
  readonly openFlags: (flags: number) => number

  constructor(bytes: Uint8Array, base: number, at: number, fixed: boolean, openFlags = (flags: number) => flags) {
    this.bytes = bytes
    this.base = base
    this.at = at
    this.#fixed = fixed
    this.openFlags = openFlags
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Reserves bytes, zeroed and aligned to 8; gives their offset. */
  reserve(byteCount: number): number {
    const offset = (this.at + 7) & ~7
    const end = offset + byteCount
    if (end > this.bytes.length) this.#grow(end)
    this.bytes.fill(0, offset, end)
    this.at = end
    return offset
  }

  address(offset: number): number {
    return this.base + offset
  }

  /** Copies bytes in; gives their address. */
  put(content: Uint8Array): number {
    const offset = this.reserve(content.length)
    this.bytes.set(content, offset)
    return this.base + offset
  }

  /** A NUL-terminated string; NUL inside is refused, since the kernel would read another string than was meant. */
  text(text: string): number {
    if (text.includes('\0')) throw new UserError(`${JSON.stringify(text)}: has a NUL character in it`)
    if (!text.isWellFormed()) return this.#escaped(text)
    const offset = this.reserve(text.length * 3 + 1)
    const { written } = encoder.encodeInto(text, this.bytes.subarray(offset))
    this.at = offset + written + 1
    return this.base + offset
  }

  /** A name that is no UTF-8. */
  #escaped(text: string): number {
    const bytes = bytesOfName(text)
    const offset = this.reserve(bytes.length + 1)
    this.bytes.set(bytes, offset)
    return this.base + offset
  }

  /** A NULL-terminated array of strings: argv, envp. The same array, which a search along PATH gives again and again, is laid out once. */
  strings(list: readonly string[]): number {
    const known = this.#lists.get(list)
    if (known !== undefined) return known
    const addresses = list.map((text) => this.text(text))
    const offset = this.reserve(8 * (list.length + 1))
    for (let i = 0; i < addresses.length; i++) this.u64(offset + 8 * i, addresses[i]!)
    this.#lists.set(list, this.base + offset)
    return this.base + offset
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true)
  }

  u64(offset: number, value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.#view.setBigUint64(offset, BigInt.asUintN(64, value), true)
    } else if (value >= 0) {
      this.#view.setUint32(offset, value % 4294967296, true)
      this.#view.setUint32(offset + 4, value / 4294967296, true)
    } else {
      this.#view.setBigInt64(offset, BigInt(value), true)
    }
  }

  #grow(need: number): void {
    if (this.#fixed)
      throw new Error(`a call's arguments take ${need} bytes, more than the ${this.bytes.length} there are`)
    const larger = new Uint8Array(Math.max(need, this.bytes.length * 2))
    larger.set(this.bytes)
    this.bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

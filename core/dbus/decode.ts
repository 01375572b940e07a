// Bytes of D-Bus as values. D-Bus Specification, "Marshaling (Wire Format)".

import { alignmentOf, fieldsOf, typesOf, type Value } from './signature.ts'

const decoder = new TextDecoder()
/** "The maximum length of an array is 2 to the 26th power". */
const arrayBytesMax = 2 ** 26
/** Variants may be in variants: as deep as the specification lets containers be. */
const depthMax = 64

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #little: boolean
  #at = 0
  #depth = 0

  constructor(bytes: Uint8Array, little: boolean) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#little = little
  }

  /** The place of so many bytes, aligned; the next read follows them. */
  #take(alignment: number, count: number): number {
    const at = Math.ceil(this.#at / alignment) * alignment
    if (at + count > this.#bytes.length) throw new Error('a message is shorter than it says')
    this.#at = at + count
    return at
  }

  #text(length: number): string {
    const at = this.#take(1, length + 1)
    return decoder.decode(this.#bytes.subarray(at, at + length))
  }

  #array(element: string): Value {
    const length = this.#view.getUint32(this.#take(4, 4), this.#little)
    if (length > arrayBytesMax) throw new Error(`an array of ${length} bytes is longer than any may be`)
    const start = this.#take(alignmentOf(element), 0)
    const end = start + length
    if (element === 'y') return this.#bytes.slice(this.#take(1, length), end)
    const values: Value[] = []
    while (this.#at < end) values.push(this.read(element))
    return values
  }

  #number(type: string): number {
    const at = this.#take(alignmentOf(type), alignmentOf(type))
    if (type === 'y') return this.#view.getUint8(at)
    if (type === 'n') return this.#view.getInt16(at, this.#little)
    if (type === 'q') return this.#view.getUint16(at, this.#little)
    if (type === 'i') return this.#view.getInt32(at, this.#little)
    if (type === 'u') return this.#view.getUint32(at, this.#little)
    return this.#view.getFloat64(at, this.#little)
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > depthMax) throw new Error('a message has containers in containers without end')
    const value = read()
    this.#depth--
    return value
  }

  read(type: string): Value {
    const code = type[0]!
    if (code === 'b') return this.#number('u') !== 0
    if (code === 's' || code === 'o') return this.#text(this.#number('u'))
    if (code === 'g') return this.#text(this.#number('y'))
    if (code === 'x') return this.#view.getBigInt64(this.#take(8, 8), this.#little)
    if (code === 't') return this.#view.getBigUint64(this.#take(8, 8), this.#little)
    if (code === 'a') return this.#nested(() => this.#array(type.slice(1)))
    if (code === 'v') {
      const signature = this.#text(this.#number('y'))
      if (typesOf(signature).length !== 1) throw new Error(`a variant of ${signature} has not one type`)
      return { signature, value: this.#nested(() => this.read(signature)) }
    }
    if (code !== '(' && code !== '{') return this.#number(type)
    this.#take(8, 0)
    return this.#nested(() => fieldsOf(type).map((field) => this.read(field)))
  }
}

/**
 * Values of a signature's types from the beginning of a message's header or body.
 *
 * @errors Error for bytes that are none of these
 */
export function decode(signature: string, bytes: Uint8Array, little = true): Value[] {
  const reader = new Reader(bytes, little)
  return typesOf(signature).map((type) => reader.read(type))
}

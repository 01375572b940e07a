// Values as bytes of D-Bus, little-endian. D-Bus Specification, "Marshaling (Wire Format)".

import { alignmentOf, fieldsOf, typesOf, type Value, type Variant } from './signature.ts'

const encoder = new TextEncoder()

class Writer {
  #bytes = new Uint8Array(256)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** The place of so many new bytes, aligned. It may move all bytes: they are looked up after it. */
  #room(alignment: number, count: number): number {
    const at = Math.ceil(this.#length / alignment) * alignment
    const length = at + count
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    this.#length = length
    return at
  }

  #text(value: string, isSignature: boolean): void {
    const bytes = encoder.encode(value)
    if (bytes.includes(0)) throw new Error(`text ${JSON.stringify(value)}: must have no NUL`)
    this.#number(isSignature ? 'y' : 'u', bytes.length)
    const at = this.#room(1, bytes.length + 1)
    this.#bytes.set(bytes, at)
  }

  #array(element: string, value: Uint8Array | readonly Value[]): void {
    const at = this.#room(4, 4)
    // Not counted in the length of the array.
    const start = this.#room(alignmentOf(element), 0)
    if (value instanceof Uint8Array) {
      this.#room(1, value.length)
      this.#bytes.set(value, start)
    } else for (const each of value) this.add(element, each)
    this.#view.setUint32(at, this.#length - start, true)
  }

  #wide(value: bigint): void {
    const at = this.#room(8, 8)
    this.#view.setBigUint64(at, value, true)
  }

  #number(type: string, value: number): void {
    const at = this.#room(alignmentOf(type), alignmentOf(type))
    if (type === 'y') this.#view.setUint8(at, value)
    else if (type === 'n') this.#view.setInt16(at, value, true)
    else if (type === 'q') this.#view.setUint16(at, value, true)
    else if (type === 'i') this.#view.setInt32(at, value, true)
    else if (type === 'u') this.#view.setUint32(at, value, true)
    else this.#view.setFloat64(at, value, true)
  }

  add(type: string, value: Value): void {
    const code = type[0]!
    if (code === 'b') this.#number('u', value === true ? 1 : 0)
    else if ('so'.includes(code)) this.#text(value as string, false)
    else if (code === 'g') this.#text(value as string, true)
    else if (code === 'x' || code === 't') this.#wide(value as bigint)
    else if (code === 'a') this.#array(type.slice(1), value as Uint8Array | readonly Value[])
    else if (code === 'v') {
      const { signature, value: inner } = value as Variant
      this.#text(signature, true)
      this.add(signature, inner)
    } else if (code === '(' || code === '{') {
      this.#room(8, 0)
      for (const [index, field] of fieldsOf(type).entries()) this.add(field, (value as readonly Value[])[index]!)
    } else this.#number(type, value as number)
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

/** Values of a signature's types, one after the other, as they stand at the beginning of a message's body. */
export function encode(signature: string, values: readonly Value[]): Uint8Array {
  const writer = new Writer()
  for (const [index, type] of typesOf(signature).entries()) writer.add(type, values[index]!)
  return writer.finish()
}

// Messages of D-Bus: calls, their answers, and signals. D-Bus Specification, "Message Protocol".

import { decode } from './decode.ts'
import { encode } from './encode.ts'
import type { Value, Variant } from './signature.ts'

export const messageType = { call: 1, answer: 2, error: 3, signal: 4 } as const

/** Codes of header fields; that of the descriptors, 9, is of no use here. */
const fieldCodes = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
} as const

type FieldName = keyof typeof fieldCodes
const fieldTypes: Readonly<Partial<Record<FieldName, string>>> = { path: 'o', replySerial: 'u', signature: 'g' }
const fieldNames = Object.keys(fieldCodes) as FieldName[]

export interface Message {
  readonly type: number
  readonly serial: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  readonly replySerial?: number
  readonly destination?: string
  readonly sender?: string
  readonly signature?: string
  readonly body: readonly Value[]
}

type Header = readonly [
  endianness: number,
  type: number,
  flags: number,
  version: number,
  bodyBytes: number,
  serial: number,
  fields: readonly (readonly [code: number, value: Variant])[],
]

const protocolVersion = 1
/** Type, flags, version, length of the body, serial, length of the fields. */
const fixedBytes = 16
/** "The maximum length of a message, including header, header alignment padding, and body is 2 to the 27th power". */
const messageBytesMax = 2 ** 27
const littleEndian = 0x6c

const padded = (length: number) => Math.ceil(length / 8) * 8

export function encodeMessage(message: Message): Uint8Array {
  const { type, serial, signature, body } = message
  const content = signature === undefined ? new Uint8Array(0) : encode(signature, body)
  const fields = fieldNames.flatMap((name): Value[] => {
    const value = message[name]
    if (value === undefined) return []
    return [[fieldCodes[name], { signature: fieldTypes[name] ?? 's', value } satisfies Variant]]
  })
  const header = encode('yyyyuua(yv)', [littleEndian, type, 0, protocolVersion, content.length, serial, fields])
  const bytes = new Uint8Array(padded(header.length) + content.length)
  bytes.set(header)
  bytes.set(content, padded(header.length))
  return bytes
}

/** How long the message is that these bytes begin; undefined while that cannot be told. @errors Error for no message */
export function messageBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < fixedBytes) return undefined
  const little = bytes[0] === littleEndian
  if ((!little && bytes[0] !== 0x42) || bytes[3] !== protocolVersion) throw new Error('this is no message of D-Bus')
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const length = padded(fixedBytes + view.getUint32(12, little)) + view.getUint32(4, little)
  if (length > messageBytesMax) throw new Error(`a message of ${length} bytes is longer than any may be`)
  return length
}

/** @param bytes - one whole message @errors Error for none */
export function decodeMessage(bytes: Uint8Array): Message {
  const little = bytes[0] === littleEndian
  const [, type, , , bodyBytes, serial, fields] = decode('yyyyuua(yv)', bytes, little) as unknown as Header
  const given = Object.fromEntries(
    fields.flatMap(([code, { value }]) => {
      const name = fieldNames.find((each) => fieldCodes[each] === code)
      return name === undefined ? [] : [[name, value] as const]
    }),
  ) as Partial<Message>
  const body = bytes.slice(bytes.length - bodyBytes)
  return {
    ...given,
    type,
    serial,
    body: given.signature === undefined ? [] : decode(given.signature, body, little),
  }
}

// Netlink messages as bytes: headers, attributes, acknowledgements and errors (netlink(7)). Pure; sockets are elsewhere.

import { type Errno, errnoName } from '../errno.ts'

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLM_F_REQUEST = 1
export const NLM_F_ACK = 4
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_DUMP = 0x300
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff
const NLMSGERR_ATTR_MSG = 1
const headerBytes = 16

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A request before it has a sequence number. */
export interface Request {
  readonly type: number
  /** NLM_F_* beside NLM_F_REQUEST, which every request has. */
  readonly flags?: number
  /** The family's fixed header (ifinfomsg, rtmsg, nfgenmsg, ...) followed by attributes, each already padded. */
  readonly body: Uint8Array
  /** What it does, for messages: `make link vitrine0`. */
  readonly what: string
}

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly body: Uint8Array
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A number of the machine's byte order, which is little-endian on every architecture that the runtime supports. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/** A number of the network's byte order: nf_tables speaks it in all its attributes. */
export function be32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value >>> 0)
  return bytes
}

export function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

/** A NUL-terminated string. */
export function text(value: string): Uint8Array {
  return encoder.encode(`${value}\0`)
}

/** struct nlattr and its payload, padded to four bytes. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + payload.length + 3) & ~3)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 4 + payload.length, true)
  view.setUint16(2, type, true)
  bytes.set(payload, 4)
  return bytes
}

/** An attribute whose payload is attributes. */
export function nested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  return attribute(type | NLA_F_NESTED, concatenate(parts))
}

/** Requests one after another as one datagram, with sequence numbers from 0; the kernel takes them in this order. */
export function encodeRequests(requests: readonly Request[]): Uint8Array {
  const parts = requests.map(({ type, flags = 0, body }, sequence) => {
    const bytes = new Uint8Array(headerBytes + ((body.length + 3) & ~3))
    const view = new DataView(bytes.buffer)
    view.setUint32(0, headerBytes + body.length, true)
    view.setUint16(4, type, true)
    view.setUint16(6, flags | NLM_F_REQUEST, true)
    view.setUint32(8, sequence, true)
    bytes.set(body, headerBytes)
    return bytes
  })
  return concatenate(parts)
}

/** The messages of one datagram. A header that does not fit ends it. */
export function decodeMessages(datagram: Uint8Array): Message[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  const messages: Message[] = []
  for (let at = 0; at + headerBytes <= datagram.length; ) {
    const length = view.getUint32(at, true)
    if (length < headerBytes || at + length > datagram.length) break
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + headerBytes, at + length),
    })
    at += (length + 3) & ~3
  }
  return messages
}

/** The attributes in these bytes by type; of a type that comes twice the last one. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const attributes = new Map<number, Uint8Array>()
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true)
    if (length < 4 || at + length > bytes.length) break
    attributes.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return attributes
}

export function decodeU32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
}

export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** What an NLMSG_ERROR says: nothing for an acknowledgement, else an errno and the kernel's own words when it has some. */
export function decodeError(message: Message): { readonly errno: Errno; readonly words?: string } | undefined {
  const view = new DataView(message.body.buffer, message.body.byteOffset, message.body.byteLength)
  const code = view.getInt32(0, true)
  if (code === 0) return undefined
  const errno = errnoName(-code)
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno }
  const echoed = (message.flags & NLM_F_CAPPED) !== 0 ? headerBytes : view.getUint32(4, true)
  const words = decodeAttributes(message.body.subarray(4 + ((echoed + 3) & ~3))).get(NLMSGERR_ATTR_MSG)
  return words === undefined ? { errno } : { errno, words: decodeText(words) }
}

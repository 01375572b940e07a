// Netlink messages as the kernel reads and writes them. netlink(7)

import { type Errno, errnoNumbers } from '../../core/errno.ts'
import { decode, encode } from '../vfs/utf8.ts'

export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3 } as const
export const NLM_F = {
  REQUEST: 1,
  MULTI: 2,
  ACK: 4,
  ROOT: 0x100,
  MATCH: 0x200,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  DUMP: 0x300,
} as const
const headerBytes = 16

export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** The sender's, as the message itself says. */
  readonly port: number
  readonly body: Uint8Array
}

export function messagesOf(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const messages: NetlinkMessage[] = []
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = view.getUint32(at, true)
    if (length < headerBytes || at + length > bytes.length) break
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      body: bytes.subarray(at + headerBytes, at + length),
    })
    at += (length + 3) & ~3
  }
  return messages
}

export function message(type: number, flags: number, sequence: number, body: Uint8Array, port: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes + ((body.length + 3) & ~3))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, headerBytes + body.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, flags, true)
  view.setUint32(8, sequence, true)
  view.setUint32(12, port, true)
  bytes.set(body, headerBytes)
  return bytes
}

const CAPPED = 0x100

/**
 * NLMSG_ERROR: an acknowledgement when there is no errno. The header of the request comes back with it; with an error all of
 * it, unless the socket wants no more (NETLINK_CAP_ACK). netlink_ack()
 */
export function errorMessage(
  request: NetlinkMessage,
  errno: Errno | undefined,
  port: number,
  capped = true,
): Uint8Array {
  const whole = errno !== undefined && !capped
  const body = new Uint8Array(20 + (whole ? request.body.length : 0))
  const view = new DataView(body.buffer)
  view.setInt32(0, errno === undefined ? 0 : -errnoNumbers[errno], true)
  view.setUint32(4, headerBytes + request.body.length, true)
  view.setUint16(8, request.type, true)
  view.setUint16(10, request.flags, true)
  view.setUint32(12, request.sequence, true)
  view.setUint32(16, request.port, true)
  if (whole) body.set(request.body, 20)
  return message(NLMSG.ERROR, whole ? 0 : CAPPED, request.sequence, body, port)
}

export interface Attribute {
  readonly type: number
  readonly value: Uint8Array
}

export function attributeList(bytes: Uint8Array): Attribute[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const list: Attribute[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true)
    if (length < 4 || at + length > bytes.length) break
    list.push({ type: view.getUint16(at + 2, true) & 0x3fff, value: bytes.subarray(at + 4, at + length) })
    at += (length + 3) & ~3
  }
  return list
}

export const attributesOf = (bytes: Uint8Array): Map<number, Uint8Array> =>
  new Map(attributeList(bytes).map(({ type, value }) => [type, value]))

export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + value.length + 3) & ~3)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 4 + value.length, true)
  view.setUint16(2, type, true)
  bytes.set(value, 4)
  return bytes
}

export const nest = (type: number, parts: readonly Uint8Array[]): Uint8Array => attribute(type, join(parts))

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const words = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return decode(end < 0 ? bytes : bytes.subarray(0, end))
}
export const text = (value: string): Uint8Array => encode(`${value}\0`)
export const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}
export const readU32 = (bytes: Uint8Array): number =>
  bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
/** nf_tables speaks the byte order of the network. */
export const readBe32 = (bytes: Uint8Array): number =>
  bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)

// Where the parts of a message lie in what recvmsg(2) gives back: struct msghdr, the sender's address, control messages, bytes.

import type { MessageRoom } from './syscall.ts'

/** sizeof(struct msghdr) of 64-bit Linux. */
export const messageHeaderBytes = 56

/** What recvmsg(2) has said, with the parts cut to what is filled. */
export interface Received {
  /** struct sockaddr of the sender; as long as the kernel says, of which no more is there than there was room for */
  readonly name: Uint8Array
  readonly control: Uint8Array
  readonly bytes: Uint8Array
  /** MSG_* */
  readonly flags: number
}

interface Places {
  readonly name: number
  readonly control: number
  readonly bytes: number
  readonly end: number
}

const aligned = (offset: number): number => (offset + 7) & ~7

/** Offsets of the parts. */
export function messagePlaces({ nameBytes, controlBytes, iov }: MessageRoom): Places {
  const control = aligned(messageHeaderBytes + nameBytes)
  const bytes = aligned(control + controlBytes)
  return { name: messageHeaderBytes, control, bytes, end: bytes + iov.reduce((sum, length) => sum + length, 0) }
}

/** Reads the outcome of recvmsg(2); `value` is what it returned. */
export function receivedMessage(room: MessageRoom, value: number, data: Uint8Array): Received {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const { name, control, bytes, end } = messagePlaces(room)
  const nameBytes = room.nameBytes === 0 ? 0 : Math.min(view.getUint32(8, true), room.nameBytes)
  const controlBytes = Math.min(Number(view.getBigUint64(40, true)), room.controlBytes)
  return {
    name: data.subarray(name, name + nameBytes),
    control: data.subarray(control, control + controlBytes),
    bytes: data.subarray(bytes, Math.min(bytes + value, end)),
    flags: view.getUint32(48, true),
  }
}

/** The inverse: the outcome's data, as far as there is room for it. */
export function messageData(room: MessageRoom, { name, control, bytes, flags }: Received): Uint8Array {
  const places = messagePlaces(room)
  const data = new Uint8Array(places.end)
  const view = new DataView(data.buffer)
  view.setUint32(8, name.length, true)
  view.setBigUint64(24, BigInt(room.iov.length), true)
  view.setBigUint64(40, BigInt(control.length), true)
  view.setUint32(48, flags, true)
  data.set(name.subarray(0, room.nameBytes), places.name)
  data.set(control, places.control)
  data.set(bytes.subarray(0, places.end - places.bytes), places.bytes)
  return data
}

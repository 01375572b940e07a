// What has been sent to a socket and not yet been received: a stream of bytes, or messages one by one. unix(7), tcp(7)

import type { KGid, KUid } from '../ids.ts'
import type { PidEntry } from '../ns/pid.ts'
import type { OpenFile } from '../vfs/file.ts'
import { release } from '../vfs/open.ts'
import { WaitQueue } from '../wait.ts'
import { type Hop, passOver } from './link.ts'

/** Who sent it; each receiver sees numbers of its own namespaces (PID-022). */
export interface Sender {
  readonly entry: PidEntry | undefined
  readonly uid: KUid
  readonly gid: KGid
}

export interface Message {
  bytes: Uint8Array
  /** struct sockaddr of the sender. */
  readonly from?: Uint8Array
  /** Open files that go along; each counts as a reference (SCM_RIGHTS). */
  rights: readonly OpenFile[]
  readonly sender?: Sender
  /** It stays in the queue: the files are not the receiver's to let go of (MSG_PEEK). */
  readonly copied?: true
  /** Of what length it was, where less is handed over (MSG_TRUNC). */
  whole?: number
}

export class Channel {
  readonly forReaders = new WaitQueue()
  readonly forWriters = new WaitQueue()
  readonly queue: Message[] = []
  byteCount = 0
  /** Nobody sends any more. */
  ended = false
  capacityBytes = 212_992
  messagesMost = Number.POSITIVE_INFINITY
  /** The devices that what is sent goes through. */
  way: readonly Hop[] = []

  get full(): boolean {
    return this.byteCount >= this.capacityBytes || this.queue.length >= this.messagesMost
  }

  push(message: Message): void {
    this.queue.push(message)
    for (const file of message.rights) file.references += 1
    this.byteCount += message.bytes.length
    for (const hop of this.way) passOver(hop, message.bytes.length)
    this.forReaders.wake()
  }

  /**
   * Up to so many bytes of the stream, no further than the first message with descriptors.
   *
   * @param apart - what different senders have written does not run together (SO_PASSCRED)
   */
  takeBytes(count: number, peek: boolean, apart = false): Message | undefined {
    const [first] = this.queue
    if (first === undefined) return undefined
    const parts: Uint8Array[] = []
    let taken = 0
    let rights: readonly OpenFile[] = []
    for (const message of this.queue) {
      if (taken === count || (apart && !sameSender(message.sender, first.sender))) break
      const part = message.bytes.subarray(0, count - taken)
      parts.push(part)
      taken += part.length
      rights = message.rights
      if (rights.length > 0) break
    }
    const bytes = joined(parts, taken)
    const { from, sender } = first
    if (!peek) this.#drop(taken)
    return { bytes, rights, ...(peek && { copied: true }), ...(from && { from }), ...(sender && { sender }) }
  }

  #drop(count: number): void {
    let left = count
    while (this.queue.length > 0) {
      const [first] = this.queue
      const part = Math.min(left, first!.bytes.length)
      left -= part
      first!.rights = []
      if (part < first!.bytes.length) {
        first!.bytes = first!.bytes.subarray(part)
        break
      }
      this.queue.shift()
      if (left === 0) break
    }
    this.byteCount -= count
    this.forWriters.wake()
  }

  takeMessage(count: number, peek: boolean): Message | undefined {
    const [first] = this.queue
    if (first === undefined) return undefined
    if (!peek) {
      this.queue.shift()
      this.byteCount -= first.bytes.length
      this.forWriters.wake()
    }
    return { ...first, bytes: first.bytes.slice(0, count), whole: first.bytes.length, ...(peek && { copied: true }) }
  }

  end(): void {
    this.ended = true
    this.forReaders.wake()
    this.forWriters.wake()
  }

  /** Nobody will receive it: files on the way are closed. */
  discard(): boolean {
    const left = this.queue.splice(0)
    for (const { rights } of left) for (const file of rights) release(file)
    this.byteCount = 0
    return left.length > 0
  }
}

const sameSender = (a: Sender | undefined, b: Sender | undefined): boolean =>
  a === b || (a?.entry === b?.entry && a?.uid === b?.uid && a?.gid === b?.gid)

function joined(parts: readonly Uint8Array[], lengthBytes: number): Uint8Array {
  const whole = new Uint8Array(lengthBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

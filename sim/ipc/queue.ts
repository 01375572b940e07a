// A System V message queue. msgop(2)

import type { Credentials } from '../credentials.ts'
import type { Pid } from '../ids.ts'
import { epoch, type Moment } from '../time.ts'
import { WaitQueue } from '../wait.ts'
import { IpcObject } from './objects.ts'

export interface Message {
  readonly type: number
  readonly bytes: Uint8Array
}

export class MessageQueue extends IpcObject {
  readonly messages: Message[] = []
  bytes = 0
  bytesMax: number
  sent: Moment = epoch
  received: Moment = epoch
  changed: Moment
  lastSender: Pid | 0 = 0
  lastReceiver: Pid | 0 = 0
  readonly changes = new WaitQueue()

  constructor(id: number, key: number, creator: Credentials, mode: number, bytesMax: number, now: Moment) {
    super(id, key, creator, mode)
    this.bytesMax = bytesMax
    this.changed = now
  }

  end(): void {
    this.changes.wake()
  }

  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.bytesMax && this.messages.length + 1 <= this.bytesMax
  }

  put(message: Message): void {
    this.messages.push(message)
    this.bytes += message.bytes.length
    this.changes.wake()
  }

  /**
   * The place of the message that a receiver wants; -1 when there is none.
   *
   * @param type - 0 the first; above 0 the first of the type (or of another, when `except`); below 0 the lowest type up to it
   */
  find(type: number, except: boolean): number {
    const { messages } = this
    if (type === 0) return messages.length > 0 ? 0 : -1
    if (type > 0) return messages.findIndex((message) => (message.type === type) !== except)
    let best = -1
    for (const [at, message] of messages.entries())
      if (message.type <= -type && (best < 0 || message.type < messages[best]!.type)) best = at
    return best
  }

  take(at: number): Message {
    const [message] = this.messages.splice(at, 1)
    this.bytes -= message!.bytes.length
    this.changes.wake()
    return message!
  }
}

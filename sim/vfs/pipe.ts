// Pipes: a ring of pages between writers and readers. pipe(7)

import { Charges, type Payer, pageBytes } from '../memory.ts'
import { type Blocked, type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'

interface Buffer {
  bytes: Uint8Array
  /** What is read already. */
  start: number
  end: number
  /** Bytes that come later may be put behind. Not so for packets (O_DIRECT). */
  readonly open: boolean
  readonly payer: Payer | undefined
}

const nothing = new Uint8Array(0)
const SIGPIPE = 13
/** The ring of a new pipe. */
const buffersAtFirst = 16

export class Pipe {
  readonly #ring: Buffer[] = []
  readonly #charges = new Charges('pipe')
  buffersMax = buffersAtFirst
  readers = 0
  writers = 0
  /** How often it was opened for each: who opens a fifo waits for a change. */
  readerOpens = 0
  writerOpens = 0
  readonly forReaders = new WaitQueue()
  readonly forWriters = new WaitQueue()

  get empty(): boolean {
    return this.#ring.length === 0
  }

  get full(): boolean {
    return this.#ring.length >= this.buffersMax
  }

  get buffersUsed(): number {
    return this.#ring.length
  }

  /** FIONREAD */
  get byteCount(): number {
    return this.#ring.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  read(count: number, nonblocking: boolean): Reply {
    if (count === 0) return { value: 0, data: nothing }
    const ready = this.#take(count)
    if (ready) return ready
    if (nonblocking) return deny('EAGAIN', 'pipe(7)', 'pipe(7): the pipe is empty, and the descriptor does not wait')
    return { queues: [this.forReaders], again: () => this.#take(count), interruptible: true }
  }

  /** Data, or the end; undefined when there is neither yet. */
  #take(count: number): Outcome | undefined {
    if (this.#ring.length === 0) return this.writers === 0 ? { value: 0, data: nothing } : undefined
    const wasFull = this.full
    const parts: Uint8Array[] = []
    let taken = 0
    while (taken < count && this.#ring.length > 0) {
      const buffer = this.#ring[0]!
      const length = Math.min(count - taken, buffer.end - buffer.start)
      parts.push(buffer.bytes.subarray(buffer.start, buffer.start + length))
      buffer.start += length
      taken += length
      // What is left of a packet is lost. pipe(2) O_DIRECT
      if (buffer.start === buffer.end || !buffer.open) this.#drop()
      if (!buffer.open) break
    }
    if (wasFull && !this.full) this.forWriters.wake()
    return { value: taken, data: joined(parts, taken) }
  }

  #drop(): void {
    this.#charges.giveBack(this.#ring.shift()!.payer, 1)
  }

  write(task: Task, bytes: Uint8Array, nonblocking: boolean, packets: boolean): Reply {
    if (bytes.length === 0) return 0
    let done = 0
    const go = (): Outcome | undefined => {
      if (this.readers === 0) {
        task.kernel.sendSignal(task, SIGPIPE)
        return done > 0 ? { value: done } : deny('EPIPE', 'pipe(7)', 'pipe(7): nobody has the pipe open for reading')
      }
      const put = this.#put(task, bytes.subarray(done), packets, done === 0)
      if (isDenied(put)) return done > 0 ? { value: done } : put
      done += put
      if (put > 0) this.forReaders.wake()
      return done === bytes.length ? { value: done } : undefined
    }
    const outcome = go()
    if (outcome) return outcome
    if (nonblocking)
      return done > 0 ? done : deny('EAGAIN', 'pipe(7)', 'pipe(7): the pipe is full, and the descriptor does not wait')
    const blocked: Blocked = {
      queues: [this.forWriters],
      again: go,
      interruptible: true,
      interrupted: () => (done > 0 ? { value: done } : deny('EINTR', 'pipe(7)', 'pipe(7): a signal came')),
    }
    return blocked
  }

  /** As much as there is room for. The odd rest of a write may stand behind the bytes before it, when it fits as a whole. */
  #put(task: Task, bytes: Uint8Array, packets: boolean, first: boolean): number | Denied {
    let done = 0
    const last = this.#ring.at(-1)
    const rest = bytes.length % pageBytes
    if (first && rest > 0 && last?.open && last.end + rest <= pageBytes) {
      last.bytes = withRoom(last.bytes, last.end + rest)
      last.bytes.set(bytes.subarray(0, rest), last.end)
      last.end += rest
      done = rest
    }
    while (done < bytes.length && !this.full) {
      const payer = this.#charges.take(task, 1)
      if (isDenied(payer)) return done > 0 ? done : payer
      const part = bytes.slice(done, done + pageBytes)
      this.#ring.push({ bytes: part, start: 0, end: part.length, open: !packets, payer })
      done += part.length
    }
    return done
  }

  /** Nobody has it open any more. */
  end(): void {
    this.#ring.length = 0
    this.#charges.giveBackAll()
  }

  /** For the digest. */
  hidden(): object {
    return { ring: this.#ring, charges: this.#charges }
  }
}

function withRoom(bytes: Uint8Array, lengthBytes: number): Uint8Array {
  if (bytes.length >= lengthBytes) return bytes
  const more = new Uint8Array(Math.min(pageBytes, Math.max(lengthBytes, 2 * bytes.length)))
  more.set(bytes)
  return more
}

function joined(parts: readonly Uint8Array[], lengthBytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!.slice()
  const whole = new Uint8Array(lengthBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

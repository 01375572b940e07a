// A connection to a message bus, or to a program that speaks as one: calls with their answers, and signals. sd_bus(3) without
// the library: a socket of the kernel's, and nothing else of the host.

import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { close, must, sentence } from '../files.ts'
import { refused } from '../kernel.ts'
import { decodeMessage, encodeMessage, type Message, messageBytes, messageType } from './message.ts'
import type { Value } from './signature.ts'

const AF_UNIX = 1
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000
const POLLIN = 1
const POLLOUT = 4
const receiveBytes = 65536
/** What other clients wait for an answer. sd_bus_get_method_call_timeout(3) */
const patienceNs = 25_000_000_000n

/** The other side's answer is an error. */
export class BusError extends UserError {
  /** D-Bus's name of it: `org.freedesktop.systemd1.NoSuchUnit`. */
  readonly errorName: string

  constructor(errorName: string, message: string) {
    super(message)
    this.errorName = errorName
  }
}

export interface Call {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly Value[]
}

export class Connection {
  readonly #host: Pick<Host, 'kernel' | 'monotonicNs'>
  readonly #socket: number
  /** Who is spoken to, for errors. */
  readonly #name: string
  #received: Uint8Array = new Uint8Array(0)
  #serial = 0
  #signals: Message[] = []

  private constructor(host: Pick<Host, 'kernel' | 'monotonicNs'>, socket: number, name: string) {
    this.#host = host
    this.#socket = socket
    this.#name = name
  }

  /**
   * Connects as the user that the kernel tells the other side, which in a user namespace is another number than one's own:
   * so none is named. D-Bus Specification, "Authentication Protocol", EXTERNAL.
   *
   * @param addr - for connect(2)
   * @errors UserError when nobody listens, or the user is not let in
   */
  static async open(host: Pick<Host, 'kernel' | 'monotonicNs'>, addr: Uint8Array, name: string): Promise<Connection> {
    const { kernel } = host
    const made = kernel.call({ name: 'socket', domain: AF_UNIX, type: SOCK_STREAM_NONBLOCK_CLOEXEC, protocol: 0 })
    const connection = new Connection(host, must(made, `connect to ${name}`).value, name)
    try {
      must(kernel.call({ name: 'connect', sockfd: connection.#socket, addr }), `connect to ${name}`)
      await connection.#authenticate()
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async #authenticate(): Promise<void> {
    const deadline = this.#deadline()
    await this.#write(new TextEncoder().encode('\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n'), deadline)
    for (;;) {
      const line = await this.#line(deadline)
      if (line.startsWith('OK')) return
      if (line !== 'DATA') throw new UserError(`${this.#name} does not let this user in: ${line}`)
    }
  }

  async #line(deadline: bigint): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf(0x0a)
      if (end < 0) await this.#receive(deadline)
      else return new TextDecoder().decode(this.#taken(end + 1)).trim()
    }
  }

  #deadline = (): bigint => this.#host.monotonicNs() + patienceNs

  #taken(count: number): Uint8Array {
    const bytes = this.#received.slice(0, count)
    this.#received = this.#received.slice(count)
    return bytes
  }

  /** Waits until the socket can be read from or written to. */
  async #ready(events: number, deadline: bigint): Promise<void> {
    const left = deadline - this.#host.monotonicNs()
    const fds = [{ fd: this.#socket, events }]
    const tmo_p = left > 0n ? left : 0n
    const answer = await this.#host.kernel.wait({ name: 'ppoll', fds, tmo_p, sigmask: 0, sigsetsize: 8 })
    if (refused(answer) && answer.errno === 'EINTR') return
    if (must(answer, `wait for ${this.#name}`).value > 0) return
    throw new UserError(`${this.#name} does not answer within ${patienceNs / 1_000_000_000n} seconds`)
  }

  async #receive(deadline: bigint): Promise<void> {
    await this.#ready(POLLIN, deadline)
    const read = this.#host.kernel.call({ name: 'read', fd: this.#socket, buf: receiveBytes })
    if (refused(read) && (read.errno === 'EAGAIN' || read.errno === 'EINTR')) return
    const why = refused(read) ? `${read.errno} (${sentence(read.errno)})` : 'it has closed the connection'
    if (refused(read) || read.value === 0) throw new UserError(`read from ${this.#name}: ${why}`)
    const bytes = new Uint8Array(this.#received.length + read.value)
    bytes.set(this.#received)
    bytes.set(read.data!.subarray(0, read.value), this.#received.length)
    this.#received = bytes
  }

  async #write(bytes: Uint8Array, deadline: bigint): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const written = this.#host.kernel.call({ name: 'write', fd: this.#socket, buf: rest })
      if (!refused(written)) rest = rest.subarray(written.value)
      else if (written.errno === 'EAGAIN' || written.errno === 'EINTR') await this.#ready(POLLOUT, deadline)
      else must(written, `write to ${this.#name}`)
    }
  }

  async #next(deadline: bigint): Promise<Message> {
    for (;;) {
      const length = messageBytes(this.#received)
      if (length !== undefined && this.#received.length >= length) return decodeMessage(this.#taken(length))
      await this.#receive(deadline)
    }
  }

  /**
   * Calls a method.
   *
   * @returns the values of its answer
   * @errors BusError when the other side answers with an error; UserError when it does not answer
   */
  async call({ body = [], ...call }: Call): Promise<readonly Value[]> {
    const deadline = this.#deadline()
    const serial = ++this.#serial
    await this.#write(encodeMessage({ ...call, type: messageType.call, serial, body }), deadline)
    for (;;) {
      const message = await this.#next(deadline)
      if (message.type === messageType.signal) this.#signals.push(message)
      if (message.replySerial !== serial) continue
      if (message.type === messageType.answer) return message.body
      if (message.type !== messageType.error) continue
      const [text] = message.body
      throw new BusError(message.errorName ?? '', typeof text === 'string' ? text : (message.errorName ?? 'an error'))
    }
  }

  /** The next signal that is meant, also of those that came before an answer. @errors UserError when none comes */
  async signal(isMeant: (message: Message) => boolean): Promise<Message> {
    const deadline = this.#deadline()
    for (;;) {
      const found = this.#signals.find(isMeant)
      if (found !== undefined) return found
      const message = await this.#next(deadline)
      this.#signals = message.type === messageType.signal ? [...this.#signals, message] : this.#signals
    }
  }

  close(): void {
    close(this.#host.kernel, this.#socket)
  }
}

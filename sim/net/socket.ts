// What all sockets have in common: a network namespace, a kind, options, a queue of what has come. socket(2), socket(7)

import type { Errno } from '../../core/errno.ts'
import type { Kernel } from '../kernel.ts'
import type { NetNamespace } from '../ns/net.ts'
import { type Blocked, type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { release } from '../vfs/open.ts'
import { POLLERR, POLLHUP, POLLRDHUP, readable, writable } from '../vfs/poll-events.ts'
import { WaitQueue } from '../wait.ts'
import { Channel, type Message, type Sender } from './channel.ts'
import { deviceIoctl } from './device-ioctl.ts'

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5 } as const
export const MSG = {
  OOB: 1,
  PEEK: 2,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  WAITALL: 0x100,
  NOSIGNAL: 0x4000,
  CMSG_CLOEXEC: 0x40000000,
} as const
const SIGPIPE = 13

export type SocketType = 'stream' | 'dgram' | 'seqpacket' | 'raw'

/** What a send takes along. */
export interface Sending {
  readonly bytes: Uint8Array
  readonly flags: number
  /** struct sockaddr. */
  readonly to?: Uint8Array | undefined
  readonly rights?: readonly OpenFile[]
  readonly sender?: Sender
}

export interface Receiving {
  readonly count: number
  readonly flags: number
  /** How the caller wants it; who takes a message lets go of its descriptors. */
  readonly as: (message: Message) => Outcome
}

/** The bytes alone: descriptors that have come along are closed. */
export function plainly({ bytes, rights, copied }: Message): Outcome {
  if (!copied) for (const file of rights) release(file)
  return { value: bytes.length, data: bytes }
}

export const senderOf = ({ process, credentials }: Task): Sender => ({
  entry: process.leader.entry,
  uid: credentials.euid,
  gid: credentials.egid,
})

export abstract class Socket implements FileOperations {
  readonly seekable = false
  readonly kernel: Kernel
  /** For ever that in which it was made (NET-009); it keeps it (NET-102). */
  readonly namespace: NetNamespace
  readonly domain: number
  readonly type: SocketType
  readonly protocol: number
  file!: OpenFile
  readonly incoming = new Channel()
  /** Its state has changed in a way that `incoming` does not tell: a connection to accept, an error. */
  readonly changes = new WaitQueue()
  /** Values of setsockopt(2) that are only kept, by level and name. */
  readonly options = new Map<string, number>()
  /** SO_ERROR: told once. */
  error: Errno | undefined
  /** shutdown(2) */
  sendClosed = false
  closed = false

  constructor(task: Task, domain: number, type: SocketType, protocol: number) {
    this.kernel = task.kernel
    this.namespace = task.namespaces.net.retain()
    this.domain = domain
    this.type = type
    this.protocol = protocol
  }

  abstract bind(task: Task, address: Uint8Array): Reply
  abstract connect(task: Task, address: Uint8Array): Reply
  abstract send(task: Task, sending: Sending): Reply
  /** struct sockaddr of this end, or of the other. */
  abstract name(): Uint8Array
  abstract peerName(): Uint8Array | Denied

  listen(_task: Task, _backlog: number): Denied | number {
    return deny('EOPNOTSUPP', 'listen(2)', 'listen(2): this kind of socket takes no connections')
  }

  /** A socket for the first connection that waits; the caller makes the descriptor. */
  acceptable(): Socket | undefined {
    return undefined
  }

  get listening(): boolean {
    return false
  }

  abstract shutdown(how: number): Denied | number

  takeError(): Errno | undefined {
    const { error } = this
    this.error = undefined
    return error
  }

  nonblocking(flags: number): boolean {
    return (this.file.flags & O.NONBLOCK) !== 0 || (flags & MSG.DONTWAIT) !== 0
  }

  read(task: Task, count: number): Reply {
    // Only read(2) takes nothing at once. sock_read_iter()
    if (count === 0) return { value: 0, data: new Uint8Array(0) }
    return this.receive(task, { count, flags: 0, as: plainly })
  }

  write(task: Task, bytes: Uint8Array): Reply {
    return this.send(task, { bytes, flags: 0 })
  }

  /** Whether there is anything to be received from: ENOTCONN otherwise. */
  protected mayReceive(): Denied | undefined {
    return undefined
  }

  receive(_task: Task, { count, flags, as }: Receiving): Reply {
    const refusal = this.mayReceive()
    if (refusal) return refusal
    const peek = (flags & MSG.PEEK) !== 0
    const again = (): Outcome | undefined => {
      const message =
        this.type === 'stream'
          ? this.incoming.takeBytes(count, peek, (this.options.get('1 16') ?? 0) !== 0)
          : this.incoming.takeMessage(count, peek)
      if (message) return as(message)
      const error = this.takeError()
      if (error) return deny(error, 'socket(7)', `recv(2): ${error} came from the other end`)
      return this.incoming.ended ? as({ bytes: new Uint8Array(0), rights: [] }) : undefined
    }
    // Of datagrams the end is told to who waits only. __skb_recv_datagram()
    const isOver = this.type === 'dgram' && this.incoming.ended && this.incoming.queue.length === 0 && !this.error
    const ready = isOver && this.nonblocking(flags) ? undefined : again()
    if (ready) return ready
    if (this.nonblocking(flags))
      return deny('EAGAIN', 'recv(2)', 'recv(2): nothing has come, and the call does not wait')
    return this.waiting([this.incoming.forReaders, this.changes], again, 20)
  }

  /** A call that waits, no longer than SO_RCVTIMEO (20) or SO_SNDTIMEO (21) says. */
  waiting(queues: readonly WaitQueue[], again: () => Outcome | undefined, timeout: 20 | 21): Blocked {
    const limitNs = this.options.get(`1 ${timeout}`)
    if (!limitNs) return { queues, again, interruptible: true }
    return {
      queues,
      again,
      interruptible: true,
      deadlineNs: this.kernel.clock.nowNs + limitNs,
      timedOut: () => deny('EAGAIN', 'socket(7)', 'socket(7): the time of SO_RCVTIMEO or SO_SNDTIMEO is over'),
    }
  }

  brokenPipe(task: Task, flags: number): Denied {
    if (!(flags & MSG.NOSIGNAL) && this.type === 'stream') this.kernel.sendSignal(task, SIGPIPE)
    return deny('EPIPE', 'send(2)', 'send(2): the other end receives no more')
  }

  /** Puts a stream into the other end's queue, as much at a time as there is room for. */
  protected pour(
    task: Task,
    { bytes, flags, rights = [], sender, from }: Sending & { readonly from?: Uint8Array | undefined },
    to: () => Channel | undefined,
  ): Reply {
    let done = 0
    const channel = to()
    const go = (): Outcome | undefined => {
      const target = to()
      const error = this.takeError()
      if (error) return done > 0 ? { value: done } : deny(error, 'send(2)', `send(2): ${error} came from the other end`)
      if (target === undefined || this.sendClosed) return done > 0 ? { value: done } : this.brokenPipe(task, flags)
      while (!target.full && done < bytes.length) {
        const room = target.capacityBytes - target.byteCount
        const part = bytes.slice(done, done + room)
        target.push({ bytes: part, rights: done === 0 ? rights : [], ...(from && { from }), ...(sender && { sender }) })
        done += part.length
      }
      return done === bytes.length ? { value: done } : undefined
    }
    const outcome = go()
    if (outcome) return outcome
    if (this.nonblocking(flags))
      return done > 0
        ? done
        : deny('EAGAIN', 'send(2)', 'send(2): the other end has no room, and the call does not wait')
    const blocked = this.waiting([...(channel ? [channel.forWriters] : []), this.changes], go, 21)
    return {
      ...blocked,
      interrupted: () => (done > 0 ? { value: done } : deny('EINTR', 'send(2)', 'send(2): a signal came')),
    }
  }

  /** Room at the other end. */
  protected abstract outgoing(): Channel | undefined

  /** A connection that there could be and is not: TCP_CLOSE. tcp_poll(), unix_poll() */
  protected get isIdle(): boolean {
    return false
  }

  /** Nothing is sent until the other end has answered: TCP_SYN_SENT. tcp_poll() */
  protected get isConnecting(): boolean {
    return false
  }

  /** What was asked of a socket that listens holds for its connections too. sk_clone_lock() */
  inherit(listener: Socket): void {
    for (const [place, value] of listener.options) this.options.set(place, value)
    this.incoming.capacityBytes = listener.incoming.capacityBytes
  }

  poll() {
    const out = this.outgoing()
    let events = 0
    if (this.incoming.queue.length > 0 || this.incoming.ended || this.acceptable()) events |= readable
    if (this.incoming.ended) events |= POLLRDHUP
    if (this.error !== undefined) events |= POLLERR
    if (this.incoming.ended && this.sendClosed) events |= POLLHUP
    if (this.isIdle) events |= POLLHUP
    if (!this.listening && !this.isConnecting && (out === undefined || !out.full)) events |= writable
    return {
      events,
      queues: [this.incoming.forReaders, this.changes, ...(out ? [out.forWriters] : [])],
    }
  }

  ioctl(task: Task, request: number, arg: Uint8Array | number): Reply {
    const FIONREAD = 0x541b
    // Any socket will do to ask for devices. sock_do_ioctl() in net/socket.c
    const ofDevice = deviceIoctl(task, this.namespace, request, arg)
    if (ofDevice !== undefined) return ofDevice
    if (request !== FIONREAD) return deny('ENOTTY', 'ioctl(2)', 'ioctl(2): sockets of this kind know no such request')
    const data = new Uint8Array(4)
    new DataView(data.buffer).setUint32(0, this.incoming.byteCount, true)
    return { value: 0, data }
  }

  /** The last descriptor is gone. */
  release(): void {
    this.closed = true
    this.end()
    this.namespace.release()
  }

  protected abstract end(): void
}

/** Kinds with connections look at it first, the others never. */
export const badEnd = (how: number): Denied | undefined =>
  how < 0 || how > 2 ? deny('EINVAL', 'shutdown(2)', 'shutdown(2): it takes 0, 1 or 2') : undefined

/** What an answer of a call that may have waited is, when it is known at once. */
export const settled = (reply: Denied | undefined): Reply => (isDenied(reply) ? reply : 0)

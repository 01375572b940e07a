// Netlink sockets: requests are answered at once, into the socket's own queue. netlink(7)

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { AF } from './address.ts'
import type { Channel } from './channel.ts'
import { errorMessage, message, messagesOf, type NetlinkMessage, NLM_F, NLMSG } from './netlink-bytes.ts'
import { answerNftables } from './nft.ts'
import { answerRoute } from './rtnetlink.ts'
import { familyOf } from './sockaddr.ts'
import { type Sending, SOCK, Socket } from './socket.ts'

const NETLINK = { ROUTE: 0, NETFILTER: 12, AUDIT: 9, KOBJECT_UEVENT: 15, GENERIC: 16 } as const
const datagramBytes = 32_768
/** SOL_NETLINK NETLINK_CAP_ACK, as options are kept. */
const capAck = '270 10'

/** struct sockaddr_nl. */
function netlinkAddress(bytes: Uint8Array, call: string): Denied | undefined {
  if (bytes.length >= 12 && familyOf(bytes) === AF.NETLINK) return undefined
  return deny('EINVAL', 'netlink(7)', `${call}: it is no address of netlink`)
}

/** What a request is answered with: messages of a list, or nothing but whether it was done. */
export type Answer =
  | Denied
  | undefined
  | { readonly type: number; readonly bodies: readonly Uint8Array[]; readonly dump: boolean }

export function makeNetlink(task: Task, type: number, protocol: number, call: string): Socket | Denied {
  if (type !== SOCK.RAW && type !== SOCK.DGRAM)
    return deny('ESOCKTNOSUPPORT', call, `${call}: netlink sockets are raw or datagrams`)
  if (protocol < 0 || protocol > 31) return deny('EPROTONOSUPPORT', call, `${call}: there is no such protocol`)
  if (protocol !== NETLINK.ROUTE && protocol !== NETLINK.NETFILTER)
    return deny('EPROTONOSUPPORT', 'netlink(7)', `${call}: of netlink only route and netfilter are modelled`)
  return new NetlinkSocket(task, protocol)
}

class NetlinkSocket extends Socket {
  #port = 0
  #groups = 0

  constructor(task: Task, protocol: number) {
    super(task, AF.NETLINK, 'dgram', protocol)
  }

  bind(task: Task, bytes: Uint8Array): Reply {
    const call = 'bind(2)'
    const refusal = netlinkAddress(bytes, call)
    if (refusal) return refusal
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#groups = view.getUint32(8, true)
    this.#port = view.getUint32(4, true) || this.#port || this.#ownPort(task)
    return 0
  }

  #ownPort(task: Task): number {
    return task.process.leader.entry.numbers[0]!
  }

  connect(_task: Task, address: Uint8Array): Reply {
    return netlinkAddress(address, 'connect(2)') ?? 0
  }

  /** Each message is a request, and is done before the next; refusals are told one by one. netlink_rcv_skb() */
  send(task: Task, { bytes, to }: Sending): Reply {
    if (bytes.length === 0 && task.kernel.since(5, 16))
      return deny('ENODATA', 'netlink(7)', 'send(2): a message of netlink is not empty')
    const refusal = to && to.length > 0 ? netlinkAddress(to, 'send(2)') : undefined
    if (refusal) return refusal
    if (this.#port === 0) this.#port = this.#ownPort(task)
    const requests = messagesOf(bytes)
    if (this.protocol === NETLINK.NETFILTER) this.#answerAll(requests, answerNftables(task, this.namespace, requests))
    else
      for (const request of requests) {
        if (!(request.flags & NLM_F.REQUEST) || request.type < 16) continue
        this.#answer(request, answerRoute(task, this.namespace, request))
      }
    return bytes.length
  }

  #answerAll(requests: readonly NetlinkMessage[], answers: ReadonlyMap<NetlinkMessage, Answer>): void {
    for (const request of requests) if (answers.has(request)) this.#answer(request, answers.get(request))
  }

  #answer(request: NetlinkMessage, answer: Answer): void {
    if (answer === undefined) {
      if (request.flags & NLM_F.ACK) this.#put(errorMessage(request, undefined, this.#port))
      return
    }
    if (isDenied(answer)) {
      const capped = (this.options.get(capAck) ?? 0) !== 0
      this.#put(errorMessage(request, answer.errno, this.#port, capped))
      return
    }
    const flags = answer.dump ? NLM_F.MULTI : 0
    let parts: Uint8Array[] = []
    let length = 0
    for (const body of answer.bodies) {
      const part = message(answer.type, flags, request.sequence, body, this.#port)
      if (length + part.length > datagramBytes) {
        this.#put(...parts)
        parts = []
        length = 0
      }
      parts.push(part)
      length += part.length
    }
    if (parts.length > 0) this.#put(...parts)
    // The end of a list comes by itself.
    if (answer.dump) this.#put(message(NLMSG.DONE, NLM_F.MULTI, request.sequence, new Uint8Array(4), this.#port))
    if (!answer.dump && request.flags & NLM_F.ACK) this.#put(errorMessage(request, undefined, this.#port))
  }

  #put(...parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const bytes = new Uint8Array(length)
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    this.incoming.push({ bytes, from: address(0, 0), rights: [] })
  }

  protected outgoing(): Channel | undefined {
    return undefined
  }

  name(): Uint8Array {
    return address(this.#port, this.#groups)
  }

  peerName(): Uint8Array {
    return address(0, 0)
  }

  shutdown(): Denied {
    return deny('EOPNOTSUPP', 'netlink(7)', 'shutdown(2): netlink has no connections')
  }

  protected end(): void {
    this.incoming.discard()
  }

  /** For the digest. */
  hidden(): object {
    return { port: this.#port, groups: this.#groups }
  }
}

/** struct sockaddr_nl. */
function address(port: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF.NETLINK, true)
  view.setUint32(4, port, true)
  view.setUint32(8, groups, true)
  return bytes
}

/** EPERM without CAP_NET_ADMIN over the network namespace of the socket. netlink_net_capable() */
export function needsNetAdmin(task: Task, namespace: Socket['namespace']): Denied | undefined {
  if (capable(task.credentials, 'NET_ADMIN', namespace.owner)) return undefined
  return deny('EPERM', 'rtnetlink(7)', 'netlink: changes need CAP_NET_ADMIN over the network namespace of the socket')
}

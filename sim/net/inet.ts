// Sockets of IPv4 and IPv6: TCP, UDP and raw ones. ip(7), tcp(7), udp(7), raw(7)

import { capable } from '../credentials.ts'
import type { KUid } from '../ids.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { type Address, AF, any4, any6, isAny, unmapped } from './address.ts'
import type { Channel } from './channel.ts'
import { type Arrived, deliver, type Failed, inProgress, triedNs, unreachable } from './delivery.ts'
import { back } from './link.ts'
import type { PortTable } from './ports.ts'
import { mayBind } from './route.ts'
import { destinationOf, type Endpoint, endpointOf, familyOf, sockaddrOf } from './sockaddr.ts'
import { badEnd, type Sending, Socket, type SocketType } from './socket.ts'

export class InetSocket extends Socket {
  local: Address
  port = 0
  readonly owner: KUid
  reuseAddress = false
  reusePort = false
  v6only = false
  remote: Endpoint | undefined
  /** The other end of a connection. */
  peer: InetSocket | undefined
  /** What has become of an attempt without waiting; connect(2) tells it, once. SS_CONNECTING */
  #attempt: 'going on' | 'made' | 'failed' | undefined
  #waiting: InetSocket[] | undefined
  #backlog = 0
  #wasConnected = false
  /** bind(2) has named the port: it stays, whatever becomes of a connection. SOCK_BINDPORT_LOCK */
  #keepsPort = false
  /** The name that it has for connections, where that is not what it was bound to. */
  #seen: Endpoint | undefined

  constructor(task: Task, domain: number, type: SocketType, protocol: number) {
    super(task, domain, type, protocol)
    this.local = domain === AF.INET ? any4 : any6
    this.owner = task.credentials.fsuid
  }

  get ports(): PortTable {
    return this.type === 'stream' ? this.namespace.tcp : this.namespace.udp
  }

  override get listening(): boolean {
    return this.#waiting !== undefined
  }

  get connected(): boolean {
    return this.#wasConnected
  }

  protected override get isIdle(): boolean {
    return this.type === 'stream' && !this.connected && !this.listening && this.#attempt !== 'going on'
  }

  protected override get isConnecting(): boolean {
    return this.#attempt === 'going on'
  }

  get backlogLength(): number {
    return this.#waiting?.length ?? 0
  }

  bind(task: Task, bytes: Uint8Array): Reply {
    const call = 'bind(2)'
    const endpoint = endpointOf(bytes, this.domain, call)
    if (isDenied(endpoint)) return endpoint
    const { address, port } = endpoint
    if (
      !mayBind(this.namespace, unmapped(address)) &&
      !this.namespace.sysctl('ipv4/ip_nonlocal_bind') &&
      !this.options.get('0 15')
    )
      return deny('EADDRNOTAVAIL', 'NET-003', `${call}: the address belongs to no device of the network namespace`)
    const first = this.namespace.sysctl('ipv4/ip_unprivileged_port_start')
    if (port !== 0 && port < first && !capable(task.credentials, 'NET_BIND_SERVICE', this.namespace.owner))
      return deny('EACCES', 'NET-010', `${call}: ports below ${first} need CAP_NET_BIND_SERVICE`)
    if (this.port !== 0) return deny('EINVAL', call, `${call}: the socket has an address already`)
    if (this.type === 'raw') {
      this.local = address
      return 0
    }
    const taken = this.#take(address, port, call)
    if (!isDenied(taken)) this.#keepsPort = port !== 0
    return taken
  }

  #take(address: Address, wanted: number, call: string): Denied | number {
    if (wanted !== 0 && this.ports.conflicts(this, address, wanted))
      return deny('EADDRINUSE', 'NET-013', `${call}: another socket of the network namespace has the port`)
    const port = wanted === 0 ? this.#freePort(address) : wanted
    if (port === undefined) return deny('EADDRINUSE', 'NET-013', `${call}: all ports of ip_local_port_range are taken`)
    this.local = address
    this.port = port
    this.#seen = undefined
    this.ports.add(this, port)
    return 0
  }

  /** In rising order, so that the machine is the same each time. */
  #freePort(address: Address): number | undefined {
    const last = this.namespace.sysctl('ipv4/port_last')
    for (let port = this.namespace.sysctl('ipv4/port_first'); port <= last; port++)
      if (this.ports.isFree(port) || !this.ports.conflicts(this, address, port)) return port
    return undefined
  }

  /** A port for a socket that sends without having been bound. */
  #autobind(call: string): Denied | undefined {
    if (this.port !== 0 || this.type === 'raw') return undefined
    const answer = this.#take(this.local, 0, call)
    return isDenied(answer) ? deny('EADDRNOTAVAIL', answer.rule, answer.sentence) : undefined
  }

  connect(_task: Task, bytes: Uint8Array): Reply {
    const call = 'connect(2)'
    if (familyOf(bytes) === AF.UNSPEC) {
      this.remote = this.#attempt = undefined
      if (this.type === 'stream' && this.connected) this.#leave()
      return 0
    }
    // Raw ones look at the family first. ip6_datagram_connect_v6_only()
    if (this.type === 'raw' && this.domain === AF.INET6 && familyOf(bytes) !== AF.INET6)
      return deny('EAFNOSUPPORT', call, `${call}: the address is of another family`)
    const isPlain = this.type === 'dgram' && familyOf(bytes) === AF.INET // of IPv6, too: __ip6_datagram_connect()
    // A stream that is connected, or on its way, does not look at the address. __inet_stream_connect()
    const begun = this.type === 'stream' && bytes.length >= 2 ? this.#begun(call) : undefined
    if (begun !== undefined) return begun
    const endpoint = endpointOf(bytes, isPlain ? AF.INET : this.domain, call)
    if (isDenied(endpoint)) return endpoint
    if (this.type === 'stream') return this.#connectStream(endpoint, call)
    const arrived = this.#way(endpoint, 17)
    if (arrived === 'no-route') return unreachable(call)
    const refusal = this.#autobind(call)
    if (refusal) return refusal
    this.remote = destinationOf(endpoint)
    if (typeof arrived === 'object' && isAny(this.local)) this.#seen = { address: arrived.ownAddress, port: this.port }
    return 0
  }

  #way(endpoint: Endpoint, protocol: 6 | 17): Arrived | Failed {
    const { address: destination, port: destinationPort } = destinationOf(endpoint)
    const own = unmapped(this.local)
    return deliver({
      from: this.namespace,
      source: isAny(own) ? undefined : own,
      sourcePort: this.port,
      ...{ destination, destinationPort, protocol },
    })
  }

  /** What became of an attempt before; undefined: there was none. */
  #begun(call: string): Reply | undefined {
    const attempt = this.#attempt
    if (attempt !== 'going on') this.#attempt = undefined
    if (attempt === 'made') return 0
    if (this.connected) return deny('EISCONN', call, `${call}: the socket is connected`)
    if (this.listening) return deny('EISCONN', call, `${call}: the socket listens`)
    if (attempt === 'going on') return deny('EALREADY', call, `${call}: an earlier attempt is not at its end`)
    const failed = this.takeError() ?? (attempt === 'failed' ? 'ECONNABORTED' : undefined)
    return failed && deny(failed, call, `${call}: the attempt before has failed`)
  }

  #connectStream(endpoint: Endpoint, call: string): Reply {
    const arrived = this.#way(endpoint, 6)
    if (arrived === 'no-route') return unreachable(call)
    const refusal = this.#autobind(call)
    if (refusal) return refusal
    if (typeof arrived === 'string') return this.#wait(arrived, call)
    const listener = arrived.namespace.tcp.receiver(
      arrived.destination,
      arrived.destinationPort,
      (socket) => socket.listening,
    )
    if (listener === undefined) return this.#refuse(call)
    if (listener.#waiting!.length > listener.#backlog) return this.#wait('lost', call)
    this.#join(listener, arrived, endpoint)
    if (!this.nonblocking(0)) return 0
    this.#attempt = 'made'
    return inProgress(call)
  }

  /** An attempt has failed: a port that was found for it is free again, and only shown still. tcp_set_state() */
  #unbind(): void {
    if (this.#keepsPort || this.port === 0) return
    this.#seen = { address: this.local, port: this.port }
    this.ports.remove(this, this.port)
    this.port = 0
  }

  #refuse(call: string): Denied {
    this.#unbind()
    const refused = deny('ECONNREFUSED', 'NET-002', `${call}: nobody listens at this port`)
    if (!this.nonblocking(0)) return refused
    this.#attempt = 'failed'
    this.error = 'ECONNREFUSED'
    this.changes.wake()
    return inProgress(call)
  }

  #join(listener: InetSocket, arrived: Arrived, endpoint: Endpoint): void {
    const server = listener.#child(arrived, this.port)
    ;[server.incoming.way, this.incoming.way] = [arrived.way, back(arrived.way)]
    server.peer = this
    this.peer = server
    this.remote = destinationOf(endpoint)
    this.#seen = { address: arrived.ownAddress, port: this.port }
    this.#wasConnected = server.#wasConnected = true
    listener.#waiting!.push(server)
    listener.changes.wake()
  }

  /** A socket of the listener's kind, in its namespace. */
  #child({ source, destination, destinationPort }: Arrived, port: number): InetSocket {
    const { kernel, namespace, owner } = this
    const like = { kernel, namespaces: { net: namespace }, credentials: { fsuid: owner } } as unknown as Task
    const server = new InetSocket(like, this.domain, this.type, this.protocol)
    server.inherit(this)
    server.local = destination
    server.#seen = { address: destination, port: destinationPort }
    server.remote = { address: source, port }
    return server
  }

  /** Nobody answers: until it is known that nobody will. */
  #wait(why: Failed, call: string): Reply {
    const afterNs = triedNs(why)
    const outcome =
      why === 'no-neighbour'
        ? deny('EHOSTUNREACH', 'NET-105', `${call}: no neighbour has the address`)
        : deny('ETIMEDOUT', 'tcp(7)', `${call}: nobody has answered`)
    const deadlineNs = this.kernel.clock.nowNs + afterNs
    if (this.nonblocking(0)) {
      this.#attempt = 'going on'
      this.kernel.clock.set(deadlineNs, () => {
        this.#attempt = 'failed'
        this.#unbind()
        this.error = outcome.errno
        this.changes.wake()
      })
      return inProgress(call)
    }
    const timedOut = () => {
      this.#unbind()
      return outcome
    }
    return { queues: [], again: () => undefined, deadlineNs, timedOut, interruptible: true }
  }

  override listen(task: Task, backlog: number): Denied | number {
    const call = 'listen(2)'
    if (this.type !== 'stream') return super.listen(task, backlog)
    if (this.connected || this.#attempt !== undefined)
      return deny('EINVAL', call, `${call}: the socket is connected, or an attempt has not been told yet`)
    if (this.port === 0) {
      const refusal = this.#take(this.local, 0, call)
      if (isDenied(refusal)) return refusal
    } else if (!this.listening) {
      // Two that share a port by SO_REUSEADDR do not both listen.
      this.#waiting = []
      const taken = this.ports.conflicts(this, this.local, this.port)
      this.#waiting = undefined
      if (taken) return deny('EADDRINUSE', 'NET-013', `${call}: another socket has the port`)
    }
    this.#backlog = Math.min(backlog >>> 0, this.namespace.sysctl('core/somaxconn'))
    this.#waiting ??= []
    return 0
  }

  override acceptable(): InetSocket | undefined {
    return this.#waiting?.[0]
  }

  takeConnection(): InetSocket | undefined {
    return this.#waiting?.shift()
  }

  protected override mayReceive(): Denied | undefined {
    if (this.type !== 'stream' || this.connected || this.#attempt === 'going on') return undefined
    return deny((!this.listening && this.takeError()) || 'ENOTCONN', 'recv(2)', 'recv(2): the socket is not connected')
  }

  protected outgoing(): Channel | undefined {
    return this.peer?.incoming
  }

  send(task: Task, sending: Sending): Reply {
    const call = 'send(2)'
    if (this.type === 'stream') {
      if (!this.connected)
        return this.sendClosed ? this.brokenPipe(task, sending.flags) : this.#early(task, sending, call)
      const open = (peer = this.peer) => (peer && !peer.closed && !peer.incoming.ended ? peer.incoming : undefined)
      return this.pour(task, sending, open)
    }
    return this.#sendDatagram(sending, call)
  }

  #early(task: Task, { flags }: Sending, call: string): Denied {
    const error = this.takeError()
    if (error) return deny(error, call, `${call}: the connection has failed`)
    return this.#attempt === 'going on'
      ? deny('EAGAIN', call, `${call}: not connected yet`)
      : this.brokenPipe(task, flags)
  }

  #sendDatagram({ bytes, to }: Sending, call: string): Reply {
    if (this.type === 'raw') return deny('ENOSYS', 'raw(7)', `${call}: packets of raw sockets are not modelled`)
    // Before all else, and also where the send is refused. inet_send_prepare()
    const refusal = this.#autobind(call)
    if (refusal) return refusal
    const error = this.takeError()
    if (error) return deny(error, call, `${call}: ${error} came for an earlier message`)
    if (bytes.length > 65_507) return deny('EMSGSIZE', 'udp(7)', `${call}: a datagram has at most 65507 bytes`)
    const isPlain = to !== undefined && this.domain === AF.INET6 && familyOf(to) === AF.INET // udpv6_sendmsg()
    const endpoint = to === undefined ? this.remote : endpointOf(to, isPlain ? AF.INET : this.domain, call)
    if (isPlain && this.v6only) return unreachable(call)
    if (endpoint === undefined) return deny('EDESTADDRREQ', call, `${call}: there is no address to send to`)
    if (isDenied(endpoint)) return endpoint
    const arrived = this.#way(endpoint, 17)
    if (arrived === 'no-route') return unreachable(call)
    if (typeof arrived === 'string') return bytes.length
    this.#drop(arrived, bytes)
    return bytes.length
  }

  /** Into the queue of whoever has the port; without anybody the sender hears of it, if it is connected. */
  #drop({ namespace, source, destination, destinationPort }: Arrived, bytes: Uint8Array): void {
    const port = this.port
    const receiver = namespace.udp.receiver(
      destination,
      destinationPort,
      ({ remote }) =>
        remote === undefined || (remote.port === port && remote.address.every((byte, at) => byte === source[at])),
    )
    if (receiver === undefined) {
      if (this.remote === undefined) return
      this.error = 'ECONNREFUSED'
      this.changes.wake()
      return
    }
    if (receiver.incoming.full) return
    const from = sockaddrOf(receiver.domain, { address: source, port })
    receiver.incoming.push({ bytes: bytes.slice(), from, rights: [] })
  }

  name(): Uint8Array {
    return sockaddrOf(this.domain, this.#seen ?? { address: this.local, port: this.port })
  }

  peerName(): Uint8Array | Denied {
    if (this.remote === undefined)
      return deny('ENOTCONN', 'getpeername(2)', 'getpeername(2): the socket is not connected')
    return sockaddrOf(this.domain, this.remote)
  }

  shutdown(how: number): Denied | number {
    const wrong = badEnd(how)
    if (wrong) return wrong
    if (this.type === 'stream' ? !this.connected && !this.listening : this.remote === undefined)
      return deny('ENOTCONN', 'shutdown(2)', 'shutdown(2): the socket is not connected')
    if (how !== 1) this.incoming.end()
    if (how !== 0) {
      this.sendClosed = true
      if (this.type === 'stream') this.peer?.incoming.end()
    }
    this.changes.wake()
    return 0
  }

  #leave(): void {
    const unread = this.incoming.discard()
    const { peer } = this
    this.peer = undefined
    this.#wasConnected = false
    if (peer === undefined) return
    if (unread) peer.error = 'ECONNRESET'
    peer.incoming.end()
    peer.changes.wake()
  }

  protected end(): void {
    if (this.port !== 0) this.ports.remove(this, this.port)
    for (const waiting of this.#waiting ?? []) waiting.release()
    this.#waiting = undefined
    this.#leave()
    this.incoming.end()
    this.changes.wake()
  }

  /** For the digest. */
  hidden(): object {
    return {
      ...{ attempt: this.#attempt, waiting: this.#waiting, backlog: this.#backlog, seen: this.#seen },
      ...{ wasConnected: this.#wasConnected, keepsPort: this.#keepsPort },
    }
  }
}

// Unix sockets: names in the file system, abstract names of a network namespace, pairs without a name. unix(7)

import type { NetNamespace } from '../ns/net.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Inode } from '../vfs/inode.ts'
import { IN, notify } from '../vfs/notify.ts'
import { wantWrite } from '../vfs/open.ts'
import { checkPermission, mayWrite } from '../vfs/permission.ts'
import { mayBeMissing, mayCreate, newAttributes } from '../vfs/rights.ts'
import { decode, encode } from '../vfs/utf8.ts'
import { AT_FDCWD, lookupIn, newDentry, walk, walkParent } from '../vfs/walk.ts'
import { AF } from './address.ts'
import type { Channel, Sender } from './channel.ts'
import { passesCredentials } from './control.ts'
import { badEnd, type Sending, Socket, type SocketType, senderOf } from './socket.ts'

const pathBytesMost = 108

const noAddress = () => deny('EINVAL', 'unix(7)', 'unix(7): it is no address of a unix socket')

/** `\0name` is abstract, anything else a path; undefined: no name at all (autobind). */
function nameIn(address: Uint8Array): Uint8Array | undefined | Denied {
  if (address.length < 2 || address.length > 2 + pathBytesMost || address[0] !== AF.UNIX) return noAddress()
  const name = address.subarray(2)
  if (name.length === 0) return undefined
  if (name[0] === 0) return name.slice()
  const end = name.indexOf(0)
  return name.slice(0, end < 0 ? name.length : end)
}

/** For maps: a byte is a character. */
const keyOf = (name: Uint8Array): string => String.fromCharCode(...name)

export class UnixSocket extends Socket {
  /** Of a path the text that was bound, with a NUL behind it. */
  bound: Uint8Array | undefined
  #inode: Inode | undefined
  #abstractKey: string | undefined
  /** Of streams the other end; of datagrams where they go by default. */
  peer: UnixSocket | undefined
  /** Who connected, listened or made the pair: SO_PEERCRED. */
  credentials: Sender | undefined
  peerCredentials: Sender | undefined
  #waiting: UnixSocket[] | undefined
  #backlog = 0
  #autobind = 0

  constructor(task: Task, type: SocketType) {
    super(task, AF.UNIX, type, 0)
    if (type !== 'stream') this.incoming.messagesMost = this.namespace.sysctl('unix/max_dgram_qlen') + 1
  }

  get connected(): boolean {
    return this.type === 'dgram' ? this.peer !== undefined : this.peerCredentials !== undefined
  }

  protected override get isIdle(): boolean {
    return this.type !== 'dgram' && !this.connected && !this.listening
  }

  override get listening(): boolean {
    return this.#waiting !== undefined
  }

  /** Both ends of socketpair(2). */
  pairWith(task: Task, other: UnixSocket): void {
    for (const [one, two] of [
      [this, other],
      [other, this],
    ] as const) {
      one.peer = two
      one.credentials = one.peerCredentials = senderOf(task)
    }
  }

  bind(task: Task, address: Uint8Array): Reply {
    const call = 'bind(2)'
    const name = nameIn(address)
    if (isDenied(name)) return name
    // Any name will do, and there is one. unix_autobind()
    if (this.bound && name === undefined) return 0
    if (name === undefined) return this.#bindAnywhere()
    if (name[0] === 0) {
      if (this.bound) return hasName(call)
      const key = keyOf(name)
      if (this.namespace.abstract.has(key))
        return deny('EADDRINUSE', 'NET-005', `${call}: the abstract name is taken in this network namespace`)
      this.#take(key, name)
      return 0
    }
    return this.#bindPath(task, name, call)
  }

  #bindAnywhere(): number {
    for (;;) {
      const name = encode(`\0${(this.#autobind++).toString(16).padStart(5, '0')}`)
      const key = keyOf(name)
      if (this.namespace.abstract.has(key)) continue
      this.#take(key, name)
      return 0
    }
  }

  #take(key: string, name: Uint8Array): void {
    this.namespace.abstract.set(key, this)
    this.#abstractKey = key
    this.bound = name
  }

  #bindPath(task: Task, name: Uint8Array, call: string): Reply {
    const place = walkParent(task, AT_FDCWD, decode(name), { call })
    if (isDenied(place)) return place.errno === 'EEXIST' ? inUse() : place
    const { parent } = place
    if (place.special) return inUse()
    const there = lookupIn(task, parent.dentry, place.name, call)
    if (isDenied(there)) return there
    if (there) return inUse()
    const readonly = mayBeMissing(parent, call) ?? wantWrite(parent, call)
    if (readonly) return readonly
    const made = newAttributes(task, parent, 'socket', 0o777 & ~task.fs.umask)
    const refusal = mayCreate(task, parent, call)
    if (refusal) return refusal
    // Asked when the file could be made. unix_bind_bsd()
    if (this.bound) return hasName(call)
    const { inode: directory } = parent.dentry
    const inode = directory.create?.(task, place.name, made)
    if (inode === undefined) return deny('EPERM', call, `${call}: the file system has no sockets`)
    if (isDenied(inode)) return inode
    const dentry = newDentry(parent.dentry, place.name, inode)
    notify(dentry, IN.CREATE)
    inode.boundSocket = this
    this.#inode = inode
    this.bound = Uint8Array.of(...name, 0)
    return 0
  }

  /** Who has a name: ECONNREFUSED when it is nobody. */
  static find(task: Task, namespace: NetNamespace, address: Uint8Array, call: string): UnixSocket | Denied {
    const name = nameIn(address)
    if (isDenied(name)) return name
    if (name === undefined) return deny('EINVAL', call, `${call}: an empty name is nobody's`)
    if (name[0] === 0)
      return (
        namespace.abstract.get(keyOf(name)) ??
        refused('NET-005', 'nobody has the abstract name in this network namespace')
      )
    const path = walk(task, AT_FDCWD, decode(name), { call })
    if (isDenied(path)) return path
    const { inode } = path.dentry
    const refusal = wantWrite(path, call) ?? checkPermission(task.credentials, path.mount, inode, mayWrite, call)
    if (refusal) return refusal
    if (inode.kind !== 'socket' || !(inode.boundSocket instanceof UnixSocket))
      return refused('unix(7)', 'nobody has the socket of this path open')
    return inode.boundSocket
  }

  connect(task: Task, address: Uint8Array): Reply {
    const call = 'connect(2)'
    const family = address.length >= 2 ? address[0]! | (address[1]! << 8) : -1
    if (this.type === 'dgram') return this.#connectDatagrams(task, address, family, call)
    const target = UnixSocket.find(task, this.namespace, address, call)
    if (isDenied(target)) return target
    if (target.type !== this.type) return deny('EPROTOTYPE', 'unix(7)', `${call}: it is a socket of another type`)
    const again = (): Outcome | undefined => {
      if (target.closed || target.#waiting === undefined) return refused('unix(7)', 'nobody listens')
      if (target.#waiting.length > target.#backlog) return undefined
      // Asked last, under the lock of the other end: unix_stream_connect() in net/unix/af_unix.c
      if (this.connected) return deny('EISCONN', call, `${call}: the socket is connected`)
      if (this.listening) return deny('EINVAL', call, `${call}: the socket listens`)
      this.#join(task, target)
      return { value: 0 }
    }
    const outcome = again()
    if (outcome) return outcome
    if (this.nonblocking(0)) return deny('EAGAIN', 'unix(7)', `${call}: too many connections wait to be accepted`)
    return this.waiting([target.changes], again, 21)
  }

  #connectDatagrams(task: Task, address: Uint8Array, family: number, call: string): Reply {
    if (family === AF.UNSPEC) {
      this.peer = undefined
      return 0
    }
    const target = UnixSocket.find(task, this.namespace, address, call)
    if (isDenied(target)) return target
    if (target.type !== this.type) return deny('EPROTOTYPE', 'unix(7)', `${call}: it is a socket of another type`)
    const deaf = this.#deaf(target, call)
    if (deaf) return deaf
    this.peer = target
    this.peerCredentials = senderOf(task)
    return 0
  }

  /** Who is connected hears its other end only. unix_may_send() */
  #deaf(target: UnixSocket, call: string): Denied | undefined {
    if (target.peer === undefined || target.peer === this) return undefined
    return deny('EPERM', 'unix(7)', `${call}: the other socket is connected, and hears its other end only`)
  }

  #join(task: Task, target: UnixSocket): void {
    const server = new UnixSocket(task, this.type)
    server.peer = this
    server.bound = target.bound
    this.peer = server
    this.peerCredentials = target.credentials
    this.credentials = server.peerCredentials = senderOf(task)
    target.#waiting!.push(server)
    target.changes.wake()
  }

  override listen(task: Task, backlog: number): Denied | number {
    const call = 'listen(2)'
    if (this.type === 'dgram') return super.listen(task, backlog)
    if (this.bound === undefined || this.connected) return deny('EINVAL', call, `${call}: the socket has no name`)
    this.#backlog = Math.min(backlog >>> 0, this.namespace.sysctl('core/somaxconn'))
    this.#waiting ??= []
    this.credentials = senderOf(task)
    this.changes.wake()
    return 0
  }

  override acceptable(): UnixSocket | undefined {
    return this.#waiting?.[0]
  }

  takeConnection(): UnixSocket | undefined {
    const first = this.#waiting?.shift()
    if (first) this.changes.wake()
    return first
  }

  protected override mayReceive(): Denied | undefined {
    if (this.type === 'dgram' || this.connected) return undefined
    return deny(this.type === 'stream' ? 'EINVAL' : 'ENOTCONN', 'unix(7)', 'recv(2): the socket is not connected')
  }

  protected outgoing(): Channel | undefined {
    return this.peer?.incoming
  }

  send(task: Task, sending: Sending): Reply {
    const call = 'send(2)'
    const from = this.bound && this.name()
    if (this.type === 'stream') {
      if (sending.to !== undefined)
        return deny(
          this.connected ? 'EISCONN' : 'EOPNOTSUPP',
          'unix(7)',
          `${call}: a stream goes where it is connected to`,
        )
      if (!this.connected) return deny('ENOTCONN', 'unix(7)', `${call}: the socket is not connected`)
      // A reset is for who receives: unix_stream_sendmsg() looks at the end alone.
      if (this.sendClosed) return this.brokenPipe(task, sending.flags)
      const sender = this.#senderFor(task, this.peer, sending)
      return this.pour(task, { ...sending, ...(sender && { sender }), from }, () => this.#open())
    }
    // Room for the message is asked for before its receiver is looked for; that of a connection since 6.14 only.
    const isClosed = this.sendClosed && this.type === 'dgram' && (sending.to || task.kernel.since(6, 14))
    if (isClosed) {
      const name = sending.to && nameIn(sending.to)
      if (isDenied(name)) return name
      if (sending.to && name === undefined) return noAddress()
      return this.brokenPipe(task, sending.flags)
    }
    const target =
      sending.to === undefined || this.type === 'seqpacket'
        ? this.peer
        : UnixSocket.find(task, this.namespace, sending.to, call)
    if (isDenied(target)) return target
    if (target === undefined)
      return this.connected && this.type === 'seqpacket'
        ? this.brokenPipe(task, sending.flags)
        : deny('ENOTCONN', 'unix(7)', `${call}: the socket is not connected, and there is no address`)
    if (this.sendClosed) return this.brokenPipe(task, sending.flags)
    if (target.type !== this.type) return deny('EPROTOTYPE', 'unix(7)', `${call}: it is a socket of another type`)
    const deaf = this.type === 'dgram' && this.#deaf(target, call)
    if (deaf) return deaf
    if (sending.bytes.length > target.incoming.capacityBytes - 32)
      return deny('EMSGSIZE', 'unix(7)', `${call}: the message is too long`)
    const sender = this.#senderFor(task, target, sending)
    const again = (): Outcome | undefined => {
      if (target.closed && this.type === 'dgram') {
        // Told once: with nobody there it is connected no more. unix_dgram_sendmsg()
        if (this.peer === target) this.peer = undefined
        return refused('unix(7)', 'the receiver is gone')
      }
      if (target.closed || target.incoming.ended) return this.brokenPipe(task, sending.flags)
      if (target.incoming.full) return undefined
      const { rights = [] } = sending
      target.incoming.push({
        ...{ bytes: sending.bytes.slice(), rights },
        ...(sender && { sender }),
        ...(from && { from }),
      })
      return { value: sending.bytes.length }
    }
    const outcome = again()
    if (outcome) return outcome
    if (this.nonblocking(sending.flags))
      return deny('EAGAIN', 'send(2)', `${call}: the receiver has no room, and the call does not wait`)
    return this.waiting([target.incoming.forWriters], again, 21)
  }

  /** Who has sent it: told when it was said, or one of both ends wants to know. maybe_add_creds() */
  #senderFor(task: Task, target: UnixSocket | undefined, { sender }: Sending): Sender | undefined {
    const wanted = passesCredentials(this) || target?.file === undefined || passesCredentials(target)
    return sender ?? (wanted ? senderOf(task) : undefined)
  }

  #open(): Channel | undefined {
    const { peer } = this
    return peer === undefined || peer.closed || peer.incoming.ended ? undefined : peer.incoming
  }

  name(): Uint8Array {
    return Uint8Array.of(AF.UNIX, 0, ...(this.bound ?? []))
  }

  peerName(): Uint8Array | Denied {
    if (this.peer === undefined) return deny('ENOTCONN', 'unix(7)', 'getpeername(2): the socket is not connected')
    return this.peer.name()
  }

  shutdown(how: number): Denied | number {
    const wrong = badEnd(how)
    if (wrong) return wrong
    // Also one that is not connected. unix_shutdown()
    if (how !== 1) {
      this.incoming.end()
      if (this.peer && this.type !== 'dgram') this.peer.sendClosed = true
      this.peer?.changes.wake()
    }
    if (how !== 0) {
      this.sendClosed = true
      if (this.type !== 'dgram') this.peer?.incoming.end()
    }
    return 0
  }

  protected end(): void {
    if (this.#abstractKey !== undefined && !this.peerless) this.namespace.abstract.delete(this.#abstractKey)
    if (this.#inode?.boundSocket === this) this.#inode.boundSocket = undefined
    for (const waiting of this.#waiting ?? []) waiting.release()
    const unread = this.incoming.discard()
    this.incoming.end()
    const { peer } = this
    if (peer && this.type !== 'dgram') {
      if (unread) peer.error = 'ECONNRESET'
      peer.sendClosed = true
      peer.incoming.end()
      peer.changes.wake()
    }
    this.changes.wake()
  }

  /** A connection that was accepted bears the name of its listener, which is not its own. */
  private get peerless(): boolean {
    return this.namespace.abstract.get(this.#abstractKey!) !== this
  }

  /** For the digest. */
  hidden(): object {
    return { inode: this.#inode, abstractKey: this.#abstractKey, waiting: this.#waiting, backlog: this.#backlog }
  }
}

const hasName = (call: string): Denied => deny('EINVAL', call, `${call}: the socket has a name already`)
const inUse = (): Denied => deny('EADDRINUSE', 'unix(7)', 'bind(2): there is something at this path')
const refused = (rule: string, why: string): Denied => deny('ECONNREFUSED', rule, `unix(7): ${why}`)

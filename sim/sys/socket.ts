// Sockets: socket, socketpair, bind, connect, listen, accept4, names, shutdown, options. socket(2), ip(7), unix(7)

import type { Fd, SyscallOf } from '../../core/syscall.ts'
import { capable } from '../credentials.ts'
import { AF } from '../net/address.ts'
import { InetSocket } from '../net/inet.ts'
import { makeNetlink } from '../net/netlink-socket.ts'
import { openSocket } from '../net/open.ts'
import { PacketSocket } from '../net/packet.ts'
import { SOCK, Socket, type SocketType } from '../net/socket.ts'
import { UnixSocket } from '../net/unix.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { release } from '../vfs/open.ts'
import { encode } from '../vfs/utf8.ts'
import { descriptorsMax, fdNumber, fileOf, int } from './arguments.ts'
import { getOption, setOption } from './socket-options.ts'

const flagBits = 0o2004000
const types: Readonly<Record<number, SocketType>> = {
  [SOCK.STREAM]: 'stream',
  [SOCK.DGRAM]: 'dgram',
  [SOCK.RAW]: 'raw',
  [SOCK.SEQPACKET]: 'seqpacket',
}
const IPPROTO = { ICMP: 1, TCP: 6, UDP: 17 } as const

export function socketOf(task: Task, fd: Fd, call: string): Socket | Denied {
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  if (file.operations instanceof Socket) return file.operations
  return deny('ENOTSOCK', call, `${call}: descriptor ${fdNumber(fd)} is no socket`)
}

/** What kind of socket it is to be, and whether the caller may have one. __sock_create() */
function make(task: Task, domain: number, bits: number, protocol: number, call: string): Socket | Denied {
  if (bits & ~0xf & ~flagBits) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const number = bits & 0xf
  if (domain < 0 || domain >= 46) return deny('EAFNOSUPPORT', call, `${call}: there is no such family`)
  if (number >= 11) return deny('EINVAL', call, `${call}: there is no such type`)
  switch (domain) {
    case AF.UNIX:
      if (protocol !== 0 && protocol !== AF.UNIX)
        return deny('EPROTONOSUPPORT', 'unix(7)', `${call}: unix sockets have no protocols`)
      if (number === SOCK.RAW) return new UnixSocket(task, 'dgram')
      if (types[number] === undefined) return deny('ESOCKTNOSUPPORT', call, `${call}: the family has no such type`)
      return new UnixSocket(task, types[number])
    case AF.INET:
    case AF.INET6:
      return makeInet(task, domain, number, protocol, call)
    case AF.NETLINK:
      return makeNetlink(task, number, protocol, call)
    case AF.PACKET:
      if (!capable(task.credentials, 'NET_RAW', task.namespaces.net.owner)) return rawNeeds(call)
      if (number !== SOCK.RAW && number !== SOCK.DGRAM)
        return deny('ESOCKTNOSUPPORT', 'packet(7)', `${call}: packet sockets are raw or datagrams`)
      return new PacketSocket(task, number === SOCK.RAW ? 'raw' : 'dgram', protocol)
  }
  return deny('EAFNOSUPPORT', call, `${call}: the family is not modelled`)
}

const rawNeeds = (call: string): Denied =>
  deny('EPERM', 'NET-014', `${call}: raw and packet sockets need CAP_NET_RAW over the network namespace`)

function makeInet(task: Task, domain: number, number: number, protocol: number, call: string): Socket | Denied {
  const type = types[number]
  if (type === undefined || type === 'seqpacket')
    return deny('ESOCKTNOSUPPORT', call, `${call}: the family has no such type`)
  if (protocol < 0 || protocol >= 263) return deny('EINVAL', call, `${call}: there is no such protocol`)
  const wanted = type === 'stream' ? IPPROTO.TCP : IPPROTO.UDP
  if (type !== 'raw') {
    if (protocol !== 0 && protocol !== wanted) {
      const ping = type === 'dgram' && (protocol === IPPROTO.ICMP || protocol === 58)
      if (!ping) return deny('EPROTONOSUPPORT', call, `${call}: the type does not go with the protocol`)
      if (!mayPing(task)) return deny('EACCES', 'NET-010', `${call}: ping_group_range has none of the caller's groups`)
    }
    return new InetSocket(task, domain, type, protocol || wanted)
  }
  if (protocol === 0) return deny('EPROTONOSUPPORT', 'raw(7)', `${call}: a raw socket has a protocol`)
  if (!capable(task.credentials, 'NET_RAW', task.namespaces.net.owner)) return rawNeeds(call)
  return new InetSocket(task, domain, type, protocol)
}

function mayPing({ credentials, namespaces: { net } }: Task): boolean {
  const first = net.sysctl('ipv4/ping_first')
  const last = net.sysctl('ipv4/ping_last')
  return [credentials.egid, ...credentials.groups].some((gid) => gid >= first && gid <= last)
}

function socket(task: Task, { domain, type, protocol }: SyscallOf<'socket'>): Reply {
  const call = 'socket(2)'
  const made = make(task, int(domain), int(type), int(protocol), call)
  return isDenied(made) ? made : openSocket(task, made, int(type) & flagBits, call)
}

function socketpair(task: Task, { domain, type, protocol }: SyscallOf<'socketpair'>): Reply {
  const call = 'socketpair(2)'
  const bits = int(type)
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  const one = make(task, int(domain), bits, int(protocol), call)
  if (isDenied(one)) return one
  if (!(one instanceof UnixSocket)) {
    one.release()
    return deny('EOPNOTSUPP', call, `${call}: only unix sockets come in pairs`)
  }
  const two = new UnixSocket(task, one.type)
  const first = openSocket(task, one, bits & flagBits, call)
  if (isDenied(first)) {
    two.release()
    return first
  }
  const second = openSocket(task, two, bits & flagBits, call)
  if (isDenied(second)) {
    release(task.files.take(first)!)
    return second
  }
  one.pairWith(task, two)
  const data = new Uint8Array(8)
  new DataView(data.buffer).setInt32(0, first, true)
  new DataView(data.buffer).setInt32(4, second, true)
  return { value: 0, data }
}

export const bytesOf = (value: Uint8Array | string): Uint8Array => (typeof value === 'string' ? encode(value) : value)

function accept(task: Task, { sockfd, addr, flags }: SyscallOf<'accept4'>): Reply {
  const call = 'accept4(2)'
  const bits = int(flags)
  const file = fileOf(task, sockfd, call)
  if (isDenied(file)) return file
  if (bits & ~flagBits) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  const listener = socketOf(task, sockfd, call)
  if (isDenied(listener)) return listener
  if (listener.type === 'dgram' || listener.type === 'raw')
    return deny('EOPNOTSUPP', call, `${call}: this kind of socket takes no connections`)
  if (!listener.listening) return deny('EINVAL', call, `${call}: the socket does not listen`)
  const again = (): Outcome | undefined => {
    if (!listener.acceptable()) return undefined
    const socket = (listener as UnixSocket | InetSocket).takeConnection()!
    const fd = openSocket(task, socket, bits, call)
    if (isDenied(fd)) return fd
    if (addr === null) return { value: fd }
    const peer = socket.peerName()
    const data = addr.slice()
    data.set((isDenied(peer) ? Uint8Array.of(socket.domain, 0) : peer).subarray(0, data.length))
    return { value: fd, data }
  }
  const outcome = again()
  if (outcome) return outcome
  if (listener.nonblocking(0)) return deny('EAGAIN', call, `${call}: nobody has connected, and the call does not wait`)
  return listener.waiting([listener.changes], again, 20)
}

/** What was asked of a socket, once its descriptor has been looked at. */
export function on(task: Task, fd: Fd, call: string, then: (socket: Socket) => Reply): Reply {
  const socket = socketOf(task, fd, call)
  return isDenied(socket) ? socket : then(socket)
}

/** An address as the caller has room for it. */
function address(bytes: Uint8Array | Denied, room: Uint8Array): Outcome {
  if (isDenied(bytes)) return bytes
  const data = room.slice()
  data.set(bytes.subarray(0, room.length))
  return { value: 0, data }
}

export const calls: Calls = {
  socket: partial('unix, inet, inet6, netlink (route, netfilter), packet without packets', (task, args) =>
    socket(task, args),
  ),
  socketpair: full(socketpair),
  bind: full((task, { sockfd, addr }) => on(task, sockfd, 'bind(2)', (it) => it.bind(task, bytesOf(addr)))),
  connect: full((task, { sockfd, addr }) => on(task, sockfd, 'connect(2)', (it) => it.connect(task, bytesOf(addr)))),
  listen: full((task, { sockfd, backlog }) => on(task, sockfd, 'listen(2)', (it) => it.listen(task, int(backlog)))),
  accept4: full(accept),
  shutdown: full((task, { sockfd, how }) =>
    on(task, sockfd, 'shutdown(2)', (it) => {
      const which = int(how)
      if (which < 0 || which > 2) return deny('EINVAL', 'shutdown(2)', 'shutdown(2): it takes 0, 1 or 2')
      return it.shutdown(which)
    }),
  ),
  getsockname: full((task, { sockfd, addr }) => on(task, sockfd, 'getsockname(2)', (it) => address(it.name(), addr))),
  getpeername: full((task, { sockfd, addr }) =>
    on(task, sockfd, 'getpeername(2)', (it) => address(it.peerName(), addr)),
  ),
  setsockopt: partial('common options', (task, { sockfd, level, optname, optval }) =>
    on(task, sockfd, 'setsockopt(2)', (it) => setOption(task, it, int(level), int(optname), bytesOf(optval))),
  ),
  getsockopt: partial('common options', (task, { sockfd, level, optname, optval }) =>
    on(task, sockfd, 'getsockopt(2)', (it) => getOption(task, it, int(level), int(optname), optval)),
  ),
}

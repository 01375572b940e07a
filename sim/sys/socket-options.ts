// Options of sockets: those that the model goes by, and those that are only kept. socket(7), ip(7), unix(7)

import { errnoNumbers } from '../../core/errno.ts'
import { capable } from '../credentials.ts'
import { AF } from '../net/address.ts'
import { ucred } from '../net/control.ts'
import { InetSocket } from '../net/inet.ts'
import { SOCK, type Socket } from '../net/socket.ts'
import { UnixSocket } from '../net/unix.ts'
import { type Denied, deny, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'

const SOL_SOCKET = 1
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const SO = {
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  SNDBUF: 7,
  RCVBUF: 8,
  REUSEPORT: 15,
  PEERCRED: 17,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  ACCEPTCONN: 30,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  MARK: 36,
  PROTOCOL: 38,
  DOMAIN: 39,
  PEEK_OFF: 42,
} as const
const kept: ReadonlySet<number> = new Set([
  1, 5, 6, 9, 10, 11, 12, 13, 16, 18, 19, 29, 34, 35, 37, 40, 41, 44, 45, 46, 47,
])
const SO_PASSCRED = 16

/** Since Linux 6.16 only sockets that can: unix and netlink. sk_may_scm_recv() */
const tellsSenders = ({ kernel }: Task, { domain }: Socket): boolean =>
  !kernel.since(6, 16) || domain === AF.UNIX || domain === AF.NETLINK
const noSenders = (call: string): Denied => deny('EOPNOTSUPP', 'socket(7)', `${call}: such sockets tell no senders`)

const levels: ReadonlySet<number> = new Set([0, 6, 17, 41, 270])

export function setOption(task: Task, socket: Socket, level: number, name: number, value: Uint8Array): Denied | number {
  const call = 'setsockopt(2)'
  const isTime = level === SOL_SOCKET && (name === SO.RCVTIMEO || name === SO.SNDTIMEO)
  if (value.length < (isTime ? 16 : 4) && !(level === 0 && value.length >= 1))
    return deny('EINVAL', call, `${call}: the value is too short`)
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const number = value.length >= 4 ? view.getInt32(0, true) : value[0]!
  if (level === IPPROTO_IPV6 && name === IPV6_V6ONLY && socket instanceof InetSocket) {
    if (socket.port !== 0) return deny('EINVAL', 'ipv6(7)', `${call}: the socket is bound`)
    socket.v6only = number !== 0
    return 0
  }
  if (level !== SOL_SOCKET) return keep(socket, level, name, number, call)
  if (name === SO_PASSCRED && !tellsSenders(task, socket)) return noSenders(call)
  switch (name) {
    case SO.REUSEADDR:
      if (socket instanceof InetSocket) socket.reuseAddress = number !== 0
      return keep(socket, level, name, number ? 1 : 0, call)
    case SO.REUSEPORT:
      if (socket instanceof InetSocket) socket.reusePort = number !== 0
      return keep(socket, level, name, number ? 1 : 0, call)
    case SO.SNDBUF:
    case SO.RCVBUF:
    case SO.SNDBUFFORCE:
    case SO.RCVBUFFORCE: {
      const forces = name >= SO.SNDBUFFORCE
      if (forces && !capable(task.credentials, 'NET_ADMIN', socket.namespace.owner)) return needsAdmin(call)
      const bytes = Math.max(2304, 2 * (forces ? number : Math.min(number, 212_992)))
      const which = name === SO.SNDBUF || name === SO.SNDBUFFORCE ? SO.SNDBUF : SO.RCVBUF
      if (which === SO.RCVBUF) socket.incoming.capacityBytes = bytes
      return keep(socket, level, which, bytes, call)
    }
    case SO.MARK:
      if (!capable(task.credentials, 'NET_ADMIN', socket.namespace.owner)) return needsAdmin(call)
      return keep(socket, level, name, number, call)
    case SO.RCVTIMEO:
    case SO.SNDTIMEO: {
      const ns = Number(view.getBigInt64(0, true)) * 1e9 + Number(view.getBigInt64(8, true)) * 1000
      return keep(socket, level, name, ns, call)
    }
    default:
      if (kept.has(name)) return keep(socket, level, name, number, call)
      return deny('ENOPROTOOPT', call, `${call}: there is no such option, or it cannot be set`)
  }
}

const needsAdmin = (call: string): Denied =>
  deny('EPERM', 'socket(7)', `${call}: the option needs CAP_NET_ADMIN over the network namespace`)

function keep(socket: Socket, level: number, name: number, value: number, call: string): Denied | number {
  const known = level === SOL_SOCKET || (levels.has(level) && !(socket instanceof UnixSocket))
  if (!known)
    return deny(
      socket instanceof UnixSocket ? 'EOPNOTSUPP' : 'ENOPROTOOPT',
      call,
      `${call}: this kind of socket has no options of this level`,
    )
  const place = `${level} ${name}`
  const [least, most, takesBack] = limits[place] ?? []
  if (takesBack && value === -1) socket.options.delete(place)
  else if (least !== undefined && (value < least || value > most!))
    return deny('EINVAL', call, `${call}: the value of the option is from ${least} to ${most}`)
  else socket.options.set(place, value)
  return 0
}

/** What values may be, by level and name; with `true` -1 is the usual one. do_tcp_setsockopt(), do_ip_setsockopt() */
const limits: Readonly<Record<string, readonly [least: number, most: number, takesBack?: true]>> = {
  '0 2': [1, 255, true],
  '6 4': [1, 32_767],
  '6 5': [1, 32_767],
  '6 6': [1, 127],
  '41 16': [0, 255, true],
}

/** What a socket goes by that was told nothing: how far packets go, and when a connection is asked whether it still is. */
function usual({ namespace, type }: Socket, place: string): number {
  if (place === '0 2') return namespace.sysctl('ipv4/ip_default_ttl')
  if (place === '41 16') return 64
  if (type !== 'stream') return 0
  return { '6 4': namespace.sysctl('ipv4/tcp_keepalive_time'), '6 5': 75, '6 6': 9 }[place] ?? 0
}

const int32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

export function getOption(task: Task, socket: Socket, level: number, name: number, room: Uint8Array): Reply {
  const value = optionOf(task, socket, level, name)
  if (!(value instanceof Uint8Array)) return value
  const data = room.slice()
  data.set(value.subarray(0, room.length))
  return { value: 0, data }
}

function optionOf(task: Task, socket: Socket, level: number, name: number): Uint8Array | Denied {
  const call = 'getsockopt(2)'
  if (level === IPPROTO_IPV6 && name === IPV6_V6ONLY && socket instanceof InetSocket)
    return int32(socket.v6only ? 1 : 0)
  if (level === SOL_SOCKET && name === SO_PASSCRED && !tellsSenders(task, socket)) return noSenders(call)
  if (level !== SOL_SOCKET) {
    const place = `${level} ${name}`
    if (levels.has(level)) return int32(socket.options.get(place) ?? usual(socket, place))
    return deny('EOPNOTSUPP', call, `${call}: this kind of socket has no options of this level`)
  }
  switch (name) {
    case SO.TYPE:
      return int32({ stream: SOCK.STREAM, dgram: SOCK.DGRAM, raw: SOCK.RAW, seqpacket: SOCK.SEQPACKET }[socket.type])
    case SO.DOMAIN:
      return int32(socket.domain)
    case SO.PROTOCOL:
      return int32(socket.protocol)
    case SO.ACCEPTCONN:
      return int32(socket.listening ? 1 : 0)
    case SO.ERROR: {
      const error = socket.takeError()
      return int32(error === undefined ? 0 : errnoNumbers[error])
    }
    case SO.SNDBUF:
    case SO.RCVBUF:
      return int32(socket.options.get(`1 ${name}`) ?? 212_992)
    case SO.PEERCRED:
      return peerCredentials(task, socket)
    case SO.RCVTIMEO:
    case SO.SNDTIMEO: {
      const ns = socket.options.get(`1 ${name}`) ?? 0
      const bytes = new Uint8Array(16)
      const view = new DataView(bytes.buffer)
      view.setBigInt64(0, BigInt(Math.floor(ns / 1e9)), true)
      view.setBigInt64(8, BigInt(Math.floor((ns % 1e9) / 1000)), true)
      return bytes
    }
  }
  if (name === SO.REUSEADDR || name === SO.REUSEPORT || name === SO.MARK || kept.has(name))
    return int32(socket.options.get(`1 ${name}`) ?? 0)
  return deny('ENOPROTOOPT', call, `${call}: there is no such option`)
}

/** struct ucred of the other end. */
function peerCredentials(task: Task, socket: Socket): Uint8Array {
  const peer = socket instanceof UnixSocket ? socket.peerCredentials : undefined
  return peer ? ucred(task, peer) : Uint8Array.of(0, 0, 0, 0, ...new Array<number>(8).fill(255))
}

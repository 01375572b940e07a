// Addresses of wasi:sockets/network and struct sockaddr, and what TCP and UDP sockets have in common.
// https://github.com/WebAssembly/wasi-sockets/blob/main/wit/network.wit

import type { Syscall } from '../../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { trap } from '../calls.ts'
import { type NetworkError, networkError, refuse } from './errors.ts'
import type { Refused, Type } from './layout.ts'
import {
  answers,
  type Context,
  dropping,
  type Interface,
  keep,
  type SocketState,
  type Steps,
  tells,
  the,
} from './resources.ts'

export const AF_INET = 2
export const AF_INET6 = 10
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000
/** Of sockets that are made or accepted: what would wait is answered `would-block`. */
export const socketFlags = SOCK_NONBLOCK | SOCK_CLOEXEC
const [IPPROTO_IPV6, IPV6_V6ONLY] = [41, 26]
const sockaddrBytes = { [AF_INET]: 16, [AF_INET6]: 28 }

const address4: Type = { record: ['u8', 'u8', 'u8', 'u8'] }
const address6: Type = { record: ['u16', 'u16', 'u16', 'u16', 'u16', 'u16', 'u16', 'u16'] }
export const ipAddress: Type = { variant: [address4, address6] }
export const socketAddress: Type = {
  variant: [{ record: ['u16', address4] }, { record: ['u16', 'u32', address6, 'u32'] }],
}
export const done = { result: [null, 'network'] } as const satisfies Type

/** Eight numbers of 16 bits. */
const wordsOf = (bytes: Uint8Array) =>
  Array.from({ length: 8 }, (_, index) => (bytes[2 * index]! << 8) | bytes[2 * index + 1]!)

/** ip-address. @param bytes - 4 or 16 */
export const ipAddressOf = (bytes: Uint8Array) => (bytes.length === 4 ? [0, [...bytes]] : [1, wordsOf(bytes)])

/** ip-socket-address of a struct sockaddr. */
export function socketAddressOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const port = view.getUint16(2)
  if (view.getUint16(0, true) === AF_INET) return [0, [port, [...bytes.subarray(4, 8)]]]
  return [1, [port, view.getUint32(4), wordsOf(bytes.subarray(8, 24)), view.getUint32(24, true)]]
}

/** struct sockaddr of an ip-socket-address: its case, and the numbers in it. ip(7), ipv6(7) */
export function sockaddr([which, port, ...rest]: readonly number[]): Uint8Array {
  if (which! >>> 0 > 1) trap('an address is of no family')
  const bytes = new Uint8Array(which === 0 ? 16 : 28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, which === 0 ? AF_INET : AF_INET6, true)
  view.setUint16(2, port!)
  if (which === 0) bytes.set(rest.slice(0, 4), 4)
  else {
    const [flow, ...words] = rest
    view.setUint32(4, flow!)
    for (let index = 0; index < 8; index++) view.setUint16(8 + 2 * index, words[index]!)
    view.setUint32(24, words[8]!, true)
  }
  return bytes
}

const ipOf = (address: Uint8Array) => (address.length === 16 ? address.subarray(4, 8) : address.subarray(8, 24))
const startsWith = (bytes: Uint8Array, ...first: number[]) => first.every((byte, at) => bytes[at] === byte)

/** An address that stands for one of IPv4 is not taken, as sockets of IPv6 have nothing to do with IPv4. */
const isMapped = (ip: Uint8Array) => ip.length === 16 && startsWith(ip, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255)
const isMany = (ip: Uint8Array) =>
  ip.length === 16 ? ip[0] === 255 : ip[0]! >> 4 === 14 || startsWith(ip, 255, 255, 255, 255)

/** Whether an address is `invalid-argument`: of another family; or, of the other end, none that can be reached. */
export function isInvalid(address: Uint8Array, family: number, isRemote: boolean): boolean {
  const ip = ipOf(address)
  if (address[0] !== family || isMapped(ip)) return true
  return isRemote && (ip.every((byte) => byte === 0) || startsWith(address.subarray(2), 0, 0))
}

/** The same for TCP, where an address is that of one. */
export const isInvalidForOne = (address: Uint8Array, family: number, isRemote: boolean) =>
  isInvalid(address, family, isRemote) || isMany(ipOf(address))

/** What a call is told in a state in which it cannot be made. */
export const wrongState = (state: SocketState): Refused =>
  refuse(state.endsWith('-in-progress') ? 'concurrency-conflict' : 'invalid-state')

/** One call, which answers nothing but whether it was done. */
export function* does(call: Syscall, here: Readonly<Record<string, NetworkError>> = {}): Steps<Refused | undefined> {
  const outcome = yield call
  return isDenied(outcome) ? networkError(outcome, here) : undefined
}

/** A socket that knows nothing of the other family. @param which - ip-address-family. socket(2) */
export function* create(which: number, type: number): Steps<{ fd: number; family: number } | Refused> {
  const family = which === 0 ? AF_INET : AF_INET6
  const made: Outcome = yield { name: 'socket', domain: family, type: type | socketFlags, protocol: 0 }
  if (isDenied(made)) return networkError(made)
  const optval = Uint8Array.of(1, 0, 0, 0)
  if (family === AF_INET6)
    yield { name: 'setsockopt', sockfd: made.value, level: IPPROTO_IPV6, optname: IPV6_V6ONLY, optval }
  return { fd: made.value, family }
}

/** getsockname(2), getpeername(2) */
export function* nameOf(name: 'getsockname' | 'getpeername', sockfd: number, family: number): Steps {
  const addr = new Uint8Array(sockaddrBytes[family as 2 | 10])
  const outcome: Outcome = yield { name, sockfd, addr, addrlen: Uint8Array.of(addr.length, 0, 0, 0) }
  return isDenied(outcome) ? networkError(outcome) : socketAddressOf(outcome.data!)
}

/** bind(2) is made when it starts: it does not wait. */
export const binding = (kind: 'tcp' | 'udp', before: (sockfd: number) => readonly Syscall[]): Interface => ({
  [`[method]${kind}-socket.start-bind`]: answers(done, function* (context: Context, self, network, ...flat: number[]) {
    the(context, 'network', network)
    const socket = the(context, kind, self)
    if (socket.state !== 'unbound') return wrongState(socket.state)
    const addr = sockaddr(flat)
    if ((kind === 'tcp' ? isInvalidForOne : isInvalid)(addr, socket.family, false)) return refuse('invalid-argument')
    const sockfd = socket.held.fd
    for (const call of before(sockfd)) yield call
    const refusal = yield* does({ name: 'bind', sockfd, addr })
    if (!refusal) socket.state = 'bind-in-progress'
    return refusal
  }),
  [`[method]${kind}-socket.finish-bind`]: finishing(kind, 'bind-in-progress', 'bound'),
})

/** Says that what was started has ended. */
export const finishing = (kind: 'tcp' | 'udp', from: SocketState, to: SocketState) =>
  tells(done, (context, self) => {
    const socket = the(context, kind, self)
    if (socket.state !== from) return refuse('not-in-progress')
    socket.state = to
    return undefined
  })

export const network: Interface = {
  'network-error-code': tells({ option: 'network' }, (context, self) => {
    const { refused } = networkError({ errno: the(context, 'error', self).errno })
    return refused === 0 ? undefined : refused
  }),
  '[resource-drop]network': dropping,
}

/** Of the process: what its network namespace has. */
export const instanceNetwork: Interface = {
  'instance-network': tells('u32', (context) => {
    return keep(context, { kind: 'network' })
  }),
}

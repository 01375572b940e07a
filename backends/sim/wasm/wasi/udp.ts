// wasi:sockets/udp: datagrams. https://github.com/WebAssembly/wasi-sockets/blob/main/wit/udp.wit

import { receivedMessage } from '../../../../core/message.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { trap } from '../calls.ts'
import { networkError, refuse } from './errors.ts'
import type { Type } from './layout.ts'
import { answers, type Context, dropping, type Interface, keep, type Steps, share, tells, the } from './resources.ts'
import { isReady, MSG_NOSIGNAL, nobytes, POLLIN, POLLOUT } from './sending.ts'
import { udpOptions } from './socket-options.ts'
import {
  AF_INET,
  binding,
  create,
  does,
  isInvalid,
  nameOf,
  sockaddr,
  socketAddress,
  socketAddressOf,
  wrongState,
} from './socket-words.ts'

const SOCK_DGRAM = 2
/** Of struct sockaddr: AF_UNSPEC, which ends what connect(2) has begun. */
const nobody = new Uint8Array(16)
/** One call moves so many at most. */
const datagramsMost = 16
const room = { nameBytes: 28, iov: [65_536], controlBytes: 0 }
/** outgoing-datagram in memory, and in it its address: what says whether there is one, its case, and what is in it. */
const [datagramBytes, hasAddress, addressCase, addressAt] = [44, 8, 12, 16]

const address = { result: [socketAddress, 'network'] } as const satisfies Type
const pair = { result: [{ record: ['u32', 'u32'] }, 'network'] } as const satisfies Type

/** Bound, and connected to one or to nobody; the streams of before are gone. */
function* stream(context: Context, self: number, isGiven: number, ...flat: number[]): Steps {
  const socket = the(context, 'udp', self)
  if (socket.state !== 'bound') return wrongState(socket.state)
  if (socket.held.users > 1) trap('a socket gets new streams while its old ones are still there')
  const remote = isGiven ? sockaddr(flat) : undefined
  if (remote && isInvalid(remote, socket.family, true)) return refuse('invalid-argument')
  const sockfd = socket.held.fd
  if (socket.remote) yield { name: 'connect', sockfd, addr: nobody }
  const refusal =
    remote && (yield* does({ name: 'connect', sockfd, addr: remote }, { EADDRNOTAVAIL: 'address-in-use' }))
  socket.remote = refusal ? undefined : remote
  if (refusal) return refusal
  return [
    keep(context, { kind: 'incoming', held: share(socket.held), remote }),
    keep(context, { kind: 'outgoing', held: share(socket.held), family: socket.family, remote, permitted: 0 }),
  ]
}

const isSame = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, at) => byte === other[at])

function* receive(context: Context, self: number, most: bigint): Steps {
  const { held, remote } = the(context, 'incoming', self)
  const wanted = BigInt.asUintN(64, most)
  const count = wanted < datagramsMost ? Number(wanted) : datagramsMost
  const datagrams: unknown[] = []
  while (datagrams.length < count) {
    const outcome: Outcome = yield { name: 'recvmsg', sockfd: held.fd, msg: room, flags: 0 }
    if (isDenied(outcome)) {
      if (outcome.errno === 'EINTR') continue
      if (outcome.errno === 'EAGAIN' || datagrams.length > 0) break
      return networkError(outcome)
    }
    const { name, bytes } = receivedMessage(room, outcome.value, outcome.data!)
    // One that came before it was connected may be from another.
    if (!remote || isSame(name, remote)) datagrams.push([bytes, socketAddressOf(name)])
  }
  return datagrams
}

function* checkSend(context: Context, self: number): Steps {
  const outgoing = the(context, 'outgoing', self)
  const permitted = (yield* isReady(outgoing.held.fd, POLLOUT)) ? datagramsMost : 0
  outgoing.permitted = permitted
  return permitted
}

/** To whom a datagram goes, as struct sockaddr; undefined is whom the socket is connected to. */
function destination(memory: DataView, at: number, remote: Uint8Array | undefined): Uint8Array | undefined | 'invalid' {
  if (memory.getUint8(at + hasAddress) === 0) return remote ? undefined : 'invalid'
  const place = at + addressAt
  const which = memory.getUint8(at + addressCase)
  const numbers =
    which === 0
      ? [2, 3, 4, 5].map((offset) => memory.getUint8(place + offset))
      : [
          memory.getUint32(place + 4, true),
          ...Array.from({ length: 8 }, (_, index) => memory.getUint16(place + 8 + 2 * index, true)),
          memory.getUint32(place + 24, true),
        ]
  const to = sockaddr([which, memory.getUint16(place, true), ...numbers])
  if (!remote) return to
  return isSame(to, remote) ? undefined : 'invalid'
}

function* send(context: Context, self: number, start: number, length: number): Steps {
  const outgoing = the(context, 'outgoing', self)
  const { held, remote, family } = outgoing
  const count = length >>> 0
  if (count > outgoing.permitted) trap('more datagrams are sent than check-send has permitted')
  const data = context.bytes(start, datagramBytes * count)
  const memory = new DataView(data.buffer)
  let sent = 0
  let refusal: { refused: number } | undefined
  while (sent < count && !refusal) {
    const at = datagramBytes * sent
    const to = destination(memory, at, remote)
    if (to === 'invalid' || (to && isInvalid(to, family, true))) refusal = refuse('invalid-argument')
    else {
      const buf = context.bytes(memory.getUint32(at, true), memory.getUint32(at + 4, true))
      const call = { name: 'sendto', sockfd: held.fd, buf, flags: MSG_NOSIGNAL, dest_addr: to ?? nobytes } as const
      const outcome: Outcome = yield call
      if (!isDenied(outcome)) sent += 1
      else if (outcome.errno === 'EAGAIN') break
      else if (outcome.errno !== 'EINTR') refusal = networkError(outcome)
    }
  }
  outgoing.permitted = 0
  return refusal && sent === 0 ? refusal : sent
}

const pollable = (kind: 'incoming' | 'outgoing', events: number) =>
  tells('u32', (context, self) => {
    return keep(context, { kind: 'pollable', fd: the(context, kind, self).held.fd, events })
  })

export const udp: Interface = {
  ...binding('udp', () => []),
  ...udpOptions,
  '[method]udp-socket.stream': answers(pair, stream),
  '[method]udp-socket.local-address': answers(address, function* (context, self) {
    const { held, state, family } = the(context, 'udp', self)
    return state === 'bound' ? yield* nameOf('getsockname', held.fd, family) : refuse('invalid-state')
  }),
  '[method]udp-socket.remote-address': answers(address, function* (context, self) {
    const { held, remote, family } = the(context, 'udp', self)
    return remote ? yield* nameOf('getpeername', held.fd, family) : refuse('invalid-state')
  }),
  '[method]udp-socket.address-family': tells('u32', (context, self) => {
    return the(context, 'udp', self).family === AF_INET ? 0 : 1
  }),
  '[method]udp-socket.subscribe': tells('u32', (context, self) => {
    the(context, 'udp', self)
    return keep(context, { kind: 'pollable', events: 0 })
  }),
  '[resource-drop]udp-socket': dropping,
  '[method]incoming-datagram-stream.receive': answers(
    { result: [{ list: { record: ['bytes', socketAddress] } }, 'network'] },
    receive,
  ),
  '[method]incoming-datagram-stream.subscribe': pollable('incoming', POLLIN),
  '[resource-drop]incoming-datagram-stream': dropping,
  '[method]outgoing-datagram-stream.check-send': answers({ result: ['u64', 'network'] }, checkSend),
  '[method]outgoing-datagram-stream.send': answers({ result: ['u64', 'network'] }, send),
  '[method]outgoing-datagram-stream.subscribe': pollable('outgoing', POLLOUT),
  '[resource-drop]outgoing-datagram-stream': dropping,
}

export const udpCreate: Interface = {
  'create-udp-socket': answers({ result: ['u32', 'network'] }, function* (context, which) {
    const made = yield* create(which, SOCK_DGRAM)
    if ('refused' in made) return made
    const { fd, family } = made
    return keep(context, { kind: 'udp', held: { fd, users: 1 }, family, state: 'unbound', remote: undefined })
  }),
}

// wasi:sockets/tcp: connections, listening for them, and their streams. What waits is asked for and finished in two calls.
// https://github.com/WebAssembly/wasi-sockets/blob/main/wit/tcp.wit

import { errnoNumbers } from '../../../../core/errno.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { networkError, refuse } from './errors.ts'
import type { Type } from './layout.ts'
import {
  answers,
  type Context,
  dropping,
  type Held,
  type Interface,
  keep,
  type Steps,
  share,
  tells,
  the,
} from './resources.ts'
import { isReady, nobytes, POLLOUT, push } from './sending.ts'
import { readOption, tcpOptions } from './socket-options.ts'
import {
  AF_INET,
  binding,
  create,
  does,
  done,
  finishing,
  isInvalidForOne,
  nameOf,
  sockaddr,
  socketAddress,
  socketFlags,
  wrongState,
} from './socket-words.ts'

const SOCK_STREAM = 1
const [SOL_SOCKET, SO_REUSEADDR, SO_ERROR] = [1, 2, 4]
const [SHUT_RD, SHUT_WR] = [0, 1]
const backlogMost = 0x7fffffffn
/** As programs of WASI have it that ask for none. */
const backlogUsual = 128

const address = { result: [socketAddress, 'network'] } as const satisfies Type
const pair = { result: [{ record: ['u32', 'u32'] }, 'network'] } as const satisfies Type
const triple = { result: [{ record: ['u32', 'u32', 'u32'] }, 'network'] } as const satisfies Type

const streamsOf = (context: Context, held: Held): [number, number] => [
  keep(context, { kind: 'input', held: share(held) }),
  keep(context, { kind: 'output', held: share(held), pending: nobytes }),
]

function* startConnect(context: Context, self: number, network: number, ...flat: number[]): Steps {
  the(context, 'network', network)
  const socket = the(context, 'tcp', self)
  if (socket.state !== 'unbound' && socket.state !== 'bound') return wrongState(socket.state)
  const addr = sockaddr(flat)
  const refusal = isInvalidForOne(addr, socket.family, true)
    ? refuse('invalid-argument')
    : // No port was found for it.
      yield* does({ name: 'connect', sockfd: socket.held.fd, addr }, { EADDRNOTAVAIL: 'address-in-use' })
  const goesOn = refusal === undefined || refusal.refused === refuse('would-block').refused
  socket.state = goesOn ? 'connect-in-progress' : 'closed'
  return goesOn ? undefined : refusal
}

/** It is made when it can be written to; what has become of it is told once. connect(2), EINPROGRESS */
function* finishConnect(context: Context, self: number): Steps {
  const socket = the(context, 'tcp', self)
  if (socket.state !== 'connect-in-progress') return refuse('not-in-progress')
  const { fd } = socket.held
  if (!(yield* isReady(fd, POLLOUT))) return refuse('would-block')
  const number = yield* readOption(fd, [SOL_SOCKET, SO_ERROR])
  socket.state = number === 0 ? 'connected' : 'closed'
  if (typeof number !== 'number') return number
  if (number === 0) return streamsOf(context, socket.held)
  const errno = Object.entries(errnoNumbers).find(([, one]) => one === number)?.[0] ?? ''
  return networkError({ errno }, { EADDRNOTAVAIL: 'address-in-use' })
}

function* startListen(context: Context, self: number): Steps {
  const socket = the(context, 'tcp', self)
  if (socket.state !== 'bound') return wrongState(socket.state)
  const refusal = yield* does({ name: 'listen', sockfd: socket.held.fd, backlog: socket.backlog })
  socket.state = refusal ? 'closed' : 'listen-in-progress'
  return refusal
}

function* accept(context: Context, self: number): Steps {
  const { held, state, family, backlog } = the(context, 'tcp', self)
  if (state !== 'listening') return refuse('invalid-state')
  const taken: Outcome = yield { name: 'accept4', sockfd: held.fd, addr: null, addrlen: null, flags: socketFlags }
  if (isDenied(taken)) return networkError(taken)
  const own = { fd: taken.value, users: 1 }
  return [keep(context, { kind: 'tcp', held: own, family, state: 'connected', backlog }), ...streamsOf(context, own)]
}

function* setBacklog(context: Context, self: number, value: bigint): Steps {
  const socket = the(context, 'tcp', self)
  const wanted = BigInt.asUintN(64, value)
  if (wanted === 0n) return refuse('invalid-argument')
  if (/^conn|closed/.test(socket.state)) return refuse('invalid-state')
  const backlog = Number(wanted < backlogMost ? wanted : backlogMost)
  const listens = socket.state === 'listening' || socket.state === 'listen-in-progress'
  const refusal = listens ? yield* does({ name: 'listen', sockfd: socket.held.fd, backlog }) : undefined
  if (!refusal) socket.backlog = backlog
  return refusal
}

/** What is pending goes before the end. @param how - shutdown-type, which is numbered as in shutdown(2) */
function* shutdown(context: Context, self: number, how: number): Steps {
  const { held, state } = the(context, 'tcp', self)
  if (state !== 'connected') return refuse('invalid-state')
  const written = [...context.standard.resources.values()].find((one) => one.kind === 'output' && one.held === held)
  const pending = how !== SHUT_RD && written?.kind === 'output' ? written.pending : undefined
  if (pending?.length) yield* push(held.fd, pending, nobytes, true)
  const refusal = yield* does({ name: 'shutdown', sockfd: held.fd, how })
  if (pending && written?.kind === 'output') written.pending = nobytes
  if (!refusal && how !== SHUT_WR) held.isDeaf = true
  return refusal
}

function* localAddress(context: Context, self: number): Steps {
  const { held, state, family } = the(context, 'tcp', self)
  if (state === 'unbound' || state === 'bind-in-progress' || state === 'closed') return refuse('invalid-state')
  return yield* nameOf('getsockname', held.fd, family)
}

function* remoteAddress(context: Context, self: number): Steps {
  const { held, state, family } = the(context, 'tcp', self)
  return state === 'connected' ? yield* nameOf('getpeername', held.fd, family) : refuse('invalid-state')
}

export const tcp: Interface = {
  // A port of which old connections are left is taken all the same. SO_REUSEADDR, socket(7)
  ...binding('tcp', (sockfd) => [
    {
      ...{ name: 'setsockopt', sockfd, level: SOL_SOCKET, optname: SO_REUSEADDR },
      optval: Uint8Array.of(1, 0, 0, 0),
    },
  ]),
  '[method]tcp-socket.start-connect': answers(done, startConnect),
  '[method]tcp-socket.finish-connect': answers(pair, finishConnect),
  '[method]tcp-socket.start-listen': answers(done, startListen),
  '[method]tcp-socket.finish-listen': finishing('tcp', 'listen-in-progress', 'listening'),
  '[method]tcp-socket.accept': answers(triple, accept),
  '[method]tcp-socket.local-address': answers(address, localAddress),
  '[method]tcp-socket.remote-address': answers(address, remoteAddress),
  '[method]tcp-socket.is-listening': tells('u32', (context, self) => {
    return the(context, 'tcp', self).state === 'listening' ? 1 : 0
  }),
  '[method]tcp-socket.address-family': tells('u32', (context, self) => {
    return the(context, 'tcp', self).family === AF_INET ? 0 : 1
  }),
  '[method]tcp-socket.set-listen-backlog-size': answers(done, setBacklog),
  ...tcpOptions,
  '[method]tcp-socket.subscribe': tells('u32', (context, self) => {
    the(context, 'tcp', self)
    return keep(context, { kind: 'pollable', events: 0, socket: self })
  }),
  '[method]tcp-socket.shutdown': answers(done, shutdown),
  '[resource-drop]tcp-socket': dropping,
}

export const tcpCreate: Interface = {
  'create-tcp-socket': answers({ result: ['u32', 'network'] }, function* (context, which) {
    const made = yield* create(which, SOCK_STREAM)
    if ('refused' in made) return made
    const { fd, family } = made
    return keep(context, {
      ...{ kind: 'tcp', held: { fd, users: 1 }, family, state: 'unbound', backlog: backlogUsual },
    })
  }),
}

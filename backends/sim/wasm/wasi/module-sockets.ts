// WASI 0.1: sockets that a module was started with, and connections that it takes from them; it can make none itself.
// https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md

import { receivedMessage } from '../../../../core/message.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import {
  asks,
  ended,
  errnoFrom,
  errnoOf,
  type ModuleContext,
  type ModuleFunctions,
  numberFor,
  scatter,
  vectors,
} from './module-context.ts'
import { EBADF, EINVAL, linux, O_CLOEXEC, opened, writeFrom } from './module-descriptors.ts'
import { MSG_NOSIGNAL, nobytes } from './sending.ts'

const ENOTSOCK = errnoOf('ENOTSOCK')
const O_NONBLOCK = 0x800
const MSG_TRUNC = 0x20
/** riflags: MSG_PEEK and MSG_WAITALL. */
const receiveFlags = [2, 0x100]
/** Of roflags: there was more of a datagram than room. */
const isTruncated = 1

/** The descriptor of a number; negative is an errno: it stands for nothing, or for the root. */
const socketOf = (context: ModuleContext, number: number): number => {
  const found = opened(context, number)
  return found && !found.isRoot ? found.fd : -(found ? ENOTSOCK : EBADF)
}

export const socketFunctions: ModuleFunctions = {
  sock_accept: asks('iii', function* (context, number, flags, to) {
    const sockfd = socketOf(context, number)
    if (sockfd < 0) return -sockfd
    // Of fdflags, NONBLOCK is the third.
    const how = linux(flags >> 2, [O_NONBLOCK]) | O_CLOEXEC
    const outcome: Outcome = yield { name: 'accept4', sockfd, addr: null, addrlen: null, flags: how }
    if (isDenied(outcome)) return errnoFrom(outcome)
    context.write32(to, numberFor(context, outcome.value))
    return undefined
  }),
  sock_recv: asks('iiiiii', function* (context, number, at, count, flags, counted, told) {
    const sockfd = socketOf(context, number)
    const parts = vectors(context, at, count)
    if (sockfd < 0 || !parts) return sockfd < 0 ? -sockfd : EINVAL
    const msg = { nameBytes: 0, iov: parts.map(([, length]) => length), controlBytes: 0 }
    const outcome: Outcome = yield { name: 'recvmsg', sockfd, msg, flags: linux(flags, receiveFlags) }
    if (isDenied(outcome)) return errnoFrom(outcome)
    const got = receivedMessage(msg, outcome.value, outcome.data!)
    scatter(context, parts, got.bytes)
    context.write32(counted, got.bytes.length)
    context.write(told, Uint8Array.of(got.flags & MSG_TRUNC ? isTruncated : 0, 0))
    return undefined
  }),
  sock_send: asks('iiiii', (context, number, at, count, _flags, counted) =>
    writeFrom(context, number, [at, count, counted], (sockfd, buf) => ({
      ...{ name: 'sendto', sockfd, buf, flags: MSG_NOSIGNAL, dest_addr: nobytes },
    })),
  ),
  sock_shutdown: asks('ii', function* (context, number, how) {
    const sockfd = socketOf(context, number)
    if (sockfd < 0) return -sockfd
    // sdflags: 1 is to receive, 2 to send.
    return how < 1 || how > 3 ? EINVAL : ended(yield { name: 'shutdown', sockfd, how: how - 1 })
  }),
}

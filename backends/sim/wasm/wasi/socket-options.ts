// Options of sockets that wasi:sockets has. socket(7), tcp(7), ip(7), ipv6(7)

import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import { networkError, refuse } from './errors.ts'
import type { Refused } from './layout.ts'
import { answers, type Interface, type Steps, the } from './resources.ts'
import { AF_INET, does, done } from './socket-words.ts'

interface Option {
  readonly type: 'u8' | 'u32' | 'u64'
  /** Level and name, for IPv4 and for IPv6 where it is another. */
  readonly place: readonly [number, number]
  readonly place6?: readonly [number, number]
  /** What one of the kernel's numbers is when it is told. */
  readonly told?: number
  /** How many one of the kernel's numbers is when it is set. */
  readonly meant?: number
  readonly most: number
  /** 0 is a value, not refused. */
  readonly takesZero?: true
}

const second = 1e9
const int32Most = 0x7fffffff

/** getsockopt(2) of a number. */
export function* readOption(sockfd: number, [level, optname]: readonly [number, number]): Steps<number | Refused> {
  const room = { optval: new Uint8Array(4), optlen: Uint8Array.of(4, 0, 0, 0) }
  const outcome: Outcome = yield { name: 'getsockopt', sockfd, level, optname, ...room }
  if (isDenied(outcome)) return networkError(outcome)
  return new DataView(outcome.data!.buffer, outcome.data!.byteOffset).getInt32(0, true)
}

/** A getter and a setter. */
const option = (kind: 'tcp' | 'udp', name: string, one: Option): Interface => {
  const { type, place, place6 = place, told = 1, meant = 1, most } = one
  return {
    [`[method]${kind}-socket.${name}`]: answers({ result: [type, 'network'] }, function* (context, self) {
      const { held, family } = the(context, kind, self)
      const value = yield* readOption(held.fd, family === AF_INET ? place : place6)
      return typeof value === 'number' ? Math.floor(value * told) : value
    }),
    [`[method]${kind}-socket.set-${name}`]: answers(done, function* (context, self, value: number | bigint) {
      const { held, family } = the(context, kind, self)
      const wanted = typeof value === 'bigint' ? Number(BigInt.asUintN(64, value)) : value >>> 0
      if (wanted === 0 && !one.takesZero) return refuse('invalid-argument')
      const number = Math.min(most, wanted === 0 ? 0 : Math.max(1, Math.floor(wanted / meant)))
      const [level, optname] = family === AF_INET ? place : place6
      const optval = new Uint8Array(Int32Array.of(number).buffer)
      return yield* does({ name: 'setsockopt', sockfd: held.fd, level, optname, optval })
    }),
  }
}

const limit = { type: 'u8', place: [0, 2], place6: [41, 16], most: 255 } as const
/** The kernel keeps twice of what it is asked for, for what it needs itself. */
const buffer = { type: 'u64', told: 0.5, most: int32Most } as const
const time = { type: 'u64', told: second, meant: second, most: 32_767 } as const

const buffers = (kind: 'tcp' | 'udp'): Interface => ({
  ...option(kind, 'receive-buffer-size', { ...buffer, place: [1, 8] }),
  ...option(kind, 'send-buffer-size', { ...buffer, place: [1, 7] }),
})

export const tcpOptions: Interface = {
  ...option('tcp', 'keep-alive-enabled', { type: 'u8', place: [1, 9], most: 1, takesZero: true }),
  ...option('tcp', 'keep-alive-idle-time', { ...time, place: [6, 4] }),
  ...option('tcp', 'keep-alive-interval', { ...time, place: [6, 5] }),
  ...option('tcp', 'keep-alive-count', { type: 'u32', place: [6, 6], most: 127 }),
  ...option('tcp', 'hop-limit', limit),
  ...buffers('tcp'),
}

export const udpOptions: Interface = { ...option('udp', 'unicast-hop-limit', limit), ...buffers('udp') }

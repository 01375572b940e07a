// Whether what a call has written is what is written, for calls that compare in a way of their own: clocks, messages, netlink.

import type { Syscall } from '../../core/syscall.ts'
import type { Outcome } from '../outcome.ts'
import { plainAddress } from './addresses.ts'
import { agrees, sameTime } from './compare.ts'
import { sameMessage } from './messages.ts'
import type { Names } from './names.ts'
import { isNetlink, learnLink, sameNetlink } from './netlink.ts'
import { queueMessage } from './output.ts'
import type { Value } from './value.ts'

/**
 * @param value - what `written` has made of the outcome's data
 * @returns undefined where the usual comparison is right
 */
export function sameOfItsKind(
  call: Syscall,
  wanted: Value,
  value: Value,
  outcome: Extract<Outcome, { value: number }>,
  names: Names,
): boolean | undefined {
  const data = outcome.data!
  switch (call.name) {
    case 'clock_gettime':
      return sameTime(wanted, value, Number(call.clockid), names)
    case 'gettimeofday':
      return sameTime(wanted, value, 0, names)
    // Chance is never the same.
    case 'getrandom':
      return true
    case 'accept4':
    case 'getsockname':
    case 'getpeername':
      return agrees(plainAddress(wanted), value, names)
    case 'recvmsg':
      return sameMessage(wanted, call, outcome.value, data, names)
    case 'msgrcv':
      return wanted.kind === 'struct' ? agrees(wanted, queueMessage(outcome.value, data), names) : undefined
    case 'ioctl':
      learnLink(names, value)
  }
  return isNetlink(wanted) ? sameNetlink(wanted, data.subarray(0, outcome.value), names) : undefined
}

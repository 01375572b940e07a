// Descriptors that are asked whether they are ready, and sockets that take as much at a time as there is room for.

import type { Syscall } from '../../../../core/syscall.ts'
import { type Denied, isDenied, type Outcome } from '../../../../sim/outcome.ts'
import type { Steps } from './resources.ts'

export const POLLIN = 1
export const POLLOUT = 4
/** WASI has no signals: who sends to a connection that is over is told, and not killed. */
export const MSG_NOSIGNAL = 0x4000
export const nobytes: Uint8Array = new Uint8Array()

const poll = (fd: number, events: number, tmo_p: bigint | null): Syscall => ({
  ...{ name: 'ppoll', fds: [{ fd, events }], tmo_p, sigmask: 0, sigsetsize: 8 },
})

/** Until a descriptor has one of the events. */
export const waiting = (fd: number, events: number): Syscall => poll(fd, events, null)

/** Whether a descriptor has one of the events now. */
export function* isReady(fd: number, events: number): Steps<boolean> {
  const outcome = yield poll(fd, events, 0n)
  return isDenied(outcome) || outcome.value > 0
}

interface Pushed {
  readonly left: Uint8Array
  readonly error?: Denied
}

/** Sends what is pending and what comes behind it. Answers what had no room; with `waits` there is nothing such. send(2) */
export function* push(fd: number, pending: Uint8Array, data: Uint8Array, waits: boolean): Steps<Pushed> {
  const all = new Uint8Array(pending.length + data.length)
  all.set(pending)
  all.set(data, pending.length)
  for (let done = 0; done < all.length; ) {
    const buf = all.subarray(done)
    const sent: Outcome = yield { name: 'sendto', sockfd: fd, buf, flags: MSG_NOSIGNAL, dest_addr: nobytes }
    if (!isDenied(sent)) done += sent.value
    else if (sent.errno === 'EAGAIN' && !waits) return { left: all.slice(done) }
    else if (sent.errno === 'EAGAIN') yield waiting(fd, POLLOUT)
    else if (sent.errno !== 'EINTR') return { left: nobytes, error: sent }
  }
  return { left: nobytes }
}

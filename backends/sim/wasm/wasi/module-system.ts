// WASI 0.1: arguments, environment, clocks, chance, waiting, and the end. What has to do with files is in module-files.ts.

import type { Syscall } from '../../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import {
  asks,
  ended,
  errnoFrom,
  errnoOf,
  type ModuleContext,
  type ModuleFunctions,
  says,
  tableOf,
} from './module-context.ts'
import { nanosecondsOf, type Steps } from './resources.ts'

const encoder = new TextEncoder()
const [EINVAL, EBADF] = [errnoOf('EINVAL'), errnoOf('EBADF')]
const [POLLIN, POLLOUT, POLLHUP, POLLNVAL] = [1, 4, 0x10, 0x20]
const subscriptionBytes = 48
const eventBytes = 32
const isAbsolute = 1
const hangup = 1

const strings = (texts: readonly string[]) => texts.map((text) => encoder.encode(`${text}\0`))

const sizes = (texts: (context: ModuleContext) => readonly string[]) =>
  says('ii', (context, count, bytes) => {
    const all = strings(texts(context))
    context.write32(count, all.length)
    context.write32(
      bytes,
      all.reduce((sum, { length }) => sum + length, 0),
    )
    return undefined
  })

const list = (texts: (context: ModuleContext) => readonly string[]) =>
  says('ii', (context, pointers, buffer) => {
    let at = buffer >>> 0
    for (const [index, text] of strings(texts(context)).entries()) {
      context.write32(pointers + 4 * index, at)
      context.write(at, text)
      at += text.length
    }
    return undefined
  })

const clock = (name: 'clock_gettime' | 'clock_getres') =>
  function* (context: ModuleContext, id: number, at: number): Steps<number | undefined> {
    const outcome: Outcome = yield { name, clockid: id, tp: 16 } as Syscall
    if (isDenied(outcome)) return errnoFrom(outcome)
    context.write64(at, nanosecondsOf(outcome.data!))
    return undefined
  }

interface Subscription {
  readonly user: Uint8Array
  readonly kind: number
  /** Absent: it is no clock. */
  readonly untilNs?: bigint
  readonly clockid?: number
  /** Undefined where the number stands for nothing. */
  readonly fd?: number
}

/** Waits for the first of some moments and descriptors. Each clock is read before, and again behind. */
function* poll(
  context: ModuleContext,
  input: number,
  output: number,
  count: number,
  counted: number,
): Steps<number | undefined> {
  if (count === 0 || count >>> 0 > 4096) return EINVAL
  const data = context.bytes(input, subscriptionBytes * count)
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const times = new Map<number, bigint>()
  const asked: Subscription[] = []
  for (let index = 0; index < count; index++) {
    const at = subscriptionBytes * index
    const user = data.subarray(at, at + 8)
    const kind = view.getUint8(at + 8)
    if (kind > 2) return EINVAL
    if (kind > 0) {
      asked.push({ user, kind, fd: tableOf(context).get(view.getUint32(at + 16, true))?.fd })
      continue
    }
    const clockid = view.getUint32(at + 16, true)
    const nowNs = times.get(clockid) ?? (yield* readClock(clockid))
    if (nowNs === undefined) return EINVAL
    times.set(clockid, nowNs)
    const given = view.getBigUint64(at + 24, true)
    asked.push({ user, kind, clockid, untilNs: view.getUint16(at + 40, true) & isAbsolute ? given : nowNs + given })
  }
  for (;;) {
    const left = asked.flatMap(({ untilNs, clockid }) =>
      untilNs === undefined ? [] : [untilNs - times.get(clockid!)!],
    )
    const first = left.reduce<bigint | null>((least, one) => (least === null || one < least ? one : least), null)
    const waiting = asked.filter(({ kind }) => kind > 0)
    const fds = waiting.map(({ fd, kind }) => ({ fd: fd ?? -1, events: kind === 1 ? POLLIN : POLLOUT }))
    const bad = waiting.some(({ fd }) => fd === undefined)
    const tmo_p = bad ? 0n : first === null ? null : first > 0n ? first : 0n
    const polled: Outcome = yield { name: 'ppoll', fds, tmo_p, sigmask: 0, sigsetsize: 8 }
    if (isDenied(polled)) {
      if (polled.errno === 'EINTR') continue
      return errnoFrom(polled)
    }
    for (const clockid of times.keys()) times.set(clockid, (yield* readClock(clockid)) ?? 0n)
    const answers = polled.data && new DataView(polled.data.buffer, polled.data.byteOffset)
    let events = 0
    let index = 0
    for (const { user, kind, untilNs, clockid, fd } of asked) {
      const found = kind === 0 ? 0 : (answers?.getUint16(8 * index++ + 6, true) ?? 0)
      const isBad = kind > 0 && (fd === undefined || (found & POLLNVAL) !== 0)
      if (kind === 0 ? untilNs! > times.get(clockid!)! : !isBad && found === 0) continue
      const event = new Uint8Array(eventBytes)
      const written = new DataView(event.buffer)
      event.set(user)
      written.setUint16(8, isBad ? EBADF : 0, true)
      written.setUint8(10, kind)
      if (kind > 0 && !isBad) written.setBigUint64(16, 1n, true)
      if (found & POLLHUP) written.setUint16(24, hangup, true)
      context.write(output + eventBytes * events++, event)
    }
    if (events === 0) continue
    context.write32(counted, events)
    return undefined
  }
}

function* readClock(clockid: number): Steps<bigint | undefined> {
  const outcome: Outcome = yield { name: 'clock_gettime', clockid, tp: 16 }
  return isDenied(outcome) ? undefined : nanosecondsOf(outcome.data!)
}

export const systemFunctions: ModuleFunctions = {
  args_sizes_get: sizes(({ argv }) => argv),
  args_get: list(({ argv }) => argv),
  environ_sizes_get: sizes(({ envp }) => envp),
  environ_get: list(({ envp }) => envp),
  clock_res_get: asks('ii', clock('clock_getres')),
  clock_time_get: asks('iIi', (context, id, _precision, at) => clock('clock_gettime')(context, id, at)),
  poll_oneoff: asks('iiii', poll),
  proc_exit: asks('i', function* (_context, status) {
    yield { name: 'exit_group', status }
    return undefined
  }),
  proc_raise: asks('i', function* (_context, sig) {
    const pid: Outcome = yield { name: 'getpid' }
    return isDenied(pid) ? errnoFrom(pid) : ended(yield { name: 'kill', pid: pid.value, sig })
  }),
  sched_yield: asks('', function* () {
    return ended(yield { name: 'sched_yield' })
  }),
  random_get: asks('ii', function* (context, at, length) {
    const end = at + (length >>> 0)
    for (let place = at; place < end; ) {
      const outcome: Outcome = yield { name: 'getrandom', buf: Math.min(end - place, 65_536), flags: 0 }
      if (isDenied(outcome)) return errnoFrom(outcome)
      context.write(place, outcome.data!)
      place += outcome.data!.length
    }
    return undefined
  }),
}

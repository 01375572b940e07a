// Sleeping and timers of the process, on the virtual clock: nanosleep, clock_nanosleep, alarm, setitimer, getitimer,
// sched_yield. nanosleep(2), setitimer(2), alarm(2)

import { type Denied, deny, type Outcome, type Reply } from '../outcome.ts'
import { IntervalTimer } from '../signal/interval-timer.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, uint } from './arguments.ts'

/** TIMER_ABSTIME */
const absolute = 1
const CLOCK = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPU: 2, THREAD_CPU: 3, BOOTTIME: 7, TAI: 11 } as const

function sleep(task: Task, untilNs: number): Reply {
  const { clock } = task.kernel
  if (untilNs <= clock.nowNs) return 0
  return {
    queues: [],
    again: () => undefined,
    deadlineNs: untilNs,
    timedOut: () => ({ value: 0 }),
    interruptible: true,
    restarts: false,
  }
}

function nanosleep(task: Task, timeNs: bigint | null): Reply {
  const call = 'nanosleep(2)'
  if (timeNs === null) return deny('EFAULT', call, `${call}: the time is no pointer`)
  if (timeNs < 0n) return deny('EINVAL', call, `${call}: the time is negative`)
  return sleep(task, task.kernel.clock.nowNs + Number(timeNs))
}

function clockNanosleep(task: Task, clockid: number, flags: number, timeNs: bigint | null): Reply {
  const call = 'clock_nanosleep(2)'
  const base = baseOf(task, clockid, call)
  if (typeof base !== 'number') return base
  if (timeNs === null) return deny('EFAULT', call, `${call}: the time is no pointer`)
  if (timeNs < 0n) return deny('EINVAL', call, `${call}: the time is negative`)
  const { nowNs } = task.kernel.clock
  return sleep(task, flags & absolute ? Number(timeNs - BigInt(base)) : nowNs + Number(timeNs))
}

/** What a clock shows at virtual time 0. */
function baseOf(task: Task, clockid: number, call: string): number | Denied {
  const { time } = task.namespaces
  switch (clockid) {
    case CLOCK.MONOTONIC:
      return time.monotonicOffsetNs
    case CLOCK.BOOTTIME:
      return time.boottimeOffsetNs
    case CLOCK.REALTIME:
    case CLOCK.TAI:
      return task.kernel.config.bootSeconds * 1e9
    case CLOCK.PROCESS_CPU:
      return deny('ENOSYS', call, `${call}: processor time is not modelled`)
    default:
      return deny('EINVAL', call, `${call}: there is no such clock to sleep by`)
  }
}

const timerOf = ({ process }: Task): IntervalTimer => {
  process.realTimer ??= new IntervalTimer(process)
  return process.realTimer
}

/** @returns seconds that were left, a part of one counted as one */
function alarm(task: Task, secondsFromNow: number): number {
  const timer = timerOf(task)
  const left = timer.leftNs
  timer.set(secondsFromNow * 1e9, 0)
  return left === 0 ? 0 : Math.max(1, Math.round(left / 1e9))
}

const timers = { real: 0, virtual: 1, profiling: 2 } as const

function checkWhich(which: number, call: string): Denied | undefined {
  if (which === timers.real) return undefined
  if (which === timers.virtual || which === timers.profiling)
    return deny('ENOSYS', call, `${call}: processor time is not modelled`)
  return deny('EINVAL', call, `${call}: there is no such timer`)
}

/** struct itimerval: interval, then value, in seconds and microseconds. */
function told(timer: IntervalTimer | undefined): Outcome {
  const data = new Uint8Array(32)
  const view = new DataView(data.buffer)
  for (const [at, ns] of [timer?.intervalNs ?? 0, timer?.leftNs ?? 0].entries()) {
    view.setBigInt64(16 * at, BigInt(Math.floor(ns / 1e9)), true)
    view.setBigInt64(16 * at + 8, BigInt(Math.floor((ns % 1e9) / 1000)), true)
  }
  return { value: 0, data }
}

function setTimer(task: Task, which: number, value: Uint8Array): Reply {
  const call = 'setitimer(2)'
  const refusal = checkWhich(which, call)
  if (refusal) return refusal
  if (value.length < 32) return deny('EFAULT', call, `${call}: struct itimerval has 32 bytes`)
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const times = [0, 16].map((at) => [view.getBigInt64(at, true), view.getBigInt64(at + 8, true)] as const)
  for (const [whole, micro] of times)
    if (whole < 0n || micro < 0n || micro > 999_999n) return deny('EINVAL', call, `${call}: this is no time`)
  const [interval, first] = times.map(([whole, micro]) => Number(whole) * 1e9 + Number(micro) * 1000)
  const timer = timerOf(task)
  const before = told(timer)
  timer.set(first!, interval!)
  return before
}

export const calls: Calls = {
  nanosleep: partial('the rest of an interrupted sleep is not told', (task, { req }) => nanosleep(task, req)),
  clock_nanosleep: partial('no clocks of processor time; the rest is not told', (task, { clockid, flags, request }) =>
    clockNanosleep(task, int(clockid), int(flags), request),
  ),
  alarm: full((task, { seconds: time }) => alarm(task, uint(time))),
  setitimer: partial('ITIMER_REAL only', (task, { which, new_value }) => setTimer(task, int(which), new_value)),
  getitimer: partial('ITIMER_REAL only', (task, { which }) => {
    const refusal = checkWhich(int(which), 'getitimer(2)')
    return refusal ?? told(task.process.realTimer)
  }),
  sched_yield: full(() => 0),
}

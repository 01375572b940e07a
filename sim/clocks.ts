// The clocks that tasks read: the wall clock, and those of the machine as the caller's time namespace shifts them. time(7)

import type { Task } from './task.ts'
import type { Moment } from './time.ts'

/** linux/time.h */
export const CLOCK = {
  REALTIME: 0,
  MONOTONIC: 1,
  PROCESS_CPUTIME_ID: 2,
  THREAD_CPUTIME_ID: 3,
  MONOTONIC_RAW: 4,
  REALTIME_COARSE: 5,
  MONOTONIC_COARSE: 6,
  BOOTTIME: 7,
  REALTIME_ALARM: 8,
  BOOTTIME_ALARM: 9,
  TAI: 11,
} as const

/** By how much the time namespace of a task shifts a clock (TIM-001); 0 for the wall clock and for no clock at all. */
export function clockOffsetNs({ namespaces: { time } }: Task, clock: number): number {
  switch (clock) {
    case CLOCK.MONOTONIC:
    case CLOCK.MONOTONIC_RAW:
    case CLOCK.MONOTONIC_COARSE:
      return time.monotonicOffsetNs
    case CLOCK.BOOTTIME:
    case CLOCK.BOOTTIME_ALARM:
      return time.boottimeOffsetNs
  }
  return 0
}

/** What a clock says; undefined where there is none of this number. Processor time is what programs have burnt; calls take none. */
export function readClock(task: Task, clock: number): Moment | undefined {
  const { kernel } = task
  switch (clock) {
    case CLOCK.REALTIME:
    case CLOCK.REALTIME_COARSE:
    case CLOCK.REALTIME_ALARM:
    case CLOCK.TAI:
      return kernel.now()
    case CLOCK.MONOTONIC:
    case CLOCK.MONOTONIC_RAW:
    case CLOCK.MONOTONIC_COARSE:
    case CLOCK.BOOTTIME:
    case CLOCK.BOOTTIME_ALARM:
      return sum(kernel.clock.nowNs, clockOffsetNs(task, clock))
    case CLOCK.PROCESS_CPUTIME_ID:
      return sum(
        [...task.process.tasks].reduce((all, { cpuNs }) => all + cpuNs, 0),
        0,
      )
    case CLOCK.THREAD_CPUTIME_ID:
      return sum(task.cpuNs, 0)
  }
  return undefined
}

/** Seconds apart from nanoseconds: a double does not count the nanoseconds of more than a hundred days. */
function sum(nowNs: number, offsetNs: number): Moment {
  const offsetSeconds = Math.floor(offsetNs / 1e9)
  const nanoseconds = (nowNs % 1e9) + (offsetNs - offsetSeconds * 1e9)
  const seconds = Math.floor(nowNs / 1e9) + offsetSeconds
  return nanoseconds >= 1e9 ? { seconds: seconds + 1, nanoseconds: nanoseconds - 1e9 } : { seconds, nanoseconds }
}

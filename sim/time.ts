// Times of files: seconds and nanoseconds since 1970. Virtual time becomes wall clock time here. time(7)

/** tv_nsec is from 0 to 999,999,999. */
export interface Moment {
  readonly seconds: number
  readonly nanoseconds: number
}

export const epoch: Moment = { seconds: 0, nanoseconds: 0 }

/** CLOCK_REALTIME at a virtual time. */
export function momentAt(bootSeconds: number, nowNs: number): Moment {
  return { seconds: bootSeconds + Math.floor(nowNs / 1e9), nanoseconds: nowNs % 1e9 }
}

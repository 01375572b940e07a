// What the cpu controller keeps of a cgroup: its weight among its siblings, and how much time it may have in each period.
// sched-bwc.rst, cgroup-v2.rst CPU

import type { Cgroup } from '../cgroup/cgroup.ts'
import type { Timer } from '../clock.ts'
import { idleWeight } from './weight.ts'

export const defaultPeriodUsec = 100_000

export class CpuGroup {
  readonly cgroup: Cgroup
  readonly parent: CpuGroup | undefined
  /** Shares: 1024 is the default. */
  shares = 1024
  idle = false
  bandwidth: Bandwidth | undefined
  /** Those set together, also while there is no quota. */
  periodUsec = defaultPeriodUsec
  burstUsec = 0
  clampMin: number | undefined
  clampMax: number | undefined
  readonly throttling: Throttling = {
    periods: 0,
    throttled: 0,
    throttledNs: 0,
    bursts: 0,
    burstNs: 0,
  }

  constructor(cgroup: Cgroup, parent: CpuGroup | undefined) {
    this.cgroup = cgroup
    this.parent = parent
  }

  /** Among its siblings, in units in which a task of nice 0 has 1024. */
  get weight(): number {
    return this.idle ? idleWeight : this.shares
  }

  get quotaUsec(): number | undefined {
    return this.bandwidth && this.bandwidth.quotaNs / 1000
  }
}

/** As cpu.stat tells it. */
export interface Throttling {
  periods: number
  throttled: number
  throttledNs: number
  bursts: number
  burstNs: number
}

/** A quota: so much time in each period, unused time kept up to the burst. */
export interface Bandwidth {
  quotaNs: number
  periodNs: number
  burstNs: number
  /** What is left in this period. */
  leftNs: number
  /** What was left at its start. */
  startNs: number
  /** Running while there is something to do. */
  timer: Timer | undefined
  /** Anybody has run since the period began. */
  used: boolean
  /** Since when nobody may run, and on how many processors somebody would have. */
  throttledSinceNs: number | undefined
  throttledCpus: number
}

/** A period begins. __refill_cfs_bandwidth_runtime() */
export function refill(group: CpuGroup): void {
  const { bandwidth, throttling } = group
  if (bandwidth === undefined) return
  bandwidth.leftNs += bandwidth.quotaNs
  const burst = bandwidth.startNs - bandwidth.leftNs
  if (burst > 0.5) {
    throttling.bursts += 1
    throttling.burstNs += burst
  }
  bandwidth.leftNs = Math.min(bandwidth.leftNs, bandwidth.quotaNs + bandwidth.burstNs)
  bandwidth.startNs = bandwidth.leftNs
}

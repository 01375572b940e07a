// What the io controller keeps of a cgroup: limits and weights by device, and what went through. cgroup-v2.rst, IO

import type { Cgroup } from '../cgroup/cgroup.ts'

/** `8:0` */
export type DeviceName = string

export const limitKeys = ['rbps', 'wbps', 'riops', 'wiops'] as const
export type LimitKey = (typeof limitKeys)[number]
/** undefined is no limit. */
export type Limits = Partial<Record<LimitKey, number>>

export interface Transferred {
  readBytes: number
  writtenBytes: number
  reads: number
  writes: number
}

export class IoGroup {
  readonly cgroup: Cgroup
  readonly parent: IoGroup | undefined
  readonly limits = new Map<DeviceName, Limits>()
  /** Of iocost, and of bfq: default, and of single devices. */
  weight = 100
  readonly weights = new Map<DeviceName, number>()
  bfqWeight = 100
  readonly bfqWeights = new Map<DeviceName, number>()
  /** With all below; version 1 shows its own alone, too. */
  readonly total = new Map<DeviceName, Transferred>()
  readonly own = new Map<DeviceName, Transferred>()
  /** Virtual time at which the next transfer may begin, by device and limit. */
  readonly freeNs = new Map<string, number>()

  constructor(cgroup: Cgroup, parent: IoGroup | undefined) {
    this.cgroup = cgroup
    this.parent = parent
  }
}

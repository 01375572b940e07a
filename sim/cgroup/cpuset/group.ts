// What the cpuset controller keeps of a cgroup: processors and memory nodes asked for, those that it has, partitions.
// cgroup-v2.rst, Cpuset
//
// Invariant (version 2): effective sets are never empty; processors of a valid partition are in no effective set outside.

import type { CpuMask } from '../../cpu/mask.ts'
import type { Cgroup } from '../cgroup.ts'

export type Partition = 'member' | 'root' | 'isolated'

/** Switches of version 1, by the end of their files' names. */
export const legacyFlags = [
  'cpu_exclusive',
  'mem_exclusive',
  'mem_hardwall',
  'sched_load_balance',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
] as const
export type LegacyFlag = (typeof legacyFlags)[number]

export class CpusetGroup {
  readonly cgroup: Cgroup
  readonly parent: CpusetGroup | undefined
  readonly children = new Set<CpusetGroup>()
  /** As asked for; 0 is nothing asked. */
  cpus: CpuMask = 0n
  mems: CpuMask = 0n
  exclusive: CpuMask = 0n
  effectiveCpus: CpuMask = 0n
  effectiveMems: CpuMask = 0n
  effectiveExclusive: CpuMask = 0n
  partition: Partition = 'member'
  /** Why it is none, although asked for. */
  invalid: string | undefined
  readonly flags = new Set<LegacyFlag>(['sched_load_balance'])
  relaxLevel = -1

  constructor(cgroup: Cgroup, parent: CpusetGroup | undefined) {
    this.cgroup = cgroup
    this.parent = parent
    parent?.children.add(this)
  }

  /** A partition that is one; the root always is. */
  get isPartition(): boolean {
    return this.parent === undefined || (this.partition !== 'member' && this.invalid === undefined)
  }

  /** What a partition of it would have for itself alone. */
  get claimed(): CpuMask {
    return this.exclusive === 0n ? this.cpus : this.exclusive
  }
}

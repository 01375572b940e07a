// Huge pages: a pool of the machine, reserved by mmap(2) and taken when touched; each way has its limit in cgroups.
// hugetlbpage.rst

import type { HugeMemory } from './address-space.ts'
import type { Cgroup } from './cgroup/cgroup.ts'
import { changed } from './cgroup/tree.ts'
import { type Denied, deny } from './outcome.ts'
import type { Task } from './task.ts'

export const hugeBytes = 2_097_152

/** Counters of a cgroup in huge pages: those in use, and those that are reserved. */
export class HugeGroup {
  readonly cgroup: Cgroup
  readonly parent: HugeGroup | undefined
  readonly usage = { used: 0, reserved: 0 }
  readonly peak = { used: 0, reserved: 0 }
  /** undefined is no limit. */
  readonly max: { used: number | undefined; reserved: number | undefined } = { used: undefined, reserved: undefined }
  /** Limits of pages of 1 GiB, in units of 2 MiB. */
  readonly giga: { used: number | undefined; reserved: number | undefined } = { used: undefined, reserved: undefined }
  readonly failures = { used: 0, reserved: 0 }
  events = 0
  localEvents = 0

  constructor(cgroup: Cgroup, parent: HugeGroup | undefined) {
    this.cgroup = cgroup
    this.parent = parent
  }

  /** Whether so many more fit, here and above; if so they are counted. */
  tryAdd(kind: 'used' | 'reserved', pages: number): boolean {
    for (let at: HugeGroup | undefined = this; at; at = at.parent) {
      const max = at.max[kind]
      if (max === undefined || at.usage[kind] + pages <= max) continue
      at.failures[kind] += 1
      this.#event()
      return false
    }
    for (let at: HugeGroup | undefined = this; at; at = at.parent) {
      at.usage[kind] += pages
      at.peak[kind] = Math.max(at.peak[kind], at.usage[kind])
    }
    return true
  }

  remove(kind: 'used' | 'reserved', pages: number): void {
    for (let at: HugeGroup | undefined = this; at; at = at.parent) at.usage[kind] -= pages
  }

  #event(): void {
    this.localEvents += 1
    changed(this.cgroup, 'hugetlb.2MB.events.local')
    for (let at: HugeGroup | undefined = this; at?.parent; at = at.parent) {
      at.events += 1
      changed(at.cgroup, 'hugetlb.2MB.events')
    }
  }
}

/** Huge pages of one mmap(2), whatever it was cut into or copied to. */
class Mapping implements HugeMemory {
  readonly pool: HugePages
  readonly payer: HugeGroup
  readonly pages: number
  readonly used = new Map<number, HugeGroup>()
  #regions = 1

  constructor(pool: HugePages, payer: HugeGroup, pages: number) {
    this.pool = pool
    this.payer = payer
    this.pages = pages
  }

  retain(): void {
    this.#regions += 1
  }

  release(): void {
    this.#regions -= 1
    if (this.#regions > 0) return
    for (const payer of this.used.values()) payer.remove('used', 1)
    this.payer.remove('reserved', this.pages)
    this.pool.reserved -= this.pages - this.used.size
    this.pool.inUse -= this.used.size
  }

  /** For the digest. */
  hidden(): object {
    return { regions: this.#regions }
  }
}

export class HugePages {
  readonly #groupOf: (task: Task) => HugeGroup
  /** vm.nr_hugepages */
  total: number
  /** Promised by mmap(2), not yet touched. */
  reserved = 0
  inUse = 0

  constructor(total: number, groupOf: (task: Task) => HugeGroup) {
    this.total = total
    this.#groupOf = groupOf
  }

  /** mmap(2) with MAP_HUGETLB. ENOMEM: hugetlb.*.rsvd.max, or the pool, has no more (HTL-001). */
  reserve(task: Task, pages: number): HugeMemory | Denied {
    const group = this.#groupOf(task)
    if (!group.tryAdd('reserved', pages))
      return deny('ENOMEM', 'HTL-102', 'mmap(2): hugetlb.2MB.rsvd.max, here or above, allows no more huge pages')
    if (this.inUse + this.reserved + pages > this.total) {
      group.remove('reserved', pages)
      return deny('ENOMEM', 'HTL-001', 'mmap(2): the pool has not so many huge pages')
    }
    this.reserved += pages
    return new Mapping(this, group, pages)
  }

  /** Touches a part of a mapping, in small pages from its start. SIGBUS: hugetlb.*.max has no more (HTL-102). */
  fault(task: Task, memory: HugeMemory, from: number, to: number): Denied | undefined {
    const { used } = memory as Mapping
    for (let index = Math.floor(from / 512); index * 512 < to; index++) {
      if (used.has(index)) continue
      const group = this.#groupOf(task)
      if (!group.tryAdd('used', 1))
        return deny('EFAULT', 'HTL-102', 'hugetlb.2MB.max, here or above, allows no more: SIGBUS')
      used.set(index, group)
      this.reserved -= 1
      this.inUse += 1
    }
    return undefined
  }
}

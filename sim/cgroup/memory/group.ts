// What the memory controller knows of one cgroup: pages charged to it and below, limits, events. Cgroup v2: memory.*
//
// Invariant: `total[k]` of a group is its own `own[k]` and the totals of its children; `usage` is the sum of the kinds that
// are memory. A group whose cgroup is gone stays while it has charges, as a child of the next one above.

import type { PageKind, Payer } from '../../memory.ts'
import type { EventFile } from '../../vfs/eventfd.ts'
import { WaitQueue } from '../../wait.ts'
import type { Cgroup } from '../cgroup.ts'
import { tellThresholds, type Watched } from './legacy-events.ts'

export type EventName = 'low' | 'high' | 'max' | 'oom' | 'oom_kill' | 'oom_group_kill'
export const eventNames: readonly EventName[] = ['low', 'high', 'max', 'oom', 'oom_kill', 'oom_group_kill']
export type SwapEvent = 'high' | 'max' | 'fail'
export type Events = Record<EventName, number>

/** Pages that reclaim can take from somebody: a file's clean cache, anonymous memory for which there is swap. */
export interface Reclaimable {
  /** Gives up so many pages of a group at most; answers how many it gave up. Charges are settled by it. */
  reclaim(group: MemoryGroup, pages: number): number
}

export type Counted = Readonly<Record<PageKind, number>>

const none = (): Record<PageKind, number> => ({
  anon: 0,
  file: 0,
  shmem: 0,
  kernel: 0,
  stack: 0,
  pagetables: 0,
  pipe: 0,
  sock: 0,
})
const noEvents = (): Events => ({ low: 0, high: 0, max: 0, oom: 0, oom_kill: 0, oom_group_kill: 0 })

export class MemoryGroup implements Payer {
  readonly charged = true
  readonly cgroup: Cgroup
  readonly parent: MemoryGroup | undefined
  readonly children = new Set<MemoryGroup>()
  /** Its cgroup has the controller no longer; only charges keep it. */
  offline = false
  /** Told once, when a group that is offline has lost its last charge. */
  emptied: (() => void) | undefined

  /** In pages, with everything below. */
  usage = 0
  peak = 0
  swapUsage = 0
  swapPeak = 0
  readonly total: Record<PageKind, number> = none()
  readonly own: Record<PageKind, number> = none()
  /** Swapped pages of its own. */
  ownSwap = 0

  /** In pages; undefined is no limit. */
  max: number | undefined
  high: number | undefined
  swapMax: number | undefined
  swapHigh: number | undefined
  zswapMax: number | undefined
  zswapWriteback = true
  min = 0
  low = 0
  /** No limit as protection: everything. */
  oomGroup = false
  /** What its children ask to be protected, bounded by what they use. Recomputed at reclaim. */
  readonly events: Events = noEvents()
  readonly localEvents: Events = noEvents()
  readonly swapEvents: Record<SwapEvent, number> = { high: 0, max: 0, fail: 0 }
  faults = 0
  majorFaults = 0
  scanned = 0
  stolen = 0
  swappedIn = 0
  swappedOut = 0

  // Version 1.
  memswMax: number | undefined
  memswPeak = 0
  softLimit: number | undefined
  failures = 0
  memswFailures = 0
  kernelFailures = 0
  swappiness = 60
  oomKillDisabled = false
  underOom = false
  /** eventfds that want to be told. */
  readonly listeners = new Set<{ readonly watched: Watched; readonly eventfd: EventFile }>()
  /** Woken when something becomes free, or a limit grows. */
  readonly room = new WaitQueue()

  /** Whose pages can be taken, and about how many of this group's they have. */
  readonly caches = new Set<Reclaimable>()
  readonly anonymous = new Set<Reclaimable>()
  /** Open files of memory.peak and memory.swap.peak that have been reset: their marks. */
  readonly marks = new Set<PeakMark>()

  constructor(cgroup: Cgroup, parent: MemoryGroup | undefined) {
    this.cgroup = cgroup
    this.parent = parent
    parent?.children.add(this)
    if (parent) this.swappiness = parent.swappiness
    if (parent) this.oomKillDisabled = parent.oomKillDisabled
  }

  /** Puts pages on its account and on all above; limits have been asked before. */
  add(kind: PageKind, pages: number): void {
    this.own[kind] += pages
    for (let at: MemoryGroup | undefined = this; at; at = at.parent) {
      at.total[kind] += pages
      at.usage += pages
      if (at.usage > at.peak) at.peak = at.usage
      if (at.usage + at.swapUsage > at.memswPeak) at.memswPeak = at.usage + at.swapUsage
      if (at.marks.size > 0) for (const mark of at.marks) mark.raise(at)
      if (at.listeners.size > 0) tellThresholds(at)
    }
  }

  remove(kind: PageKind, pages: number): void {
    this.own[kind] -= pages
    for (let at: MemoryGroup | undefined = this; at; at = at.parent) {
      at.total[kind] -= pages
      at.usage -= pages
      if (at.listeners.size > 0) tellThresholds(at)
      if (at.room.size > 0) at.room.wake()
    }
    this.#settle()
  }

  addSwap(pages: number): void {
    this.ownSwap += pages
    for (let at: MemoryGroup | undefined = this; at; at = at.parent) {
      at.swapUsage += pages
      if (at.swapUsage > at.swapPeak) at.swapPeak = at.swapUsage
      if (at.marks.size > 0) for (const mark of at.marks) mark.raise(at)
    }
  }

  removeSwap(pages: number): void {
    this.ownSwap -= pages
    for (let at: MemoryGroup | undefined = this; at; at = at.parent) at.swapUsage -= pages
    this.#settle()
  }

  /** The cgroup has it no longer. */
  leave(emptied: () => void): void {
    this.offline = true
    this.emptied = emptied
    this.#settle()
  }

  #settle(): void {
    if (!this.offline || this.usage > 0 || this.swapUsage > 0 || this.children.size > 0) return
    const { emptied, parent } = this
    this.emptied = undefined
    parent?.children.delete(this)
    emptied?.()
    parent?.settleAfterChild()
  }

  settleAfterChild(): void {
    if (this.offline && this.emptied) this.#settle()
  }

  isBelow(other: MemoryGroup): boolean {
    for (let at: MemoryGroup | undefined = this; at; at = at.parent) if (at === other) return true
    return false
  }
}

/** The high-water mark of one descriptor since it was reset there. */
export class PeakMark {
  readonly #swap: boolean
  pages: number

  constructor(group: MemoryGroup, swap: boolean) {
    this.#swap = swap
    this.pages = swap ? group.swapUsage : group.usage
  }

  raise(group: MemoryGroup): void {
    this.pages = Math.max(this.pages, this.#swap ? group.swapUsage : group.usage)
  }
}

// Charging memory: from the task's group up to the root, every limit on the way is asked. mm/memcontrol.c try_charge_memcg()

import type { Kernel } from '../../kernel.ts'
import { type MemoryAccount, type PageKind, pageBytes } from '../../memory.ts'
import { type Denied, deny } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import { type Cgroup, effectiveState, type Hierarchy } from '../cgroup.ts'
import type { Controller } from '../controller.ts'
import { changed } from '../tree.ts'
import type { EventName, MemoryGroup, SwapEvent } from './group.ts'
import { throttleNs } from './high.ts'
import { tellOom } from './legacy-events.ts'
import { killFor } from './oom.ts'
import { reclaim } from './reclaim.ts'

/** How often Linux tries to reclaim before it gives up; each try counts in memory.events. MAX_RECLAIM_RETRIES */
const retries = 16
const firstPages = 32

export class MemoryControl implements MemoryAccount {
  readonly kernel: Kernel
  readonly controller: Controller<MemoryGroup>
  root!: MemoryGroup
  swapPages: number
  oomKills = 0

  constructor(kernel: Kernel, controller: Controller<MemoryGroup>) {
    this.kernel = kernel
    this.controller = controller
    this.swapPages = Math.floor((kernel.config.swapBytes ?? 0) / pageBytes)
  }

  get hierarchy(): Hierarchy {
    return this.root.cgroup.hierarchy
  }

  /** Version 1 counts memory and swap together, and has no memory.events. */
  get legacy(): boolean {
    return this.hierarchy.version === 1
  }

  groupOf(task: Task): MemoryGroup {
    return effectiveState(task.cgroups.get(this.hierarchy)!, this.controller)
  }

  groupFor(cgroup: Cgroup): MemoryGroup {
    return effectiveState(cgroup, this.controller)
  }

  charge(task: Task, kind: PageKind, pages: number): MemoryGroup | Denied
  /** The same for a page fault, which may wait where version 1 lets it (V1-003). */
  charge(task: Task, kind: PageKind, pages: number, fault: true): MemoryGroup | 'wait' | Denied
  charge(task: Task, kind: PageKind, pages: number, fault?: true): MemoryGroup | 'wait' | Denied {
    const group = this.groupOf(task)
    const refusal = this.ask(task, group, pages, fault)
    if (refusal === 'wait' && !fault) return noMemory()
    if (refusal) return refusal
    group.add(kind, pages)
    this.#overHigh(task, group, pages)
    return group
  }

  uncharge(payer: MemoryGroup, kind: PageKind, pages: number): void {
    payer.remove(kind, pages)
  }

  /** How many pages more fit without anybody's reclaim. */
  room(group: MemoryGroup): number {
    let room = this.machinePages - this.root.usage
    for (let at: MemoryGroup | undefined = group; at?.parent; at = at.parent) room = Math.min(room, roomIn(at))
    return Math.max(0, room)
  }

  get machinePages(): number {
    return Math.floor(this.kernel.config.memoryBytes / pageBytes)
  }

  /**
   * Makes room for pages in a group: by reclaim, by swap, by killing. Undefined: there is room. `wait`: version 1 with
   * oom_kill_disable, a page fault waits in the group that `full` answers; anything else is refused.
   */
  ask(task: Task, group: MemoryGroup, pages: number, fault?: true): undefined | 'wait' | Denied {
    for (;;) {
      if (task.process.oomVictim) return noMemory()
      const full = this.full(group, pages)
      if (full === undefined) return undefined
      this.#hit(full, pages, 1)
      const need = Math.max(firstPages, pages - this.#roomOf(full))
      if (reclaim(this, full, need, this.#maySwap(full, pages)) > 0) continue
      this.#hit(full, pages, retries + 1)
      if (this.legacy) tellOom(full)
      if (full.oomKillDisabled && this.legacy) {
        if (!fault) return noMemory()
        full.underOom = true
        this.#changed(full, 'memory.oom_control')
        return 'wait'
      }
      if (full !== this.root) this.event(full, 'oom')
      if (!killFor(this, full, this.allowed(full))) return noMemory()
    }
  }

  /** The first group on the way up that pages do not fit into; memory and swap together first. */
  full(group: MemoryGroup, pages: number): MemoryGroup | undefined {
    for (let at: MemoryGroup = group; ; at = at.parent!) {
      if (at.parent === undefined) return at.usage + pages > this.machinePages ? at : undefined
      if (roomIn(at) < pages) return at
    }
  }

  /** Pages that a group may have, swap included: what oom_score_adj is a part of. mem_cgroup_get_max() */
  allowed(group: MemoryGroup): number {
    let max = this.machinePages
    let swap = this.swapPages
    for (let at: MemoryGroup | undefined = group; at; at = at.parent) {
      if (at.max !== undefined) max = Math.min(max, at.max)
      if (at.swapMax !== undefined) swap = Math.min(swap, at.swapMax)
    }
    return max + swap
  }

  /** Pages that may still go to swap from a group. mem_cgroup_get_nr_swap_pages() */
  swapRoom(group: MemoryGroup): number {
    let room = this.swapPages - this.root.swapUsage
    for (let at: MemoryGroup | undefined = group; at; at = at.parent)
      if (at.swapMax !== undefined) {
        if (at.swapMax > 0 && at.swapMax <= at.swapUsage && room > 0) {
          this.swapEvent(at, 'max')
          this.swapEvent(group, 'fail')
        }
        room = Math.min(room, at.swapMax - at.swapUsage)
      }
    return Math.max(0, room)
  }

  /** Pages taken from a group by reclaim now, at most so many. */
  reclaim(group: MemoryGroup, pages: number, swap = true): number {
    let taken = 0
    while (taken < pages) {
      const now = reclaim(this, group, pages - taken, swap)
      if (now === 0) break
      taken += now
    }
    return taken
  }

  /** All clean page cache of the machine goes. proc_sys_vm(5), drop_caches */
  dropCaches(group = this.root): void {
    for (const cache of [...group.caches]) cache.reclaim(group, group.own.file)
    for (const child of group.children) this.dropCaches(child)
  }

  /** memory.max has been lowered: reclaim, then kill until it fits or nobody is left (MEM-009). */
  shrink(group: MemoryGroup): void {
    for (;;) {
      const { max } = group
      if (max === undefined || group.usage <= max) return
      if (reclaim(this, group, group.usage - max, true) > 0) continue
      this.event(group, 'oom')
      if (!killFor(this, group, this.allowed(group))) return
    }
  }

  /** A limit has grown: those that wait for room, there and below, try again. */
  hasRoom(group: MemoryGroup): void {
    group.room.wake()
    for (const child of group.children) this.hasRoom(child)
  }

  /** Counts an event at a group, and for everybody above who reads memory.events (MEM-007, MEM-023). */
  event(group: MemoryGroup, name: EventName, times = 1): void {
    group.localEvents[name] += times
    this.#changed(group, 'memory.events.local')
    for (let at: MemoryGroup | undefined = group; at?.parent; at = at.parent) {
      at.events[name] += times
      this.#changed(at, 'memory.events')
    }
  }

  swapEvent(group: MemoryGroup, name: SwapEvent): void {
    for (let at: MemoryGroup | undefined = group; at?.parent; at = at.parent) {
      at.swapEvents[name] += 1
      this.#changed(at, 'memory.swap.events')
    }
  }

  #changed(group: MemoryGroup, file: string): void {
    if (!group.offline) changed(group.cgroup, file)
  }

  #hit(full: MemoryGroup, pages: number, times: number): void {
    if (full === this.root) return
    if (!this.legacy) this.event(full, 'max', times)
    else if (memswRoom(full) < pages) full.memswFailures += times
    else full.failures += times
  }

  /** With memory and swap together at their limit, swapping helps nothing. */
  #maySwap(full: MemoryGroup, pages: number): boolean {
    return full === this.root || memswRoom(full) >= pages
  }

  #roomOf(full: MemoryGroup): number {
    return full === this.root ? this.machinePages - full.usage : roomIn(full)
  }

  /** Above memory.high nobody is refused: what is above goes, or the task pays with time (MEM-010). */
  #overHigh(task: Task, group: MemoryGroup, pages: number): void {
    let owedNs = 0
    for (let at: MemoryGroup | undefined = group; at?.parent; at = at.parent) {
      if (at.high === undefined || at.usage <= at.high) continue
      const above = Math.min(pages, at.usage - at.high)
      this.event(at, 'high', Math.max(1, Math.ceil(above / 64)))
      this.reclaim(at, at.usage - at.high)
      if (at.usage > at.high) owedNs = Math.max(owedNs, throttleNs(at.usage, at.high, above))
    }
    task.owedNs += owedNs
  }
}

const memswRoom = (group: MemoryGroup): number =>
  group.memswMax === undefined ? Number.POSITIVE_INFINITY : group.memswMax - group.usage - group.swapUsage

const roomIn = (group: MemoryGroup): number =>
  Math.min(group.max === undefined ? Number.POSITIVE_INFINITY : group.max - group.usage, memswRoom(group))

const noMemory = (): Denied =>
  deny('ENOMEM', 'MEM-103', 'cgroup-v2.rst: a memory limit is reached, and nothing can be reclaimed or killed')

// Anonymous pages that were made together: who pays for them, how many address spaces have each, which are in swap. Pages
// have no contents; what counts is that they are there.
//
// Invariant: a page is charged to `payer` once, in memory or in swap, as long as any address space has it.

import type { MemoryControl } from './cgroup/memory/control.ts'
import type { MemoryGroup, Reclaimable } from './cgroup/memory/group.ts'
import { type Denied, isDenied } from './outcome.ts'
import type { Task } from './task.ts'

export class Extent implements Reclaimable {
  readonly control: MemoryControl
  readonly payer: MemoryGroup
  /** Pages that it was ever given; those gone have a count of 0. */
  pages: number
  /** Address spaces that have each page; absent: one has all. */
  #counts: Uint16Array | undefined
  #swapped: Uint8Array | undefined
  swappedPages = 0
  #live: number
  /** mlock(2): never goes to swap. */
  locked = false

  constructor(control: MemoryControl, payer: MemoryGroup, pages: number) {
    this.control = control
    this.payer = payer
    this.pages = pages
    this.#live = pages
    payer.anonymous.add(this)
  }

  /** Whether more pages may be put behind its last one. */
  get growable(): boolean {
    return this.#counts === undefined && this.#swapped === undefined
  }

  grow(pages: number): void {
    this.pages += pages
    this.#live += pages
  }

  /** One address space more has pages of it: fork(2). */
  share(at: number, pages: number): void {
    const counts = this.#counted()
    for (let page = at; page < at + pages; page++) counts[page]! += 1
  }

  /** Whether more than one address space has a page. */
  shared(page: number): boolean {
    return this.#counts !== undefined && this.#counts[page]! > 1
  }

  /** An address space has pages no longer. */
  release(at: number, pages: number): void {
    let inMemory = 0
    let inSwap = 0
    const all = pages === this.pages && this.#counts === undefined
    if (all && this.#swapped === undefined) inMemory = pages
    else {
      const counts = this.#counted()
      for (let page = at; page < at + pages; page++) {
        counts[page]! -= 1
        if (counts[page]! > 0) continue
        if (this.#swapped?.[page]) inSwap += 1
        else inMemory += 1
      }
    }
    this.#live -= inMemory + inSwap
    if (this.#live === 0) this.payer.anonymous.delete(this)
    if (inSwap > 0) {
      this.swappedPages -= inSwap
      this.payer.removeSwap(inSwap)
    }
    if (inMemory > 0) this.payer.remove('anon', inMemory)
  }

  get livePages(): number {
    return this.#live
  }

  isSwapped(page: number): boolean {
    return this.#swapped?.[page] === 1
  }

  /** Of a part, how many are in swap. */
  swappedIn(at: number, pages: number): number {
    if (this.swappedPages === 0) return 0
    let sum = 0
    for (let page = at; page < at + pages; page++) sum += this.#swapped![page]!
    return sum
  }

  /** A page comes back from swap, to the account of whoever it was charged to. */
  bringBack(task: Task, page: number): undefined | 'wait' | Denied {
    const refusal = this.control.ask(task, this.payer, 1, true)
    if (refusal === 'wait' || isDenied(refusal)) return refusal
    this.#swapped![page] = 0
    this.swappedPages -= 1
    this.payer.removeSwap(1)
    this.payer.add('anon', 1)
    this.payer.swappedIn += 1
    this.payer.majorFaults += 1
    return undefined
  }

  /** Puts pages into swap, the first ones first. */
  reclaim(group: MemoryGroup, pages: number): number {
    if (this.locked) return 0
    this.#swapped ??= new Uint8Array(this.pages)
    let taken = 0
    for (let page = 0; page < this.pages && taken < pages; page++) {
      if (this.#swapped[page] === 1 || (this.#counts && this.#counts[page] === 0)) continue
      this.#swapped[page] = 1
      taken += 1
    }
    this.swappedPages += taken
    if (taken === 0) return 0
    group.addSwap(taken)
    group.remove('anon', taken)
    group.swappedOut += taken
    return taken
  }

  #counted(): Uint16Array {
    this.#counts ??= new Uint16Array(this.pages).fill(1)
    return this.#counts
  }

  /** For the digest. */
  hidden(): object {
    return { counts: this.#counts, swapped: this.#swapped, live: this.#live }
  }
}

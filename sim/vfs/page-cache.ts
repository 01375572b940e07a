// Pages of a file on a disk that are in memory: charged to whoever read or wrote each first, and gone when somebody needs the
// room (MEM-020). What is on the disk stays. mm/filemap.c

import type { MemoryControl } from '../cgroup/memory/control.ts'
import type { MemoryGroup, Reclaimable } from '../cgroup/memory/group.ts'
import { pageBytes } from '../memory.ts'
import { type Denied, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'

export class PageCache implements Reclaimable {
  readonly #pages = new Map<number, MemoryGroup>()
  readonly #counts = new Map<MemoryGroup, number>()

  get size(): number {
    return this.#pages.size
  }

  /** A part of the file is read or written: what is not in memory comes there. ENOMEM: there is no room. */
  touch(task: Task, offset: number, lengthBytes: number): Denied | undefined {
    const end = offset + lengthBytes
    for (let page = Math.floor(offset / pageBytes); page * pageBytes < end; page++) {
      if (this.#pages.has(page)) continue
      const group = (task.kernel.memory as MemoryControl | undefined)?.charge(task, 'file', 1)
      if (group === undefined || isDenied(group)) return group
      this.#pages.set(page, group)
      const count = this.#counts.get(group) ?? 0
      this.#counts.set(group, count + 1)
      if (count === 0) group.caches.add(this)
    }
    return undefined
  }

  /** Pages from an offset on are no longer in the file. */
  cut(offset: number): void {
    for (const [page, group] of this.#pages) if (page * pageBytes >= offset) this.#drop(page, group)
  }

  /** The oldest ones of a group go. */
  reclaim(group: MemoryGroup, pages: number): number {
    let taken = 0
    for (const [page, payer] of this.#pages) {
      if (taken >= pages) break
      if (payer !== group) continue
      this.#drop(page, group)
      taken += 1
    }
    return taken
  }

  #drop(page: number, group: MemoryGroup): void {
    this.#pages.delete(page)
    const left = this.#counts.get(group)! - 1
    this.#counts.set(group, left)
    if (left === 0) {
      this.#counts.delete(group)
      group.caches.delete(this)
    }
    group.remove('file', 1)
  }

  /** For the digest. */
  hidden(): object {
    return { pages: this.#pages }
  }
}

// The memory of a process: regions of addresses and the pages in them. mmap(2), fork(2), proc_pid_maps(5)
//
// Invariant: regions are in the order of their addresses and do not overlap; so are the pieces of a region, each of which is
// a run of pages of one extent.

import type { Extent } from './extent.ts'
import type { Kernel } from './kernel.ts'
import { Charges } from './memory.ts'
import type { Task } from './task.ts'
import type { OpenFile } from './vfs/file.ts'
import { release } from './vfs/open.ts'

/** Page numbers; `end` is the first that is not in it. */
export interface Piece {
  start: number
  end: number
  readonly extent: Extent
  /** The page of the extent that is at `start`. */
  at: number
}

/** Memory that several address spaces see the same pages of: MAP_SHARED without a file. */
export class SharedMemory {
  readonly pages = new Set<number>()
  readonly charges = new Charges('shmem')
  regions = 0

  /** The last region of it is gone. */
  unused(): void {
    this.charges.giveBackAll()
  }
}

/** Huge pages of a region, and of those that were cut off or copied from it. */
export interface HugeMemory {
  /** Called for each region that ends. */
  release(): void
  retain(): void
}

export interface Region {
  start: number
  end: number
  /** PROT_* */
  prot: number
  readonly shared: boolean
  readonly pieces: Piece[]
  readonly file: OpenFile | undefined
  /** Page of the file, or of the shared memory, at `start`. */
  offset: number
  readonly memory: SharedMemory | undefined
  readonly huge: HugeMemory | undefined
  locked: boolean
  /** madvise(2) MADV_DONTFORK */
  dontFork: boolean
  readonly heap: boolean
}

/** Below it the kernel looks for room, downward. In pages. */
const topPage = 0x7ffff7fff
/** 47 bits, a page less. TASK_SIZE */
export const addressPages = 2 ** 35 - 1
const heapPage = 0x555555560

export class AddressSpace {
  readonly kernel: Kernel
  readonly regions: Region[] = []
  /** In bytes, as brk(2) speaks of it. */
  readonly heapStart = heapPage * 4096
  heapEnd = heapPage * 4096
  /** mlockall(2) MCL_FUTURE */
  lockFuture = false

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  /** The index of the first region that ends behind a page. */
  #first(page: number): number {
    let low = 0
    let high = this.regions.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.regions[middle]!.end <= page) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Regions that have anything of a range, in order. */
  within(start: number, end: number): Region[] {
    const found: Region[] = []
    for (let at = this.#first(start); at < this.regions.length && this.regions[at]!.start < end; at++)
      found.push(this.regions[at]!)
    return found
  }

  /** Whether every page of a range is in some region. */
  covers(start: number, end: number): boolean {
    let page = start
    for (const region of this.within(start, end)) {
      if (region.start > page) return false
      page = region.end
    }
    return page >= end
  }

  /** Room for so many pages, the highest there is. */
  findRoom(pages: number, huge = false): number | undefined {
    const align = (page: number) => (huge ? page - (page % 512) : page)
    let top = topPage
    for (let at = this.regions.length - 1; at >= 0; at--) {
      const region = this.regions[at]!
      if (region.start >= topPage) continue
      const start = align(top - pages)
      if (start >= region.end) return start
      top = Math.min(top, region.start)
    }
    const start = align(top - pages)
    return start >= 16 ? start : undefined
  }

  insert(region: Region): void {
    if (region.memory) region.memory.regions += 1
    this.regions.splice(this.#first(region.start), 0, region)
  }

  /** Cuts regions at a page, so that none has it in its middle. */
  split(page: number): void {
    const at = this.#first(page)
    const region = this.regions[at]
    if (region === undefined || region.start >= page) return
    const pieces: Piece[] = []
    while (region.pieces.length > 0 && region.pieces.at(-1)!.start >= page) pieces.unshift(region.pieces.pop()!)
    const last = region.pieces.at(-1)
    if (last && last.end > page) {
      pieces.unshift({ start: page, end: last.end, extent: last.extent, at: last.at + page - last.start })
      last.end = page
    }
    const behind = { ...region, start: page, pieces, offset: region.offset + page - region.start }
    region.end = page
    if (behind.memory) behind.memory.regions += 1
    if (behind.file) behind.file.references += 1
    behind.huge?.retain()
    this.regions.splice(at + 1, 0, behind)
  }

  /** Takes a range away, with its pages. */
  unmap(start: number, end: number): void {
    this.split(start)
    this.split(end)
    const at = this.#first(start)
    let count = 0
    while (at + count < this.regions.length && this.regions[at + count]!.start < end) count++
    for (const region of this.regions.splice(at, count)) discard(region)
  }

  /** Moves a part of one region, with its pages, to where nothing is; what is there may be longer. mremap(2) */
  move(start: number, end: number, to: number, toEnd: number): void {
    this.split(start)
    this.split(end)
    const at = this.#first(start)
    const [region] = this.regions.splice(at, 1)
    const by = to - start
    for (const piece of region!.pieces) {
      piece.start += by
      piece.end += by
    }
    this.regions.splice(this.#first(to), 0, { ...region!, start: to, end: toEnd })
  }

  /** All pages go; the regions are still there. */
  reap(): void {
    for (const region of this.regions) dropPages(region)
  }

  /** The last process has left it. */
  end(): void {
    for (const region of this.regions.splice(0)) discard(region)
  }

  /** What fork(2) gives to the child: the same pages, copied only when one of both writes. */
  copy(): AddressSpace {
    const copy = new AddressSpace(this.kernel)
    copy.heapEnd = this.heapEnd
    for (const region of this.regions) {
      if (region.dontFork) continue
      const pieces = region.pieces.map((piece) => ({ ...piece }))
      for (const { extent, at, start, end } of pieces) extent.share(at, end - start)
      if (region.memory) region.memory.regions += 1
      if (region.file) region.file.references += 1
      region.huge?.retain()
      copy.regions.push({ ...region, pieces, locked: false })
    }
    return copy
  }
}

function dropPages(region: Region): void {
  for (const { extent, at, start, end } of region.pieces.splice(0)) extent.release(at, end - start)
}

function discard(region: Region): void {
  dropPages(region)
  if (region.file) release(region.file)
  region.huge?.release()
  const { memory } = region
  if (memory === undefined) return
  memory.regions -= 1
  if (memory.regions === 0) memory.unused()
}

/** Pages of a region are dropped and the region stays. madvise(2) MADV_DONTNEED */
export function dropRange(region: Region, start: number, end: number): void {
  const kept: Piece[] = []
  for (const piece of region.pieces.splice(0)) {
    const from = Math.max(start, piece.start)
    const to = Math.min(end, piece.end)
    if (from >= to) {
      kept.push(piece)
      continue
    }
    const { extent, at } = piece
    extent.release(at + from - piece.start, to - from)
    if (piece.start < from) kept.push({ start: piece.start, end: from, extent, at })
    if (to < piece.end) kept.push({ start: to, end: piece.end, extent, at: at + to - piece.start })
  }
  region.pieces.push(...kept)
}

/** The address space of a task, made when it is first needed. */
export function spaceOf(task: Task): AddressSpace {
  const { image } = task.process
  image.space ??= new AddressSpace(task.kernel)
  return image.space
}

/** Pages in memory: VmRSS. */
export function residentPages(space: AddressSpace): number {
  let sum = 0
  for (const { pieces, memory } of space.regions) {
    for (const { extent, at, start, end } of pieces) sum += end - start - extent.swappedIn(at, end - start)
    if (memory) sum += memory.pages.size
  }
  return sum
}

/** Pages in swap: VmSwap. */
export function swappedPages(space: AddressSpace): number {
  let sum = 0
  for (const { pieces } of space.regions)
    for (const { extent, at, start, end } of pieces) sum += extent.swappedIn(at, end - start)
  return sum
}

/** Pages of all regions: VmSize. */
export const mappedPages = (space: AddressSpace): number =>
  space.regions.reduce((sum, { start, end }) => sum + end - start, 0)

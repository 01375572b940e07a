// Page faults: pages come to be when they are touched, and that is when they are paid for (MEM-012). mm/memory.c

import { type AddressSpace, type Piece, type Region, spaceOf } from './address-space.ts'
import type { MemoryControl } from './cgroup/memory/control.ts'
import type { MemoryGroup } from './cgroup/memory/group.ts'
import { Extent } from './extent.ts'
import { pageBytes } from './memory.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from './outcome.ts'
import type { Task } from './task.ts'

const SIGBUS = 7
const PROT_WRITE = 2
const KEEP_SIZE = 1

/** Version 1 with oom_kill_disable: the task waits until the group has room (V1-003). */
export interface Full {
  readonly full: MemoryGroup
}
/** `bus`: who touches it himself, and not by a call, gets SIGBUS. */
export type Touched = undefined | (Denied & { readonly bus?: true }) | Full

/**
 * Touches a range of pages of a task's memory, as reading or writing it does, and answers like a call: 0, or the call waits
 * for room. A program calls this for what it uses; a machine without contents has no other way to know.
 */
export function touch(task: Task, start: number, end: number, write: boolean): Reply {
  const reply = populate(task, start, end, write)
  if (typeof reply === 'object' && 'bus' in reply) task.kernel.sendSignal(task, SIGBUS)
  return reply
}

/** The same of a system call, which is refused and has nobody killed with SIGBUS. */
export function populate(task: Task, start: number, end: number, write: boolean): Reply {
  const attempt = (): Outcome | Full => touchRange(task, spaceOf(task), start, end, write) ?? { value: 0 }
  const outcome = attempt()
  if (!('full' in outcome)) return outcome
  let { full } = outcome
  return {
    queues: [full.room],
    interruptible: false,
    again: () => {
      const next = attempt()
      if (!('full' in next)) {
        full.underOom = false
        return next
      }
      full = next.full
      return undefined
    },
  }
}

/** The same, for callers that wait themselves. EFAULT: a page is in no region, or not for writing. */
export function touchRange(task: Task, space: AddressSpace, start: number, end: number, write: boolean): Touched {
  let page = start
  for (const region of space.within(start, end)) {
    if (region.start > page) break
    if (write && !(region.prot & PROT_WRITE)) break
    const to = Math.min(end, region.end)
    const result = touchRegion(task, region, Math.max(page, region.start), to, write)
    if (result) return result
    page = to
  }
  if (page >= end) return undefined
  return deny('EFAULT', 'mmap(2)', 'mmap(2): this address is in no mapping that allows the access')
}

function touchRegion(task: Task, region: Region, start: number, end: number, write: boolean): Touched {
  if (region.huge) return touchHuge(task, region, start, end)
  if (region.memory) return touchShared(task, region, start, end)
  if (region.file && (region.shared || !write)) return touchFile(task, region, start, end)
  const control = task.kernel.memory as MemoryControl
  for (let page = start; page < end; ) {
    const index = region.pieces.findIndex((piece) => piece.end > page)
    const piece = index < 0 ? undefined : region.pieces[index]!
    if (piece === undefined || piece.start > page) {
      const result = makePages(task, control, region, page, Math.min(end, piece?.start ?? end))
      if (typeof result !== 'number') return result
      page += result
      continue
    }
    const at = piece.at + page - piece.start
    if (piece.extent.isSwapped(at)) {
      const result = piece.extent.bringBack(task, at)
      if (result === 'wait') return { full: control.full(piece.extent.payer, 1)! }
      if (result) return result
    }
    if (write && piece.extent.shared(at)) {
      const result = copyPage(task, control, region, index, page)
      if (result) return result
    }
    page += 1
  }
  return undefined
}

/** Makes pages where there are none, as many at once as there is room for; answers how many. */
function makePages(
  task: Task,
  control: MemoryControl,
  region: Region,
  page: number,
  end: number,
): number | Denied | Full {
  const group = control.groupOf(task)
  const pages = Math.min(end - page, Math.max(1, control.room(group)))
  const refusal = control.charge(task, 'anon', pages, true)
  if (refusal === 'wait') return { full: control.full(group, pages)! }
  if (isDenied(refusal)) return refusal
  group.faults += pages
  const index = region.pieces.findIndex((piece) => piece.end > page)
  const before = region.pieces[index < 0 ? region.pieces.length - 1 : index - 1]
  const { extent } = before ?? {}
  const grows =
    before?.end === page &&
    extent!.growable &&
    extent!.payer === group &&
    before.at + page - before.start === extent!.pages
  if (grows) {
    extent!.grow(pages)
    before.end += pages
    return pages
  }
  const made = new Extent(control, group, pages)
  made.locked = region.locked
  insertPiece(region, { start: page, end: page + pages, extent: made, at: 0 })
  return pages
}

/** The first write after fork(2): a page of one's own, paid for by who writes. */
function copyPage(task: Task, control: MemoryControl, region: Region, index: number, page: number): Touched {
  const group = control.groupOf(task)
  const payer = control.charge(task, 'anon', 1, true)
  if (payer === 'wait') return { full: control.full(group, 1)! }
  if (isDenied(payer)) return payer
  group.faults += 1
  const piece = region.pieces[index]!
  const at = piece.at + page - piece.start
  const parts: Piece[] = []
  if (piece.start < page) parts.push({ ...piece, end: page })
  const before = parts.at(-1) ?? region.pieces[index - 1]
  const last = parts.length === 0 ? before : undefined
  const grows = last && last.end === page && last.extent.growable && last.extent.payer === group
  if (grows && last.at + last.end - last.start === last.extent.pages) {
    last.extent.grow(1)
    last.end += 1
  } else parts.push({ start: page, end: page + 1, extent: new Extent(control, group, 1), at: 0 })
  if (page + 1 < piece.end) parts.push({ ...piece, start: page + 1, at: at + 1 })
  region.pieces.splice(index, 1, ...parts)
  piece.extent.release(at, 1)
  return undefined
}

function insertPiece(region: Region, piece: Piece): void {
  const index = region.pieces.findIndex(({ start }) => start > piece.start)
  region.pieces.splice(index < 0 ? region.pieces.length : index, 0, piece)
}

function touchShared(task: Task, region: Region, start: number, end: number): Touched {
  const memory = region.memory!
  for (let page = start; page < end; page++) {
    const index = region.offset + page - region.start
    if (memory.pages.has(index)) continue
    const payer = memory.charges.take(task, 1)
    if (isDenied(payer)) return payer
    memory.pages.add(index)
  }
  return undefined
}

/** Pages of a file come from the file; beyond its end is nothing. */
function touchFile(task: Task, region: Region, start: number, end: number): Touched {
  const file = region.file!
  const first = region.offset + start - region.start
  const filePages = Math.ceil(file.inode.sizeBytes / pageBytes)
  if (first + end - start > filePages) {
    return { ...deny('EFAULT', 'mmap(2)', 'mmap(2): SIGBUS, the page is behind the end of the file'), bus: true }
  }
  const made = file.operations?.allocate?.(task, first * pageBytes, (end - start) * pageBytes, KEEP_SIZE)
  return isDenied(made) ? made : undefined
}

function touchHuge(task: Task, region: Region, start: number, end: number): Touched {
  const from = region.offset + start - region.start
  const refused = task.kernel.huge?.fault(task, region.huge!, from, from + end - start)
  return refused && { ...refused, bus: true }
}

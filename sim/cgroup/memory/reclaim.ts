// Reclaim: clean page cache goes, anonymous memory goes to swap where there is some, until enough is free.

import type { MemoryControl } from './control.ts'
import type { MemoryGroup } from './group.ts'
import { protectionOf } from './protection.ts'

interface Candidate {
  readonly group: MemoryGroup
  /** Pages that may be taken from it: not more than it has beyond its protection. */
  readonly pages: number
}

/**
 * Takes pages from a group and all below; answers how many. Groups below their memory.low are spared as long as others
 * have something; below memory.min always. mm/vmscan.c shrink_node_memcgs()
 *
 * @param swap - whether anonymous memory may go to swap
 */
export function reclaim(control: MemoryControl, top: MemoryGroup, pages: number, swap: boolean): number {
  let taken = pass(control, top, pages, swap, false)
  if (taken === 0) taken = pass(control, top, pages, swap, true)
  return taken
}

function pass(control: MemoryControl, top: MemoryGroup, pages: number, swap: boolean, breakLow: boolean): number {
  const recursive = top.cgroup.hierarchy.options.has('memory_recursiveprot')
  const candidates: Candidate[] = []
  let all = 0
  for (const group of below(top)) {
    const swappable = swap ? Math.min(group.own.anon, control.swapRoom(group)) : 0
    const own = group.own.file + swappable
    if (own === 0) continue
    const { min, low } = protectionOf(group, top, recursive)
    const left = group.usage - (breakLow ? min : Math.max(min, low))
    if (left <= 0) continue
    if (breakLow && group.usage <= low) control.event(group, 'low')
    candidates.push({ group, pages: Math.min(own, left) })
    all += Math.min(own, left)
  }
  const wanted = Math.min(pages, all)
  let taken = 0
  // From each its part, the last ones what rounding left.
  for (const { group, pages: most } of candidates) {
    const part = Math.min(most, Math.ceil((wanted * most) / all), wanted - taken)
    taken += take(control, group, part, swap)
  }
  top.stolen += taken
  top.scanned += taken
  return taken
}

function take(control: MemoryControl, group: MemoryGroup, pages: number, swap: boolean): number {
  let taken = 0
  for (const cache of group.caches) {
    if (taken >= pages) return taken
    taken += cache.reclaim(group, pages - taken)
  }
  if (!swap) return taken
  for (const memory of group.anonymous) {
    const room = Math.min(pages - taken, control.swapRoom(group))
    if (room <= 0) return taken
    taken += memory.reclaim(group, room)
  }
  return taken
}

/** A group and all below that have anything, oldest first. */
function* below(group: MemoryGroup): Generator<MemoryGroup> {
  yield group
  for (const child of group.children) if (child.usage > 0) yield* below(child)
}

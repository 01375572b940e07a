// How much of a group reclaim has to leave alone: memory.min and memory.low, as ancestors grant them. effective_protection()

import type { MemoryGroup } from './group.ts'

export interface Protection {
  readonly min: number
  readonly low: number
}

/** Protection of a group inside of a reclaim that began at `top`; the top itself has none (MEM-104, MEM-105). */
export function protectionOf(group: MemoryGroup, top: MemoryGroup, recursive: boolean): Protection {
  if (group === top) return { min: 0, low: 0 }
  const parent = group.parent!
  if (parent === top) return { min: Math.min(group.usage, group.min), low: Math.min(group.usage, group.low) }
  const granted = protectionOf(parent, top, recursive)
  return {
    min: effective(group, parent, 'min', granted.min, recursive),
    low: effective(group, parent, 'low', granted.low, recursive),
  }
}

function effective(
  group: MemoryGroup,
  parent: MemoryGroup,
  kind: 'min' | 'low',
  granted: number,
  recursive: boolean,
): number {
  const asked = Math.min(group.usage, group[kind])
  let siblings = 0
  for (const child of parent.children) siblings += Math.min(child.usage, child[kind])
  if (siblings > granted) return Math.floor((asked * granted) / siblings)
  if (!recursive || granted <= siblings || parent.usage <= siblings || group.usage <= asked) return asked
  // memory_recursiveprot: what nobody asked for is shared by what each uses beyond its own.
  return asked + Math.floor(((granted - siblings) * (group.usage - asked)) / (parent.usage - siblings))
}

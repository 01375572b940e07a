// Charges of memory, tasks and huge pages: up the tree they are the sum of what lives below, and at the bottom what is held.

import { type Cgroup, preOrder } from '../../sim/cgroup/cgroup.ts'
import { MemoryGroup } from '../../sim/cgroup/memory/group.ts'
import { Extent } from '../../sim/extent.ts'
import { HugeGroup } from '../../sim/huge-pages.ts'
import { Charges, type PageKind } from '../../sim/memory.ts'
import type { Task } from '../../sim/task.ts'
import { PageCache } from '../../sim/vfs/page-cache.ts'
import { type Everything, Tally } from './invariants.ts'

export function chargeFaults(machine: Everything, born: Task | undefined): string[] {
  return [...memoryFaults(machine), ...heldFaults(machine), ...hugeFaults(machine), ...pidsFaults(machine, born)]
}

const titleOf = (cgroup: Cgroup): string => `cgroup ${cgroup.name || '/'}${cgroup.dead ? ' (removed)' : ''}`

function memoryFaults({ all }: Everything): string[] {
  const faults: string[] = []
  for (const group of all(MemoryGroup)) {
    const below = [...group.children]
    let usage = 0
    for (const kind of Object.keys(group.total) as PageKind[]) {
      const sum = group.own[kind] + below.reduce((pages, child) => pages + child.total[kind], 0)
      usage += group.total[kind]
      if (group.total[kind] !== sum || group.own[kind] < 0)
        faults.push(`${titleOf(group.cgroup)}: ${group.total[kind]} pages of ${kind}, ${sum} in it and below`)
    }
    if (usage !== group.usage) faults.push(`${titleOf(group.cgroup)}: uses ${group.usage} pages, of all kinds ${usage}`)
    const swap = group.ownSwap + below.reduce((pages, child) => pages + child.swapUsage, 0)
    if (swap !== group.swapUsage) faults.push(`${titleOf(group.cgroup)}: ${group.swapUsage} in swap, ${swap} below`)
    if (group.peak < group.usage) faults.push(`${titleOf(group.cgroup)}: its peak is below what it uses`)
    const forgotten = group.offline && group.emptied === undefined
    if (forgotten && (group.usage > 0 || group.swapUsage > 0 || group.parent?.children.has(group)))
      faults.push(`${titleOf(group.cgroup)}: forgotten while it has charges`)
  }
  return faults
}

/** Who holds pages holds as many as his cgroup is charged for. */
function heldFaults({ all }: Everything): string[] {
  const held = new Map<PageKind, Tally<object>>()
  const hold = (kind: PageKind, payer: object, pages: number) => {
    const tally = held.get(kind) ?? new Tally()
    held.set(kind, tally)
    tally.add(payer, pages)
  }
  const swapped = new Tally<object>()
  for (const charges of all(Charges)) {
    const { kind, pages } = charges.hidden() as { kind: PageKind; pages: ReadonlyMap<object, number> }
    for (const [payer, count] of pages) hold(kind, payer, count)
  }
  for (const extent of all(Extent)) {
    hold('anon', extent.payer, extent.livePages - extent.swappedPages)
    swapped.add(extent.payer, extent.swappedPages)
  }
  for (const cache of all(PageCache))
    for (const payer of (cache.hidden() as { pages: ReadonlyMap<number, object> }).pages.values())
      hold('file', payer, 1)
  const faults: string[] = []
  for (const group of all(MemoryGroup)) {
    for (const kind of ['anon', 'shmem', 'file', 'pipe'] as const) {
      const pages = held.get(kind)?.of(group) ?? 0
      if (pages !== group.own[kind])
        faults.push(`${titleOf(group.cgroup)}: charged for ${group.own[kind]} pages of ${kind}, ${pages} are held`)
    }
    if (swapped.of(group) !== group.ownSwap)
      faults.push(`${titleOf(group.cgroup)}: charged for ${group.ownSwap} pages in swap, ${swapped.of(group)} are held`)
  }
  return faults
}

function hugeFaults({ kernel, all }: Everything): string[] {
  const faults: string[] = []
  for (const group of all(HugeGroup))
    for (const kind of ['used', 'reserved'] as const)
      if (group.usage[kind] < 0) faults.push(`${titleOf(group.cgroup)}: ${group.usage[kind]} huge pages ${kind}`)
  const { huge } = kernel
  if (huge && (huge.reserved < 0 || huge.inUse < 0)) faults.push('the pool of huge pages is below zero')
  return faults
}

interface Pids {
  readonly max: number | undefined
  readonly current: number
}

/** pids.current counts tasks until they are reaped (PDS-004); no fork goes beyond pids.max. */
function pidsFaults({ kernel }: Everything, born: Task | undefined): string[] {
  const faults: string[] = []
  for (const { root } of kernel.cgroups.hierarchies) {
    if (!root.held.has('pids')) continue
    const own = new Tally<Cgroup>()
    for (const task of kernel.tasks.values()) {
      let at: Cgroup | undefined = task.cgroups.get(root.hierarchy)
      while (at && !(at.held.has('pids') && !at.dead)) at = at.parent
      own.add(at)
    }
    for (const cgroup of preOrder(root)) {
      const pids = cgroup.held.get('pids')?.state as Pids | undefined
      if (pids === undefined || cgroup === root) continue
      const sum = [...preOrder(cgroup)].reduce((tasks, below) => tasks + own.of(below), 0)
      if (pids.current !== sum) faults.push(`${titleOf(cgroup)}: pids.current is ${pids.current}, there are ${sum}`)
      const home = born?.cgroups.get(root.hierarchy)
      if (home?.isBelow(cgroup) && pids.max !== undefined && pids.current > pids.max)
        faults.push(`${titleOf(cgroup)}: a fork made it ${pids.current} tasks, pids.max is ${pids.max}`)
    }
  }
  return faults
}

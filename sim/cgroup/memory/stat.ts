// memory.stat and memory.numa_stat: what is charged, by kind, in bytes. cgroup-v2.rst, memory.stat

import { bytesText } from '../amounts.ts'
import type { MemoryGroup } from './group.ts'

/** Keys in the kernel's order: pages (shown in bytes) or a count of events. */
function entries(group: MemoryGroup): readonly (readonly [string, number, 'pages' | 'count'])[] {
  const { total } = group
  const kernel = total.kernel + total.stack + total.pagetables + total.pipe
  const pages = (name: string, value: number) => [name, value, 'pages'] as const
  const count = (name: string, value: number) => [name, value, 'count'] as const
  return [
    pages('anon', total.anon),
    pages('file', total.file + total.shmem),
    pages('kernel', kernel),
    pages('kernel_stack', total.stack),
    pages('pagetables', total.pagetables),
    pages('sec_pagetables', 0),
    pages('percpu', 0),
    pages('sock', total.sock),
    pages('vmalloc', 0),
    pages('shmem', total.shmem),
    pages('zswap', 0),
    pages('zswapped', 0),
    pages('file_mapped', 0),
    pages('file_dirty', 0),
    pages('file_writeback', 0),
    pages('swapcached', 0),
    pages('anon_thp', 0),
    pages('file_thp', 0),
    pages('shmem_thp', 0),
    pages('inactive_anon', total.anon + total.shmem),
    pages('active_anon', 0),
    pages('inactive_file', total.file),
    pages('active_file', 0),
    pages('unevictable', 0),
    pages('slab_reclaimable', 0),
    pages('slab_unreclaimable', total.kernel),
    pages('slab', total.kernel),
    count('workingset_refault_anon', group.swappedIn),
    count('workingset_refault_file', 0),
    count('workingset_activate_anon', 0),
    count('workingset_activate_file', 0),
    count('workingset_restore_anon', 0),
    count('workingset_restore_file', 0),
    count('workingset_nodereclaim', 0),
    count('pswpin', group.swappedIn),
    count('pswpout', group.swappedOut),
    count('pgscan', group.scanned),
    count('pgsteal', group.stolen),
    count('pgfault', group.faults),
    count('pgmajfault', group.majorFaults),
    count('pgrefill', 0),
    count('pgactivate', 0),
    count('pgdeactivate', 0),
    count('pglazyfree', 0),
    count('pglazyfreed', 0),
    count('swpin_zero', 0),
    count('swpout_zero', 0),
  ]
}

export function statText(group: MemoryGroup): string {
  return entries(group)
    .map(([name, value, unit]) => `${name} ${unit === 'pages' ? bytesText(value) : value}\n`)
    .join('')
}

/** The machine has one node of memory: all is there. */
export function numaText(group: MemoryGroup): string {
  return entries(group)
    .filter(([name, , unit]) => unit === 'pages' && numaKeys.has(name))
    .map(([name, value]) => `${name} N0=${bytesText(value)}\n`)
    .join('')
}

const numaKeys = new Set(
  (
    'anon file kernel_stack pagetables sec_pagetables shmem file_mapped file_dirty file_writeback swapcached anon_thp ' +
    'file_thp shmem_thp inactive_anon active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable'
  ).split(' '),
)

/** Version 1: names of its own, and `total_` for what is below, too. */
export function legacyStatText(group: MemoryGroup): string {
  const lines = (prefix: string, counted: MemoryGroup['own'], swap: number): string => {
    const bytes = (pages: number) => bytesText(pages)
    return (
      `${prefix}cache ${bytes(counted.file + counted.shmem)}\n${prefix}rss ${bytes(counted.anon)}\n` +
      `${prefix}rss_huge 0\n${prefix}shmem ${bytes(counted.shmem)}\n${prefix}mapped_file 0\n${prefix}dirty 0\n` +
      `${prefix}writeback 0\n${prefix}workingset_refault_anon 0\n${prefix}workingset_refault_file 0\n` +
      `${prefix}swap ${bytes(swap)}\n${prefix}pgpgin ${group.faults}\n${prefix}pgpgout 0\n` +
      `${prefix}pgfault ${group.faults}\n${prefix}pgmajfault ${group.majorFaults}\n` +
      `${prefix}inactive_anon ${bytes(counted.anon + counted.shmem)}\n${prefix}active_anon 0\n` +
      `${prefix}inactive_file ${bytes(counted.file)}\n${prefix}active_file 0\n${prefix}unevictable 0\n`
    )
  }
  const least = (of: 'max' | 'memswMax') => {
    let limit: number | undefined
    for (let at: MemoryGroup | undefined = group; at; at = at.parent)
      if (at[of] !== undefined) limit = limit === undefined ? at[of] : Math.min(limit, at[of])
    return limit === undefined ? '9223372036854771712' : bytesText(limit)
  }
  return (
    lines('', group.own, group.ownSwap) +
    `hierarchical_memory_limit ${least('max')}\nhierarchical_memsw_limit ${least('memswMax')}\n` +
    lines('total_', group.total, group.swapUsage)
  )
}

// Numbers of the whole machine: load, events of memory, huge pages, swap. proc_loadavg(5), proc_vmstat(5), proc_meminfo(5)

import type { Kernel } from './kernel.ts'

/** Averages of tasks that compute, over 1, 5 and 15 minutes; how many compute now, of how many tasks; the last number given. */
export function loadText(kernel: Kernel, lastPid: number): string {
  const loads = kernel.cpu?.load() ?? [0, 0, 0]
  const averages = loads.map((load) => load.toFixed(2)).join(' ')
  return `${averages} ${(kernel.cpu?.runnable ?? 0) + 1}/${kernel.tasks.size} ${lastPid}\n`
}

/** Pages and events since the machine was switched on. */
export function vmstatText({ memory, config }: Kernel): string {
  if (memory === undefined) return ''
  const { root } = memory
  const { total } = root
  const rows: readonly (readonly [string, number])[] = [
    ['nr_free_pages', Math.max(0, Math.floor(config.memoryBytes / 4096) - root.usage)],
    ['nr_inactive_anon', total.anon + total.shmem],
    ['nr_active_anon', 0],
    ['nr_inactive_file', total.file],
    ['nr_active_file', 0],
    ['nr_anon_pages', total.anon],
    ['nr_file_pages', total.file + total.shmem],
    ['nr_shmem', total.shmem],
    ['nr_dirty', 0],
    ['nr_writeback', 0],
    ['nr_slab_unreclaimable', total.kernel],
    ['nr_kernel_stack', total.stack * 4],
    ['nr_page_table_pages', total.pagetables],
    ['oom_kill', memory.oomKills],
  ]
  return rows.map(([name, value]) => `${name} ${value}\n`).join('')
}

/** The end of /proc/meminfo. */
export function hugePagesText({ huge }: Kernel): string {
  const { total, inUse, reserved } = huge ?? { total: 0, inUse: 0, reserved: 0 }
  const row = (title: string, pages: number) => `${`${title}:`.padEnd(16)}${String(pages).padStart(8)}\n`
  return (
    row('HugePages_Total', total) +
    row('HugePages_Free', total - inUse) +
    row('HugePages_Rsvd', reserved) +
    row('HugePages_Surp', 0) +
    'Hugepagesize:       2048 kB\n'
  )
}

/** Time of all processors together that tasks have had, in ticks of 10 ms: user of /proc/stat. */
export function busyTicks({ cpu, cgroups }: Kernel): number {
  cpu?.update()
  return Math.floor(cgroups.unified.root.cpuNs / 1e7)
}

/** Swap in use, in KiB. */
export const swapUsedKib = ({ memory }: Kernel): number => (memory?.root.swapUsage ?? 0) * 4

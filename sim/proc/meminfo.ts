// /proc/meminfo. proc_meminfo(5)

import { hugePagesText } from '../figures.ts'
import type { Kernel } from '../kernel.ts'

/** What all groups together use is what is not free. */
export function memoryText(kernel: Kernel): string {
  const { config, memory } = kernel
  const totalKib = Math.floor(config.memoryBytes / 1024)
  const swapKib = Math.floor((config.swapBytes ?? 0) / 1024)
  const usage = memory?.root
  const usedKib = usage ? usage.usage * 4 : 0
  const swapFreeKib = memory ? (memory.swapPages - memory.root.swapUsage) * 4 : swapKib
  const count = (kind: 'file' | 'shmem' | 'anon' | 'pagetables' | 'stack'): number => (usage?.total[kind] ?? 0) * 4
  const cachedKib = count('file') + count('shmem')
  const freeKib = Math.max(0, totalKib - usedKib)
  const rows: readonly (readonly [string, number])[] = [
    ['MemTotal', totalKib],
    ['MemFree', freeKib],
    ['MemAvailable', Math.min(totalKib, freeKib + count('file'))],
    ['Buffers', 0],
    ['Cached', cachedKib],
    ['SwapCached', 0],
    ['AnonPages', count('anon')],
    ['Mapped', 0],
    ['Shmem', count('shmem')],
    ['SwapTotal', swapKib],
    ['SwapFree', swapFreeKib],
    ['Dirty', 0],
    ['Writeback', 0],
    ['PageTables', count('pagetables')],
    ['KernelStack', count('stack')],
    ['CommitLimit', Math.floor(totalKib / 2) + swapKib],
    ['Committed_AS', usedKib],
  ]
  const words = rows.map(([title, kib]) => `${`${title}:`.padEnd(16)}${String(kib).padStart(8)} kB\n`).join('')
  return words + hugePagesText(kernel)
}

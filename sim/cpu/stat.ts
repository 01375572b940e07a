// cpu.stat and the files of cpuacct: time that tasks of a cgroup and below have had. cgroup-v2.rst, cpuacct.rst

import type { Cgroup } from '../cgroup/cgroup.ts'
import type { CgroupFile } from '../cgroup/controller.ts'
import type { Kernel } from '../kernel.ts'
import { throttlingText } from './files.ts'
import type { CpuGroup } from './group.ts'

const usec = (ns: number): number => Math.floor((ns + 0.5) / 1000)
const nothing = 'nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n'

/** Every cgroup has it, with the controller or without (CPU-008). Programs compute in user mode here; calls take no time. */
export function statText(kernel: Kernel, cgroup: Cgroup): string {
  kernel.cpu?.update()
  const { cpuNs, niceNs } = cgroup
  const nice = kernel.since(6, 11) ? `nice_usec ${usec(niceNs)}\n` : ''
  const group = cgroup.held.get('cpu')?.state as CpuGroup | undefined
  const throttling = group ? throttlingText(group) : kernel.since(6, 18) ? '' : nothing
  return `usage_usec ${usec(cpuNs)}\nuser_usec ${usec(cpuNs)}\nsystem_usec 0\n${nice}${throttling}`
}

/** Of what is throttled here, not below. */
export function localStatText(cgroup: Cgroup): string {
  const group = cgroup.held.get('cpu')?.state as CpuGroup | undefined
  return `throttled_usec ${usec(group?.throttling.throttledNs ?? 0)}\n`
}

/** cpuacct.usage and its kin of version 1, in nanoseconds and in ticks of 10 ms. */
export const cpuacctFiles = (kernel: Kernel): readonly CgroupFile<object>[] => {
  const ns = (cgroup: Cgroup): number => {
    kernel.cpu?.update()
    return Math.floor(cgroup.cpuNs + 0.5)
  }
  const shown = (name: string, read: (cgroup: Cgroup) => string): CgroupFile<object> => ({
    name,
    read: ({ cgroup }) => read(cgroup),
  })
  return [
    {
      name: 'cpuacct.usage',
      read: ({ cgroup }) => `${ns(cgroup)}\n`,
      // Only 0 may be written: it begins anew.
      write: ({ cgroup }, text) => {
        if (text.trim() !== '0') return { errno: 'EINVAL', rule: 'cpuacct.rst', sentence: 'cpuacct.usage: only 0' }
        ns(cgroup)
        cgroup.cpuNs = 0
        cgroup.niceNs = 0
        return undefined
      },
    },
    shown('cpuacct.usage_user', (cgroup) => `${ns(cgroup)}\n`),
    shown('cpuacct.usage_sys', () => '0\n'),
    shown('cpuacct.stat', (cgroup) => `user ${Math.floor(ns(cgroup) / 1e7)}\nsystem 0\n`),
  ]
}

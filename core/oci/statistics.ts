// events: what a container uses, in runc's words, which containerd and podman read. runc-events(8).

import { type CgroupStats, readEvents, readStats } from '../cgroup/read.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { find, isRunning, type OciSettings } from './record.ts'

/** One line of `events`. */
export interface StatisticsEvent {
  readonly type: 'stats' | 'oom'
  readonly id: string
  readonly data?: object
}

/** @errors UserError for one that does not run */
export function statistics({ kernel }: Host, settings: OciSettings, id: string): StatisticsEvent {
  const container = find(kernel, settings, id)
  const { cgroups } = container.record
  if (!isRunning(kernel, container)) throw new UserError(`container ${id} is not running`)
  if (cgroups === null) throw new UserError(`container ${id} has no cgroup of its own, and so no statistics`)
  return { type: 'stats', id, data: dataOf(readStats(kernel, cgroups)) }
}

/** How many of its processes the kernel has ended for memory. */
export function oomKills({ kernel }: Host, settings: OciSettings, id: string): number {
  const { cgroups } = find(kernel, settings, id).record
  return cgroups === null ? 0 : readEvents(kernel, cgroups).oomKills
}

export function isThere({ kernel }: Host, settings: OciSettings, id: string): boolean {
  return isRunning(kernel, find(kernel, settings, id))
}

function dataOf({ cpu, memory, pids, io }: CgroupStats): object {
  const perDevice = (value: 'readBytes' | 'writeBytes' | 'reads' | 'writes', op: string) =>
    (io?.devices ?? []).map(({ device, ...counts }) => {
      const [major, minor] = device.split(':').map(Number)
      return { major, minor, op, value: counts[value] }
    })
  return {
    cpu: {
      usage: { total: cpu.usageNsec, kernel: cpu.systemNsec, user: cpu.userNsec },
      throttling: {
        periods: cpu.periods,
        throttledPeriods: cpu.throttledPeriods,
        throttledTime: cpu.throttledNsec,
      },
    },
    memory: memory && {
      cache: memory.cacheBytes,
      usage: {
        limit: memory.limitBytes ?? 2 ** 63,
        usage: memory.usageBytes,
        ...(memory.peakBytes === undefined ? {} : { max: memory.peakBytes }),
        failcnt: 0,
      },
      swap: { usage: memory.swapBytes, limit: 0, failcnt: 0 },
      kernel: { limit: 0, failcnt: 0 },
      kernelTCP: { limit: 0, failcnt: 0 },
      raw: { inactive_file: memory.inactiveFileBytes, anon: memory.rssBytes, file: memory.cacheBytes },
    },
    pids: pids && { current: pids.current, ...(pids.limit === undefined ? {} : { limit: pids.limit }) },
    blkio: {
      ioServiceBytesRecursive: [...perDevice('readBytes', 'Read'), ...perDevice('writeBytes', 'Write')],
      ioServicedRecursive: [...perDevice('reads', 'Read'), ...perDevice('writes', 'Write')],
    },
    hugetlb: {},
  }
}

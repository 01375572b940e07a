// The files cpu.* of version 1: shares, and a quota that fits into the parent's. sched-design-CFS.rst, sched-bwc.rst

import type { CgroupFile } from '../cgroup/controller.ts'
import { longLongRange, parseInteger, unsignedRange } from '../cgroup/numbers.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { setBandwidth } from './files.ts'
import type { CpuGroup } from './group.ts'
import type { Processors } from './processors.ts'

type File = CgroupFile<CpuGroup>

const sharesLeast = 2
const sharesMost = 262_144

function shares(processors: Processors): File {
  return {
    name: 'cpu.shares',
    read: ({ state }) => `${state.weight}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, unsignedRange)
      if (isDenied(value)) return value
      if (state.parent === undefined || state.idle)
        return deny('EINVAL', 'V1-004', 'cpu.shares: the root, and an idle cgroup, have none of their own')
      processors.update()
      state.shares = Math.min(sharesMost, Math.max(sharesLeast, value))
      processors.replan()
      return undefined
    },
  }
}

/** Quota by period; the root and those without a quota have no bound of their own. */
const ratio = (quotaUsec: number | undefined, periodUsec: number): number =>
  quotaUsec === undefined ? Number.POSITIVE_INFINITY : quotaUsec / periodUsec

/** A child has never a larger part than its parent (V1-005). tg_cfs_schedulable_down() */
function fits(group: CpuGroup, quotaUsec: number | undefined, periodUsec: number): boolean {
  let above = Number.POSITIVE_INFINITY
  for (let at = group.parent; at; at = at.parent) above = Math.min(above, ratio(at.quotaUsec, at.periodUsec))
  const own = ratio(quotaUsec, periodUsec)
  if (own !== Number.POSITIVE_INFINITY && own > above) return false
  return fitsBelow(group, Math.min(own, above))
}

function fitsBelow({ cgroup }: CpuGroup, above: number): boolean {
  for (const child of cgroup.children.values()) {
    const group = child.held.get('cpu')!.state as CpuGroup
    const own = ratio(group.quotaUsec, group.periodUsec)
    if (own !== Number.POSITIVE_INFINITY && own > above) return false
    if (own === Number.POSITIVE_INFINITY && !fitsBelow(group, above)) return false
  }
  return true
}

function change(
  processors: Processors,
  group: CpuGroup,
  file: string,
  parts: { readonly quotaUsec?: number | undefined; readonly periodUsec?: number; readonly burstUsec?: number },
): Denied | undefined {
  if (group.parent === undefined) return deny('EINVAL', 'V1-004', `${file}: the root has no quota`)
  const { quotaUsec, periodUsec, burstUsec } = {
    ...{ quotaUsec: group.quotaUsec, periodUsec: group.periodUsec, burstUsec: group.burstUsec },
    ...parts,
  }
  if (!fits(group, quotaUsec, periodUsec))
    return deny('EINVAL', 'V1-005', `${file}: a child has no larger part of its period than the parent`)
  return setBandwidth(processors, group, { quotaUsec, periodUsec, burstUsec }, file, 'V1-004')
}

export function cpuLegacyFiles(processors: Processors): readonly File[] {
  return [
    shares(processors),
    {
      name: 'cpu.idle',
      read: ({ state }) => `${state.idle ? 1 : 0}\n`,
      write: ({ state }, text) => {
        const value = parseInteger(text, longLongRange)
        if (isDenied(value)) return value
        if (state.parent === undefined || (value !== 0 && value !== 1))
          return deny('EINVAL', 'CPU-009', 'cpu.idle: 0 or 1, and not in the root')
        processors.update()
        if (state.idle && value === 0) state.shares = 1024
        state.idle = value === 1
        processors.replan()
        return undefined
      },
    },
    {
      name: 'cpu.cfs_quota_us',
      read: ({ state }) => `${state.quotaUsec ?? -1}\n`,
      write: ({ state }, text) => {
        const value = parseInteger(text, longLongRange)
        if (isDenied(value)) return value
        return change(processors, state, 'cpu.cfs_quota_us', { quotaUsec: value < 0 ? undefined : value })
      },
    },
    {
      name: 'cpu.cfs_period_us',
      read: ({ state }) => `${state.periodUsec}\n`,
      write: ({ state }, text) => {
        const periodUsec = parseInteger(text, unsignedRange)
        return isDenied(periodUsec) ? periodUsec : change(processors, state, 'cpu.cfs_period_us', { periodUsec })
      },
    },
    {
      name: 'cpu.cfs_burst_us',
      read: ({ state }) => `${state.burstUsec}\n`,
      write: ({ state }, text) => {
        const burstUsec = parseInteger(text, unsignedRange)
        return isDenied(burstUsec) ? burstUsec : change(processors, state, 'cpu.cfs_burst_us', { burstUsec })
      },
    },
    {
      name: 'cpu.stat',
      read: ({ state: { throttling } }) =>
        `nr_periods ${throttling.periods}\nnr_throttled ${throttling.throttled}\n` +
        `throttled_time ${Math.floor(throttling.throttledNs)}\nnr_bursts ${throttling.bursts}\n` +
        `burst_time ${Math.floor(throttling.burstNs)}\n`,
    },
  ]
}

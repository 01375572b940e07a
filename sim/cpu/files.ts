// The files cpu.* of version 2. kernel/sched/core.c cpu_files

import type { At, CgroupFile } from '../cgroup/controller.ts'
import { longLongRange, parseInteger, unsignedRange } from '../cgroup/numbers.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { CpuGroup } from './group.ts'
import type { Processors } from './processors.ts'
import { niceHighest, niceLowest, niceOfShares, sharesOfWeight, weightOfNice, weightOfShares } from './weight.ts'

type File = CgroupFile<CpuGroup>

export const periodLeastUsec = 1000
export const periodMostUsec = 1_000_000
export const quotaLeastUsec = 1000
/** What fits into 44 bits of nanoseconds' 20ths: a quota beyond is an overflow. max_cfs_runtime */
export const quotaMostUsec = Math.floor(2 ** 44 / 1000) * 1000

function weight(processors: Processors): File {
  return {
    name: 'cpu.weight',
    where: 'notRoot',
    read: ({ state, task }) => `${state.idle ? (task.kernel.since(6, 12) ? 1 : 0) : weightOfShares(state.shares)}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, unsignedRange)
      if (isDenied(value)) return value
      if (value < 1 || value > 10_000) return deny('ERANGE', 'CPU-002', 'cpu.weight: 1 to 10000')
      return setShares(processors, state, sharesOfWeight(value), 'cpu.weight')
    },
  }
}

function nice(processors: Processors): File {
  return {
    name: 'cpu.weight.nice',
    where: 'notRoot',
    read: ({ state }) => `${niceOfShares(state.weight)}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, longLongRange)
      if (isDenied(value)) return value
      if (value < niceLowest || value > niceHighest) return deny('ERANGE', 'CPU-002', 'cpu.weight.nice: -20 to 19')
      return setShares(processors, state, weightOfNice(value), 'cpu.weight.nice')
    },
  }
}

function setShares(processors: Processors, group: CpuGroup, shares: number, file: string): Denied | undefined {
  if (group.idle) return deny('EINVAL', 'CPU-009', `${file}: an idle cgroup has no weight`)
  processors.update()
  group.shares = shares
  processors.replan()
  return undefined
}

function idle(processors: Processors): File {
  return {
    name: 'cpu.idle',
    where: 'notRoot',
    read: ({ state }) => `${state.idle ? 1 : 0}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, longLongRange)
      if (isDenied(value)) return value
      if (value !== 0 && value !== 1) return deny('EINVAL', 'CPU-009', 'cpu.idle: 0 or 1')
      processors.update()
      if (state.idle && value === 0) state.shares = 1024
      state.idle = value === 1
      processors.replan()
      return undefined
    },
  }
}

const quotaText = (group: CpuGroup): string => `${group.quotaUsec ?? 'max'} ${group.periodUsec}\n`

/** `QUOTA PERIOD`: what is no number in second place, and all behind, is not looked at. cpu_period_quota_parse() */
function writeMax(processors: Processors, { state }: At<CpuGroup>, text: string): Denied | undefined {
  const invalid = (why: string) => deny('EINVAL', 'CPU-003', `cpu.max: ${why}`)
  const words = text.trim().split(/\s+/)
  const quotaWord = words[0]!.slice(0, 20)
  // sscanf("%llu"): an optional plus, digits, and what follows is left.
  const periodUsec = /^\+?[0-9]/.test(words[1] ?? '') ? Number.parseInt(words[1]!, 10) : state.periodUsec
  let quotaUsec: number | undefined
  if (/^\+?[0-9]/.test(quotaWord)) quotaUsec = Number.parseInt(quotaWord, 10)
  else if (quotaWord !== 'max') return invalid('the quota is a number or max')
  return setBandwidth(processors, state, { quotaUsec, periodUsec, burstUsec: state.burstUsec }, 'cpu.max', 'CPU-003')
}

/** @errors EINVAL out of the ranges of quota, period and burst */
export function setBandwidth(
  processors: Processors,
  group: CpuGroup,
  limits: { readonly quotaUsec: number | undefined; readonly periodUsec: number; readonly burstUsec: number },
  file: string,
  rule: string,
): Denied | undefined {
  const { quotaUsec, periodUsec, burstUsec } = limits
  const invalid = (why: string) => deny('EINVAL', rule, `${file}: ${why}`)
  if (periodUsec < periodLeastUsec || periodUsec > periodMostUsec) return invalid('a period is 1000 to 1000000')
  if (quotaUsec !== undefined && quotaUsec < quotaLeastUsec) return invalid('a quota is at least 1000')
  if (quotaUsec !== undefined && quotaUsec > quotaMostUsec) return invalid('the quota is too large')
  if (quotaUsec !== undefined && burstUsec > quotaUsec) return invalid('the quota is never below the burst')
  processors.setBandwidth(group, limits)
  return undefined
}

function burst(processors: Processors): File {
  return {
    name: 'cpu.max.burst',
    where: 'notRoot',
    read: ({ state }) => `${state.burstUsec}\n`,
    write: ({ state }, text) => {
      const burstUsec = parseInteger(text, unsignedRange)
      if (isDenied(burstUsec)) return burstUsec
      const { quotaUsec, periodUsec } = state
      return setBandwidth(processors, state, { quotaUsec, periodUsec, burstUsec }, 'cpu.max.burst', 'CPU-004')
    },
  }
}

const usec = (ns: number): number => Math.floor((ns + 0.5) / 1000)

/** Throttling as cpu.stat tells it. */
export const throttlingText = ({ throttling }: CpuGroup): string =>
  `nr_periods ${throttling.periods}\nnr_throttled ${throttling.throttled}\n` +
  `throttled_usec ${usec(throttling.throttledNs)}\nnr_bursts ${throttling.bursts}\nburst_usec ${usec(throttling.burstNs)}\n`

/** Percent with two digits, `max` for 100; what frequencies would follow from, if there were any. */
function clamp(name: string, key: 'clampMin' | 'clampMax', without: string): File {
  return {
    name,
    where: 'notRoot',
    read: ({ state }) => `${state[key] === undefined ? without : state[key] === 100 ? 'max' : state[key].toFixed(2)}\n`,
    write: ({ state }, text) => {
      const word = text.trim()
      if (word !== 'max' && !/^[0-9]+(\.[0-9]{1,2})?$/.test(word))
        return deny('EINVAL', 'cgroup-v2.rst', `${name}: a percentage or max`)
      const percent = word === 'max' ? 100 : Number(word)
      if (percent > 100) return deny('ERANGE', 'cgroup-v2.rst', `${name}: at most 100`)
      state[key] = percent
      return undefined
    },
  }
}

export function cpuFiles(processors: Processors): readonly File[] {
  return [
    weight(processors),
    nice(processors),
    idle(processors),
    {
      name: 'cpu.max',
      where: 'notRoot',
      read: ({ state }) => quotaText(state),
      write: (at, text) => writeMax(processors, at, text),
    },
    burst(processors),
    clamp('cpu.uclamp.min', 'clampMin', '0.00'),
    clamp('cpu.uclamp.max', 'clampMax', 'max'),
  ]
}

// Limits as properties of a unit, so that systemd tells what the cgroup's files say, and writes nothing else into them when it
// reads its units anew. systemd.resource-control(5), org.freedesktop.systemd1(5).

import { asked } from '../cgroup/check.ts'
import { ioWeightFromBlockIOWeight, swapMax, weightFromShares } from '../cgroup/convert.ts'
import type { LimitsNow } from '../cgroup/update.ts'
import type { Variant } from '../dbus/signature.ts'
import { UserError } from '../errors.ts'
import type { LinuxResources } from '../spec/types.ts'

export type Property = readonly [name: string, value: Variant]

/** systemd's word for no limit. */
const infinity = 2n ** 64n - 1n
/** The kernel's, where a quota has none of its own. */
const usualPeriodUsec = 100_000n
/** systemd keeps a quota in whole percents of a CPU. */
const percentUsec = 10_000n
/** More than any kernel counts (CONFIG_NR_CPUS, MAX_NUMNODES). */
const setBitsMax = 8192

export const flag = (name: string, value: boolean): Property => [name, { signature: 'b', value }]
export const text = (name: string, value: string): Property => [name, { signature: 's', value }]
const amount = (name: string, value: bigint): Property => [name, { signature: 't', value }]

const limited = (limit: number) => (limit < 0 ? infinity : BigInt(limit))

/** A list like `0-3,8` as bits. @errors UserError for none */
function bitsOf(list: string): Uint8Array {
  const numbers = list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range.trim()) ?? []
      if (first === undefined || Number(last) >= setBitsMax) throw new UserError(`${list}: must be a list like 0-3,8`)
      return Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, index) => Number(first) + index)
    })
  const bytes = new Uint8Array(Math.floor(Math.max(0, ...numbers) / 8) + 1)
  for (const number of numbers) bytes[number >> 3]! |= 1 << (number & 7)
  return bytes
}

const set = (name: string, list: string): Property => [name, { signature: 'ay', value: bitsOf(list) }]

/** Rounded up, so that cgroups below may have what the container has. */
function quota(quotaUsec: bigint | undefined, periodUsec: bigint | undefined): Property[] {
  const perSecond = quotaUsec === undefined ? infinity : (quotaUsec * 1_000_000n) / (periodUsec ?? usualPeriodUsec)
  const rounded = perSecond === infinity ? infinity : ((perSecond + percentUsec - 1n) / percentUsec) * percentUsec
  return [
    ...(periodUsec === undefined ? [] : [amount('CPUQuotaPeriodUSec', periodUsec)]),
    amount('CPUQuotaPerSecUSec', rounded),
  ]
}

/** Files of cgroup v2, as `unified` names them, that have a property of their own. */
const amounts: Readonly<Record<string, string>> = {
  'memory.min': 'MemoryMin',
  'memory.low': 'MemoryLow',
  'memory.high': 'MemoryHigh',
  'memory.max': 'MemoryMax',
  'memory.swap.max': 'MemorySwapMax',
  'pids.max': 'TasksMax',
  'cpu.weight': 'CPUWeight',
}

function whole(file: string, content: string): bigint {
  if (content === 'max') return infinity
  if (!/^\d{1,19}$/.test(content))
    throw new UserError(`cgroup file ${file}: ${content}: must be a whole number, or max`)
  return BigInt(content)
}

function unifiedProperties(unified: Readonly<Record<string, string>>): Property[] {
  return Object.entries(unified).flatMap(([file, given]): Property[] => {
    const content = given.trim()
    const name = amounts[file]
    if (name !== undefined) return [amount(name, whole(file, content))]
    if (file === 'cpuset.cpus') return [set('AllowedCPUs', content)]
    if (file === 'cpuset.mems') return [set('AllowedMemoryNodes', content)]
    if (file !== 'cpu.max') return []
    const [max = '', period] = content.split(/\s+/)
    return quota(max === 'max' ? undefined : whole(file, max), period === undefined ? undefined : whole(file, period))
  })
}

/** The files that say what those properties are. */
export const propertyFiles: readonly string[] = [...Object.keys(amounts), 'cpu.max', 'cpuset.cpus', 'cpuset.mems']

/**
 * The properties for all limits that systemd has any for; the others are in the files alone.
 *
 * @param now - what is in force where the limits name only a part
 * @errors UserError for what is no number or list
 */
export function propertiesOf({ memory, cpu, pids, blockIO, unified }: LinuxResources, now: LimitsNow = {}): Property[] {
  const limit = asked(memory?.limit) ? memory.limit : undefined
  const swap = swapMax(limit ?? now.memoryLimit, memory?.swap)
  const quotaUsec = asked(cpu?.quota) ? cpu.quota : now.quota
  const periodUsec = asked(cpu?.period) ? cpu.period : now.period
  return [
    ...(limit === undefined ? [] : [amount('MemoryMax', limited(limit))]),
    ...(asked(memory?.reservation) ? [amount('MemoryLow', limited(memory.reservation))] : []),
    ...(swap === undefined ? [] : [amount('MemorySwapMax', swap === 'max' ? infinity : BigInt(swap))]),
    ...(asked(cpu?.shares) ? [amount('CPUWeight', BigInt(weightFromShares(cpu.shares)))] : []),
    ...(asked(cpu?.quota) || asked(cpu?.period)
      ? quota(
          quotaUsec === undefined || quotaUsec < 0 ? undefined : BigInt(quotaUsec),
          periodUsec === undefined ? undefined : BigInt(periodUsec),
        )
      : []),
    ...(pids?.limit === undefined ? [] : [amount('TasksMax', pids.limit > 0 ? BigInt(pids.limit) : infinity)]),
    ...(cpu?.cpus ? [set('AllowedCPUs', cpu.cpus)] : []),
    ...(cpu?.mems ? [set('AllowedMemoryNodes', cpu.mems)] : []),
    ...(asked(blockIO?.weight) ? [amount('IOWeight', BigInt(ioWeightFromBlockIOWeight(blockIO.weight)))] : []),
    ...unifiedProperties(unified ?? {}),
  ]
}

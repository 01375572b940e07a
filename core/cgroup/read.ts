// What a container's cgroups say: usage and events.

import { readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { CgroupPaths } from './paths.ts'

export interface CgroupStats {
  readonly cpu: {
    readonly usageNsec: number
    readonly userNsec: number
    readonly systemNsec: number
    /** Periods with work in them, those in which the quota ran out, and for how long tasks then waited. */
    readonly periods: number
    readonly throttledPeriods: number
    readonly throttledNsec: number
  }
  readonly memory?: {
    readonly usageBytes: number
    /** undefined: no limit. */
    readonly limitBytes?: number
    readonly peakBytes?: number
    /** The page cache. */
    readonly cacheBytes: number
    /** Anonymous memory. */
    readonly rssBytes: number
    readonly swapBytes: number
    /** Cache that can go at once; usage without it is what the container needs. */
    readonly inactiveFileBytes: number
  }
  readonly pids?: { readonly current: number; readonly limit?: number }
  readonly io?: IoStats & { readonly devices: readonly (IoStats & { readonly device: string })[] }
  /** Pressure stall information by resource; absent where the kernel has none. Documentation/accounting/psi.rst. */
  readonly pressure?: Readonly<Partial<Record<'cpu' | 'memory' | 'io', Pressure>>>
}

export interface IoStats {
  readonly readBytes: number
  readonly writeBytes: number
  readonly reads: number
  readonly writes: number
}

/** The share of time, in percent over 10 seconds, in which some or all tasks waited, and the waits in total. */
export interface Pressure {
  readonly someAvg10: number
  readonly someTotalUsec: number
  readonly fullAvg10?: number
  readonly fullTotalUsec?: number
}

export interface CgroupEvents {
  /** Processes that the OOM killer ended. */
  readonly oomKills: number
  /** Times that memory ran out; v1 does not count them. */
  readonly ooms?: number
  /** Times that the memory limit was hit and memory had to be reclaimed. */
  readonly memoryLimitHits: number
  /** Forks that the pids limit refused. */
  readonly pidsRefused: number
}

type Read = (controller: string, file: string) => string | undefined

/** Reads a file of a controller, wherever the controller lives; what is not there is undefined. */
function reader(kernel: Kernel, { v1, unified }: CgroupPaths): Read {
  return (controller, file) => {
    const directory = v1[controller] ?? unified
    return directory === undefined ? undefined : readTextIfThere(kernel, `${directory}/${file}`, ['ENOENT', 'ENODEV'])
  }
}

/** The numbers of a file of `key value` lines. */
export function keyed(text: string | undefined): Map<string, number> {
  const pairs = (text ?? '').split('\n').map((line) => line.split(' '))
  return new Map(pairs.filter((pair) => pair.length === 2).map(([key, value]) => [key!, Number(value)]))
}

/** A limit as a number; `max`, and the numbers that v1 prints for none, are undefined. */
function limit(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || !Number.isSafeInteger(value) ? undefined : value
}

/** Resource usage. Sources: cgroup-v2.rst; cgroup-v1/memory.rst, cpuacct.rst, blkio-controller.rst. */
export function readStats(kernel: Kernel, paths: CgroupPaths): CgroupStats {
  const read = reader(kernel, paths)
  const memory = paths.v1.memory === undefined ? memoryV2(read) : memoryV1(read)
  const current = read('pids', 'pids.current')
  const io = paths.v1.blkio === undefined ? ioV2(read('io', 'io.stat')) : ioV1(read)
  const pressure = pressures(kernel, paths)
  return {
    cpu: paths.v1.cpuacct === undefined ? cpuV2(read) : cpuV1(read),
    ...(memory && { memory }),
    ...(current !== undefined && { pids: { current: Number(current), limit: limit(read('pids', 'pids.max')) } }),
    ...(io && { io }),
    ...(pressure && { pressure }),
  }
}

function cpuV2(read: Read): CgroupStats['cpu'] {
  const stat = keyed(read('cpu', 'cpu.stat'))
  const nsec = (key: string) => (stat.get(key) ?? 0) * 1000
  return {
    usageNsec: nsec('usage_usec'),
    userNsec: nsec('user_usec'),
    systemNsec: nsec('system_usec'),
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNsec: nsec('throttled_usec'),
  }
}

function cpuV1(read: Read): CgroupStats['cpu'] {
  const stat = keyed(read('cpu', 'cpu.stat'))
  return {
    usageNsec: Number(read('cpuacct', 'cpuacct.usage') ?? 0),
    userNsec: Number(read('cpuacct', 'cpuacct.usage_user') ?? 0),
    systemNsec: Number(read('cpuacct', 'cpuacct.usage_sys') ?? 0),
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNsec: stat.get('throttled_time') ?? 0,
  }
}

function memoryV2(read: Read): CgroupStats['memory'] {
  const usage = read('memory', 'memory.current')
  if (usage === undefined) return undefined
  const stat = keyed(read('memory', 'memory.stat'))
  return {
    usageBytes: Number(usage),
    limitBytes: limit(read('memory', 'memory.max')),
    peakBytes: limit(read('memory', 'memory.peak')),
    cacheBytes: stat.get('file') ?? 0,
    rssBytes: stat.get('anon') ?? 0,
    swapBytes: Number(read('memory', 'memory.swap.current') ?? 0),
    inactiveFileBytes: stat.get('inactive_file') ?? 0,
  }
}

function memoryV1(read: Read): CgroupStats['memory'] {
  const usage = read('memory', 'memory.usage_in_bytes')
  if (usage === undefined) return undefined
  const stat = keyed(read('memory', 'memory.stat'))
  return {
    usageBytes: Number(usage),
    limitBytes: limit(read('memory', 'memory.limit_in_bytes')),
    peakBytes: limit(read('memory', 'memory.max_usage_in_bytes')),
    cacheBytes: stat.get('total_cache') ?? 0,
    rssBytes: stat.get('total_rss') ?? 0,
    swapBytes: stat.get('total_swap') ?? 0,
    inactiveFileBytes: stat.get('total_inactive_file') ?? 0,
  }
}

function summed(devices: Map<string, IoStats>): CgroupStats['io'] {
  const all = [...devices].map(([device, stats]) => ({ device, ...stats }))
  const sum = (key: keyof IoStats) => all.reduce((total, each) => total + each[key], 0)
  return {
    readBytes: sum('readBytes'),
    writeBytes: sum('writeBytes'),
    reads: sum('reads'),
    writes: sum('writes'),
    devices: all,
  }
}

/** Lines like `254:0 rbytes=4096 wbytes=0 rios=1 wios=0`. */
function ioV2(text: string | undefined): CgroupStats['io'] {
  if (text === undefined) return undefined
  const devices = new Map<string, IoStats>()
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [device, ...fields] = line.split(' ')
    const value = new Map(fields.map((field) => field.split('=')).map(([key, number]) => [key, Number(number)]))
    devices.set(device!, {
      readBytes: value.get('rbytes') ?? 0,
      writeBytes: value.get('wbytes') ?? 0,
      reads: value.get('rios') ?? 0,
      writes: value.get('wios') ?? 0,
    })
  }
  return summed(devices)
}

/** Lines like `254:0 Read 4096` in two files. */
function ioV1(read: Read): CgroupStats['io'] {
  const devices = new Map<string, { -readonly [K in keyof IoStats]: number }>()
  for (const [file, read_, write_] of [
    ['blkio.throttle.io_service_bytes_recursive', 'readBytes', 'writeBytes'],
    ['blkio.throttle.io_serviced_recursive', 'reads', 'writes'],
  ] as const)
    for (const line of (read('blkio', file) ?? '').split('\n')) {
      const [device, operation, value] = line.split(' ')
      if (operation !== 'Read' && operation !== 'Write') continue
      const stats = devices.get(device!) ?? { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 }
      stats[operation === 'Read' ? read_ : write_] = Number(value)
      devices.set(device!, stats)
    }
  return summed(devices)
}

function pressures(kernel: Kernel, { unified }: CgroupPaths): CgroupStats['pressure'] {
  if (unified === undefined) return undefined
  const found: Partial<Record<'cpu' | 'memory' | 'io', Pressure>> = {}
  for (const resource of ['cpu', 'memory', 'io'] as const) {
    const text = readTextIfThere(kernel, `${unified}/${resource}.pressure`, ['ENOENT', 'ENODEV', 'EOPNOTSUPP'])
    const line = (kind: string) => {
      const match = new RegExp(`^${kind} avg10=(\\S+) .*total=(\\d+)`, 'm').exec(text ?? '')
      return match && ([Number(match[1]), Number(match[2])] as const)
    }
    const some = line('some')
    const full = line('full')
    if (some)
      found[resource] = {
        someAvg10: some[0],
        someTotalUsec: some[1],
        ...(full && { fullAvg10: full[0], fullTotalUsec: full[1] }),
      }
  }
  return Object.keys(found).length > 0 ? found : undefined
}

/** What went over a limit. Sources: cgroup-v2.rst memory.events, pids.events; cgroup-v1/memory.rst oom_control, failcnt. */
export function readEvents(kernel: Kernel, paths: CgroupPaths): CgroupEvents {
  const read = reader(kernel, paths)
  const pidsRefused = keyed(read('pids', 'pids.events')).get('max') ?? 0
  if (paths.v1.memory === undefined) {
    const events = keyed(read('memory', 'memory.events'))
    return {
      oomKills: events.get('oom_kill') ?? 0,
      ooms: events.get('oom') ?? 0,
      memoryLimitHits: events.get('max') ?? 0,
      pidsRefused,
    }
  }
  return {
    oomKills: keyed(read('memory', 'memory.oom_control')).get('oom_kill') ?? 0,
    memoryLimitHits: Number(read('memory', 'memory.failcnt') ?? 0),
    pidsRefused,
  }
}

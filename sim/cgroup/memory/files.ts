// The files memory.* of version 2. cgroup-v2.rst, Memory Interface Files

import type { Kernel } from '../../kernel.ts'
import { type Denied, deny, isDenied } from '../../outcome.ts'
import { bytesText, limitText, memoryParse, pagesOf } from '../amounts.ts'
import type { At, CgroupFile } from '../controller.ts'
import { parseInteger, strip, unsignedRange } from '../numbers.ts'
import type { MemoryControl } from './control.ts'
import { type EventName, eventNames, type MemoryGroup, PeakMark } from './group.ts'
import { numaText, statText } from './stat.ts'

type File = CgroupFile<MemoryGroup>
type Reading = At<MemoryGroup>

/** Limits in bytes, `max` for none. */
function limit(
  name: string,
  key: 'max' | 'high' | 'swapMax' | 'swapHigh' | 'zswapMax',
  changed?: (group: MemoryGroup) => void,
): File {
  return {
    name,
    where: 'notRoot',
    read: ({ state }) => `${limitText(state[key])}\n`,
    write: ({ state }, text) => {
      const pages = pagesOf(text, 'max', 'MEM-002', name)
      if (isDenied(pages)) return pages
      state[key] = pages
      changed?.(state)
      return undefined
    },
  }
}

/** Protection in bytes, where `max` is everything. */
function protection(name: string, key: 'min' | 'low'): File {
  return {
    name,
    where: 'notRoot',
    read: ({ state }) => `${limitText(Number.isFinite(state[key]) ? state[key] : undefined)}\n`,
    write: ({ state }, text) => {
      const pages = pagesOf(text, 'max', 'MEM-002', name)
      if (isDenied(pages)) return pages
      state[key] = pages ?? Number.POSITIVE_INFINITY
      return undefined
    },
  }
}

const shown = (name: string, where: File['where'], read: (group: MemoryGroup) => string): File => ({
  name,
  ...(where && { where }),
  read: ({ state }) => read(state),
})

const bytes = (name: string, pages: (group: MemoryGroup) => number): File =>
  shown(name, 'notRoot', (group) => `${bytesText(pages(group))}\n`)

function events(name: string, of: 'events' | 'localEvents'): File {
  return shown(name, 'notRoot', (group) => eventNames.map((each: EventName) => `${each} ${group[of][each]}\n`).join(''))
}

/** High-water marks; from 6.12 on a write starts anew, for that descriptor alone (MEM-015). */
function peak(kernel: Kernel, name: string, swap: boolean): File {
  const marks = new WeakMap<object, PeakMark>()
  const resets = kernel.since(6, 12)
  return {
    name,
    where: 'notRoot',
    mode: resets ? 0o644 : 0o444,
    read: ({ state, opened }) => {
      const mark = marks.get(opened)
      return `${bytesText(mark?.pages ?? (swap ? state.swapPeak : state.peak))}\n`
    },
    write: ({ state, opened }) => {
      if (!resets) return deny('EINVAL', 'MEM-015', `${name}: can be written from 6.12 on`)
      const before = marks.get(opened)
      if (before) state.marks.delete(before)
      const mark = new PeakMark(state, swap)
      marks.set(opened, mark)
      state.marks.add(mark)
      return undefined
    },
  }
}

/** Reclaims so many bytes, or tells that there was less (MEM-014). */
function reclaimNow(control: MemoryControl, { state }: Reading, text: string): Denied | undefined {
  const invalid = () => deny('EINVAL', 'MEM-014', 'memory.reclaim: bytes, and swappiness=0..200 from 6.9 on')
  const [amount = '', ...options] = strip(text).split(/\s+/)
  const { bytes, rest } = memoryParse(amount)
  if (rest !== '' || (options.length > 0 && !control.kernel.since(6, 9))) return invalid()
  let swappiness = 1
  for (const option of options) {
    const found = /^swappiness=([0-9]+|max)$/.exec(option)
    if (!found || (found[1] === 'max' ? !control.kernel.since(6, 16) : Number(found[1]) > 200)) return invalid()
    swappiness = Number(found[1] === 'max' ? 200 : found[1])
  }
  const pages = Number(bytes / 4096n)
  if (control.reclaim(state, pages, swappiness > 0) >= pages) return undefined
  return deny('EAGAIN', 'MEM-014', 'memory.reclaim: less could be reclaimed than was asked for')
}

function flag(name: string, key: 'oomGroup' | 'zswapWriteback', where: File['where']): File {
  return {
    name,
    ...(where && { where }),
    read: ({ state }) => `${state[key] ? 1 : 0}\n`,
    write: ({ state }, text) => {
      const number = parseInteger(strip(text), unsignedRange)
      if (isDenied(number) || (number !== 0 && number !== 1)) return deny('EINVAL', 'MEM-003', `${name}: takes 0 or 1`)
      state[key] = number === 1
      return undefined
    },
  }
}

export function memoryFiles(kernel: Kernel, control: MemoryControl): readonly File[] {
  const from = (major: number, minor: number, ...files: readonly File[]) => (kernel.since(major, minor) ? files : [])
  return [
    bytes('memory.current', ({ usage }) => usage),
    ...from(5, 19, peak(kernel, 'memory.peak', false)),
    protection('memory.min', 'min'),
    protection('memory.low', 'low'),
    limit('memory.high', 'high', (group) => {
      if (group.high !== undefined && group.usage > group.high) control.reclaim(group, group.usage - group.high)
    }),
    limit('memory.max', 'max', (group) => control.shrink(group)),
    events('memory.events', 'events'),
    events('memory.events.local', 'localEvents'),
    shown('memory.stat', undefined, statText),
    shown('memory.numa_stat', undefined, numaText),
    { ...flag('memory.oom.group', 'oomGroup', 'notRoot'), delegatable: true },
    ...from(5, 19, {
      name: 'memory.reclaim',
      delegatable: true,
      mode: 0o200,
      write: (at, text) => reclaimNow(control, at, text),
    }),
    bytes('memory.swap.current', ({ swapUsage }) => swapUsage),
    limit('memory.swap.high', 'swapHigh'),
    limit('memory.swap.max', 'swapMax'),
    ...from(6, 5, peak(kernel, 'memory.swap.peak', true)),
    shown(
      'memory.swap.events',
      'notRoot',
      ({ swapEvents: { high, max, fail } }) => `high ${high}\nmax ${max}\nfail ${fail}\n`,
    ),
    bytes('memory.zswap.current', () => 0),
    limit('memory.zswap.max', 'zswapMax'),
    ...from(6, 8, flag('memory.zswap.writeback', 'zswapWriteback', undefined)),
  ]
}

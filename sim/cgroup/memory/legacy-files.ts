// The files memory.* of version 1. cgroup-v1/memory.rst

import { type Denied, deny, isDenied } from '../../outcome.ts'
import { bytesText, legacyLimitText, pagesMax, pagesOf } from '../amounts.ts'
import type { CgroupFile } from '../controller.ts'
import { parseInteger, unsignedRange } from '../numbers.ts'
import type { MemoryControl } from './control.ts'
import type { MemoryGroup } from './group.ts'
import { legacyEventFiles } from './legacy-events.ts'
import { legacyStatText, numaText } from './stat.ts'

type File = CgroupFile<MemoryGroup>

const bytes = (name: string, pages: (group: MemoryGroup) => number, reset?: (group: MemoryGroup) => void): File => ({
  name,
  read: ({ state }) => `${bytesText(pages(state))}\n`,
  ...(reset && {
    write: ({ state }) => {
      reset(state)
      return undefined
    },
  }),
})

const counter = (name: string, read: (group: MemoryGroup) => number, reset: (group: MemoryGroup) => void): File => ({
  name,
  read: ({ state }) => `${read(state)}\n`,
  write: ({ state }) => {
    reset(state)
    return undefined
  },
})

/**
 * Sets the limit of memory, or that of memory and swap together, which is never the smaller of the two (V1-002).
 *
 * @errors EINVAL out of that order, or in the root; EBUSY usage cannot be brought below it (V1-101)
 */
function setLimit(
  control: MemoryControl,
  group: MemoryGroup,
  both: boolean,
  pages: number | undefined,
): Denied | undefined {
  const file = both ? 'memory.memsw.limit_in_bytes' : 'memory.limit_in_bytes'
  if (group.parent === undefined) return deny('EINVAL', 'V1-001', `${file}: the root has no limit`)
  const asked = pages ?? pagesMax
  const [memory, memsw] = both ? [group.max ?? pagesMax, asked] : [asked, group.memswMax ?? pagesMax]
  if (memory > memsw) return deny('EINVAL', 'V1-002', `${file}: memsw is never below the limit of memory`)
  const usage = () => (both ? group.usage + group.swapUsage : group.usage)
  if (usage() > asked) control.reclaim(group, usage() - asked, !both)
  if (usage() > asked) return deny('EBUSY', 'V1-101', `${file}: more is in use, and it cannot be reclaimed`)
  if (both) group.memswMax = pages
  else group.max = pages
  control.hasRoom(group)
  return undefined
}

function limit(control: MemoryControl, name: string, both: boolean): File {
  return {
    name,
    read: ({ state }) => `${legacyLimitText(both ? state.memswMax : state.max)}\n`,
    write: ({ state }, text) => {
      const pages = pagesOf(text, '-1', 'V1-001', name)
      return isDenied(pages) ? pages : setLimit(control, state, both, pages)
    },
  }
}

const softLimit: File = {
  name: 'memory.soft_limit_in_bytes',
  read: ({ state }) => `${legacyLimitText(state.softLimit)}\n`,
  write: ({ state }, text) => {
    const pages = pagesOf(text, '-1', 'V1-001', 'memory.soft_limit_in_bytes')
    if (isDenied(pages)) return pages
    state.softLimit = pages
    return undefined
  },
}

function oomControl(control: MemoryControl): File {
  return {
    name: 'memory.oom_control',
    read: ({ state }) =>
      `oom_kill_disable ${state.oomKillDisabled ? 1 : 0}\nunder_oom ${state.underOom ? 1 : 0}\n` +
      `oom_kill ${state.localEvents.oom_kill}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, unsignedRange)
      if (isDenied(value)) return value
      if (state.parent === undefined || value > 1)
        return deny('EINVAL', 'V1-003', 'memory.oom_control: 0 or 1, and not in the root')
      state.oomKillDisabled = value === 1
      // Those that wait are let try again: now somebody may be killed.
      if (!state.oomKillDisabled) control.hasRoom(state)
      return undefined
    },
  }
}

function number(
  name: string,
  rule: string,
  most: number,
  of: { get(group: MemoryGroup): number; set(group: MemoryGroup, value: number): void },
): File {
  return {
    name,
    read: ({ state }) => `${of.get(state)}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, unsignedRange)
      if (isDenied(value)) return value
      if (value > most) return deny('EINVAL', rule, `${name}: at most ${most}`)
      of.set(state, value)
      return undefined
    },
  }
}

/** It is always one. */
const useHierarchy: File = {
  name: 'memory.use_hierarchy',
  read: () => '1\n',
  write: (_at, text) => {
    const value = parseInteger(text, unsignedRange)
    if (isDenied(value) || value === 1) return isDenied(value) ? value : undefined
    return deny('EINVAL', 'V1-001', 'memory.use_hierarchy: it is 1')
  },
}

/** memory.force_empty: everything that can be reclaimed goes. */
const forceEmpty = (control: MemoryControl): File => ({
  name: 'memory.force_empty',
  where: 'notRoot',
  write: ({ state }) => {
    control.reclaim(state, state.usage)
    return undefined
  },
})

const kernelPages = ({ total }: MemoryGroup) => total.kernel + total.stack + total.pagetables + total.pipe

export function memoryLegacyFiles(control: MemoryControl): readonly File[] {
  return [
    bytes('memory.usage_in_bytes', ({ usage }) => usage),
    bytes(
      'memory.max_usage_in_bytes',
      ({ peak }) => peak,
      (group) => {
        group.peak = group.usage
      },
    ),
    limit(control, 'memory.limit_in_bytes', false),
    softLimit,
    counter(
      'memory.failcnt',
      ({ failures }) => failures,
      (group) => {
        group.failures = 0
      },
    ),
    { name: 'memory.stat', read: ({ state }) => legacyStatText(state) },
    forceEmpty(control),
    useHierarchy,
    number('memory.swappiness', 'V1-001', 200, {
      get: ({ swappiness }) => swappiness,
      set: (group, value) => {
        group.swappiness = value
      },
    }),
    number('memory.move_charge_at_immigrate', 'V1-001', 3, { get: () => 0, set: () => {} }),
    oomControl(control),
    ...legacyEventFiles,
    { name: 'memory.numa_stat', read: ({ state }) => numaText(state) },
    bytes('memory.kmem.usage_in_bytes', kernelPages),
    bytes('memory.kmem.max_usage_in_bytes', kernelPages, () => {}),
    counter(
      'memory.kmem.failcnt',
      ({ kernelFailures }) => kernelFailures,
      () => {},
    ),
    bytes('memory.memsw.usage_in_bytes', ({ usage, swapUsage }) => usage + swapUsage),
    bytes(
      'memory.memsw.max_usage_in_bytes',
      ({ memswPeak }) => memswPeak,
      (group) => {
        group.memswPeak = group.usage + group.swapUsage
      },
    ),
    limit(control, 'memory.memsw.limit_in_bytes', true),
    counter(
      'memory.memsw.failcnt',
      ({ memswFailures }) => memswFailures,
      (group) => {
        group.memswFailures = 0
      },
    ),
  ]
}

// The hugetlb controller: how many huge pages a cgroup may use and reserve. cgroup-v2.rst, HugeTLB

import { HugeGroup, HugePages, hugeBytes } from '../../huge-pages.ts'
import type { Kernel } from '../../kernel.ts'
import { type Denied, isDenied } from '../../outcome.ts'
import { pagesMax, pagesOf } from '../amounts.ts'
import { effectiveState } from '../cgroup.ts'
import type { CgroupFile, Controller } from '../controller.ts'

type File = CgroupFile<HugeGroup>
type Kind = 'used' | 'reserved'

const bytes = (pages: number): string => String(BigInt(pages) * BigInt(hugeBytes))
/** Huge pages of 2 MiB in one of 1 GiB, of which the machine has none: its limits are kept all the same. */
const inGiga = 512
/** What version 1 shows for no limit. */
const noLimit = String(BigInt(Math.floor(pagesMax / 512)) * BigInt(hugeBytes))

/** Bytes, rounded down to whole huge pages (HTL-002). */
function parse(text: string, none: 'max' | '-1', name: string): number | undefined | Denied {
  const pages = pagesOf(text, none, 'HTL-002', name)
  return pages === undefined || isDenied(pages) ? pages : Math.floor(pages / 512)
}

function limit(name: string, kind: Kind, none: 'max' | '-1', of = (group: HugeGroup) => group.max, unit = 1): File {
  return {
    name,
    where: 'notRoot',
    read: ({ state }) => {
      const max = of(state)[kind]
      return `${max === undefined ? (none === 'max' ? 'max' : noLimit) : bytes(max)}\n`
    },
    write: ({ state }, text) => {
      const pages = parse(text, none, name)
      if (isDenied(pages)) return pages
      of(state)[kind] = pages === undefined ? undefined : pages - (pages % unit)
      return undefined
    },
  }
}

const shown = (name: string, read: (group: HugeGroup) => string): File => ({
  name,
  where: 'notRoot',
  read: ({ state }) => `${read(state)}\n`,
})

const usage = (name: string, kind: Kind): File => shown(name, (group) => bytes(group.usage[kind]))

function reset(name: string, kind: Kind, of: 'peak' | 'failures'): File {
  return {
    name,
    where: 'notRoot',
    read: ({ state }) => `${of === 'peak' ? bytes(state.peak[kind]) : state.failures[kind]}\n`,
    write: ({ state }) => {
      state[of][kind] = of === 'peak' ? state.usage[kind] : 0
      return undefined
    },
  }
}

const files: readonly File[] = [
  limit('hugetlb.2MB.max', 'used', 'max'),
  limit('hugetlb.2MB.rsvd.max', 'reserved', 'max'),
  usage('hugetlb.2MB.current', 'used'),
  usage('hugetlb.2MB.rsvd.current', 'reserved'),
  shown('hugetlb.2MB.events', ({ events }) => `max ${events}`),
  shown('hugetlb.2MB.events.local', ({ localEvents }) => `max ${localEvents}`),
  shown('hugetlb.2MB.numa_stat', ({ usage: { used } }) => `total=${bytes(used)} N0=${bytes(used)}`),
  limit('hugetlb.1GB.max', 'used', 'max', ({ giga }) => giga, inGiga),
  limit('hugetlb.1GB.rsvd.max', 'reserved', 'max', ({ giga }) => giga, inGiga),
  shown('hugetlb.1GB.current', () => '0'),
  shown('hugetlb.1GB.rsvd.current', () => '0'),
  shown('hugetlb.1GB.events', () => 'max 0'),
  shown('hugetlb.1GB.events.local', () => 'max 0'),
  shown('hugetlb.1GB.numa_stat', () => 'total=0 N0=0'),
]

const legacy = (prefix: string, kind: Kind): readonly File[] => [
  limit(`${prefix}.limit_in_bytes`, kind, '-1'),
  usage(`${prefix}.usage_in_bytes`, kind),
  reset(`${prefix}.max_usage_in_bytes`, kind, 'peak'),
  reset(`${prefix}.failcnt`, kind, 'failures'),
]

/** Makes the controller, and the machine's pool as `kernel.huge`. */
export function makeHugetlb(kernel: Kernel): Controller<HugeGroup> {
  let root: HugeGroup
  const controller: Controller<HugeGroup> = {
    name: 'hugetlb',
    threaded: false,
    files,
    legacyFiles: [...legacy('hugetlb.2MB', 'used'), ...legacy('hugetlb.2MB.rsvd', 'reserved')],
    online(cgroup, parent) {
      const group = new HugeGroup(cgroup, parent)
      root ??= group
      return group
    },
  }
  kernel.huge = new HugePages(kernel.config.hugePages ?? 0, (task) =>
    effectiveState(task.cgroups.get(root.cgroup.hierarchy)!, controller),
  )
  return controller
}

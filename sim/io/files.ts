// The files io.* of version 2. block/blk-throttle.c, block/blk-iocost.c, block/bfq-cgroup.c

import type { At, CgroupFile } from '../cgroup/controller.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Disks } from './disks.ts'
import { type IoGroup, type Limits, limitKeys } from './group.ts'

type File = CgroupFile<IoGroup>

const maxLine = (device: string, limits: Limits): string =>
  `${device} ${limitKeys.map((key) => `${key}=${limits[key] ?? 'max'}`).join(' ')}\n`

/** `8:0 rbps=1048576 wiops=max`: keys that are not named keep their value (IO-002). */
function writeMax(disks: Disks, { state }: At<IoGroup>, text: string): Denied | undefined {
  const invalid = () => deny('EINVAL', 'IO-002', 'io.max: rbps, wbps, riops and wiops, each = a number or max')
  const parsed = disks.parse(text, 'IO-002', 'io.max')
  if (isDenied(parsed)) return parsed
  const limits: Limits = { ...state.limits.get(parsed.device) }
  for (const token of parsed.rest.split(/\s+/)) {
    if (token === '') continue
    const [name, value] = token.split(/=(.*)/s)
    if (value === undefined || !/^(max|[0-9]+)$/.test(value)) return invalid()
    const number = value === 'max' ? undefined : Number(value)
    if (number === 0) return deny('ERANGE', 'IO-002', 'io.max: a limit of 0 would let nothing through')
    const key = limitKeys.find((each) => each === name)
    if (key === undefined || number === 1) return invalid()
    if (number === undefined) delete limits[key]
    else limits[key] = number
  }
  if (Object.keys(limits).length === 0) state.limits.delete(parsed.device)
  else state.limits.set(parsed.device, limits)
  return undefined
}

const overrides = (weights: ReadonlyMap<string, number>): string =>
  [...weights].map(([device, weight]) => `${device} ${weight}\n`).join('')

/** `default 200`, `200`, `8:0 200`, `8:0 default` (IO-101). */
function writeWeight(disks: Disks, { state }: At<IoGroup>, text: string): Denied | undefined {
  const invalid = () => deny('EINVAL', 'IO-101', 'io.weight: default or MAJ:MIN, and 1 to 10000')
  const weightOf = (word: string | undefined) => {
    const value = Number(word)
    return word !== undefined && /^[0-9]+$/.test(word) && value >= 1 && value <= 10_000 ? value : undefined
  }
  if (!text.includes(':')) {
    const value = weightOf(/^(?:default\s+)?\s*\+?([0-9]+)/.exec(text)?.[1])
    if (value === undefined) return invalid()
    state.weight = value
    return undefined
  }
  const parsed = disks.parse(text, 'IO-101', 'io.weight')
  if (isDenied(parsed)) return parsed
  if (!disks.costed.has(parsed.device))
    return deny('EOPNOTSUPP', 'IO-101', 'io.weight: io.cost.qos has not switched it on for this disk')
  if (parsed.rest.startsWith('default')) {
    state.weights.delete(parsed.device)
    return undefined
  }
  const value = weightOf(/^[0-9]+/.exec(parsed.rest)?.[0])
  if (value === undefined) return invalid()
  state.weights.set(parsed.device, value)
  return undefined
}

/** The same of the bfq scheduler, with another range (IO-102). */
export function writeBfqWeight(disks: Disks, state: IoGroup, text: string, file: string): Denied | undefined {
  const word = text.trim()
  const found = /^(?:default\s+)?([0-9]+)$/.exec(word)
  if (!found) {
    const parsed = disks.parse(text, 'IO-102', file)
    return isDenied(parsed) ? parsed : deny('EOPNOTSUPP', 'IO-102', `${file}: this disk has another scheduler than bfq`)
  }
  const value = Number(found[1])
  if (value < 1 || value > 1000) return deny('ERANGE', 'IO-102', `${file}: 1 to 1000`)
  state.bfqWeight = value
  return undefined
}

/** io.cost.qos of the root: `8:0 enable=1` switches weights on for a disk. */
const costQos = (disks: Disks): File => ({
  name: 'io.cost.qos',
  where: 'root',
  read: () =>
    [...disks.costed]
      .map(
        (device) => `${device} enable=1 ctrl=auto rpct=0.00 rlat=250000 wpct=0.00 wlat=250000 min=1.00 max=10000.00\n`,
      )
      .join(''),
  write: (_at, text) => {
    const parsed = disks.parse(text, 'IO-001', 'io.cost.qos')
    if (isDenied(parsed)) return parsed
    for (const token of parsed.rest.split(/\s+/))
      if (!/^(enable=[0-9]+|ctrl=(auto|user)|(rpct|wpct|min|max)=[0-9.]+|(rlat|wlat)=[0-9]+)$/.test(token))
        return deny('EINVAL', 'IO-001', `io.cost.qos: ${token} is not known`)
    const enable = /enable=([0-9]+)/.exec(parsed.rest)?.[1]
    if (enable === '0') disks.costed.delete(parsed.device)
    else if (enable !== undefined) disks.costed.add(parsed.device)
    return undefined
  },
})

const costModel = (disks: Disks): File => ({
  name: 'io.cost.model',
  where: 'root',
  read: () =>
    [...disks.costed]
      .map(
        (device) =>
          `${device} ctrl=auto model=linear rbps=174019176 rseqiops=41708 rrandiops=370 wbps=178075866 wseqiops=42705 wrandiops=378\n`,
      )
      .join(''),
  write: (_at, text) => {
    const parsed = disks.parse(text, 'IO-001', 'io.cost.model')
    return isDenied(parsed) ? parsed : deny('EOPNOTSUPP', 'IO-001', 'io.cost.model: what a disk costs is fixed here')
  },
})

export function ioFiles(disks: Disks): readonly File[] {
  return [
    {
      name: 'io.max',
      where: 'notRoot',
      read: ({ state }) => [...state.limits].map(([device, limits]) => maxLine(device, limits)).join(''),
      write: (at, text) => writeMax(disks, at, text),
    },
    {
      name: 'io.stat',
      read: ({ state }) =>
        [...state.total]
          .map(
            ([device, { readBytes, writtenBytes, reads, writes }]) =>
              `${device} rbytes=${readBytes} wbytes=${writtenBytes} rios=${reads} wios=${writes} dbytes=0 dios=0\n`,
          )
          .join(''),
    },
    {
      name: 'io.weight',
      where: 'notRoot',
      read: ({ state }) => `default ${state.weight}\n${overrides(state.weights)}`,
      write: (at, text) => writeWeight(disks, at, text),
    },
    {
      name: 'io.bfq.weight',
      where: 'notRoot',
      read: ({ state }) => `default ${state.bfqWeight}\n${overrides(state.bfqWeights)}`,
      write: ({ state }, text) => writeBfqWeight(disks, state, text, 'io.bfq.weight'),
    },
    costQos(disks),
    costModel(disks),
  ]
}

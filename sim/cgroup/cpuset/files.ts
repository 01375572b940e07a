// The files cpuset.* of both versions. cgroup-v2.rst Cpuset, cgroup-v1/cpusets.rst

import { listText } from '../../cpu/mask.ts'
import { deny, isDenied } from '../../outcome.ts'
import type { CgroupFile } from '../controller.ts'
import { longLongRange, parseInteger, strip, unsignedRange } from '../numbers.ts'
import { changed } from '../tree.ts'
import type { Asked, CpusetControl } from './control.ts'
import { type CpusetGroup, type LegacyFlag, legacyFlags } from './group.ts'
import { isolatedCpus } from './recompute.ts'

type File = CgroupFile<CpusetGroup>
type Where = { readonly where?: 'root' | 'notRoot' }

const list = (control: CpusetControl, name: string, key: keyof Asked, where: Where): File => ({
  name,
  ...where,
  read: ({ state }) => `${listText(state[key])}\n`,
  write: ({ state }, text) => control.write(state, key, name, text),
})

const shown = (
  name: string,
  key: 'effectiveCpus' | 'effectiveMems' | 'effectiveExclusive',
  where: Where = {},
): File => ({ name, ...where, read: ({ state }) => `${listText(state[key])}\n` })

const partition = (control: CpusetControl): File => ({
  name: 'cpuset.cpus.partition',
  where: 'notRoot',
  read: ({ state }) => {
    const { partition, invalid } = state
    const reason = invalid ? ` (${invalid})` : ''
    return `${partition}${invalid === undefined ? '' : ' invalid'}${reason}\n`
  },
  write: ({ state, cgroup }, text) => {
    const word = strip(text)
    if (word !== 'member' && word !== 'root' && word !== 'isolated')
      return deny('EINVAL', 'CST-106', 'cpuset.cpus.partition: member, root or isolated')
    control.setPartition(state, word)
    changed(cgroup, 'cpuset.cpus.partition')
    return undefined
  },
})

export function cpusetFiles(control: CpusetControl): readonly File[] {
  const notRoot = { where: 'notRoot' } as const
  const exclusive: readonly File[] = [
    list(control, 'cpuset.cpus.exclusive', 'exclusive', notRoot),
    shown('cpuset.cpus.exclusive.effective', 'effectiveExclusive', notRoot),
    {
      name: 'cpuset.cpus.isolated',
      where: 'root',
      read: ({ state }) => `${listText(isolatedCpus(state))}\n`,
    },
  ]
  return [
    list(control, 'cpuset.cpus', 'cpus', notRoot),
    list(control, 'cpuset.mems', 'mems', notRoot),
    shown('cpuset.cpus.effective', 'effectiveCpus'),
    shown('cpuset.mems.effective', 'effectiveMems'),
    partition(control),
    ...(control.kernel.since(6, 7) ? exclusive : []),
  ]
}

function flag(control: CpusetControl, name: LegacyFlag): File {
  return {
    name: `cpuset.${name}`,
    read: ({ state }) => `${state.flags.has(name) ? 1 : 0}\n`,
    write: ({ state }, text) => {
      const value = parseInteger(text, unsignedRange)
      return isDenied(value) ? value : control.setFlag(state, name, value !== 0)
    },
  }
}

export function cpusetLegacyFiles(control: CpusetControl): readonly File[] {
  return [
    list(control, 'cpuset.cpus', 'cpus', {}),
    list(control, 'cpuset.mems', 'mems', {}),
    shown('cpuset.effective_cpus', 'effectiveCpus'),
    shown('cpuset.effective_mems', 'effectiveMems'),
    ...legacyFlags.map((name) => flag(control, name)),
    {
      name: 'cpuset.sched_relax_domain_level',
      read: ({ state }) => `${state.relaxLevel}\n`,
      write: ({ state }, text) => {
        const value = parseInteger(text, longLongRange)
        if (isDenied(value)) return value
        if (value < -1 || value > 5) return deny('EINVAL', 'V1-008', 'cpuset.sched_relax_domain_level: -1 to 5')
        state.relaxLevel = value
        return undefined
      },
    },
    { name: 'cpuset.memory_pressure', read: () => '0\n' },
  ]
}

// Memory that goes to swap, huge pages, and the calls that make regions. cgroup-v2.rst, Memory and HugeTLB; mmap(2)

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { touch as useMemory } from '../../../sim/touch.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { readFile, writeFile } from '../../support/sim-cgroups.ts'
import { childIn, ending, figures, group, MiB, map, touch, use, written } from '../../support/sim-resources.ts'

let init: Task

const start = (config: Parameters<typeof boot>[0] = {}) => {
  init = boot(config).init
  writeFile(init, 'cgroup.subtree_control', '+memory +hugetlb')
}
const number = (name: string) => Number(readFile(init, name))
const fields = (name: string) => figures(init, name)
const set = (name: string, ...texts: string[]) => written(init, name, ...texts)

beforeEach(() => start())

describe('swap', () => {
  beforeEach(() => start({ swapBytes: 64 * MiB }))

  it('MEM-019: memory beyond memory.max goes to swap, up to memory.swap.max', () => {
    group(init, 'a', { 'memory.max': '10M', 'memory.swap.max': '20M' })
    const child = childIn(init, 'a')
    use(child, 25 * MiB)
    expect(ending(child)).toBe(undefined)
    const [memory, swap] = [number('a/memory.current'), number('a/memory.swap.current')]
    expect([memory <= 10 * MiB, memory + swap]).toEqual([true, 25 * MiB])
    use(child, 10 * MiB)
    expect(ending(child)).toBe('sig9')
    expect(fields('a/memory.swap.events').max).toBeGreaterThan(0)
    expect([number('a/memory.current'), number('a/memory.swap.current')]).toEqual([0, 0])
    group(init, 'b', { 'memory.max': '10M', 'memory.swap.max': '0' })
    const other = childIn(init, 'b')
    use(other, 11 * MiB)
    expect(ending(other)).toBe('sig9')
  })

  it('brings pages back when they are touched', () => {
    group(init, 'a', { 'memory.max': '10M' })
    const child = childIn(init, 'a')
    const address = use(child, 12 * MiB)
    writeFile(init, 'a/memory.max', 'max')
    touch(child, address, 12 * MiB)
    expect([number('a/memory.current'), number('a/memory.swap.current')]).toEqual([12 * MiB, 0])
    expect(fields('a/memory.stat').pswpin).toBeGreaterThan(0)
  })

  it('MEM-104, MEM-105: memory.min and memory.low spare a cgroup, as far as those above grant it', () => {
    const plant = (top: string, own: string) => {
      start({ swapBytes: 64 * MiB })
      group(init, 'p', { 'memory.min': top })
      writeFile(init, 'p/cgroup.subtree_control', '+memory')
      group(init, 'p/q', { 'memory.min': top })
      writeFile(init, 'p/q/cgroup.subtree_control', '+memory')
      group(init, 'p/q/a', { 'memory.min': own })
      group(init, 'p/q/b')
      for (const name of ['a', 'b']) use(childIn(init, `p/q/${name}`), 10 * MiB)
      writeFile(init, 'p/memory.reclaim', '8M')
      return [number('p/q/a/memory.current') / MiB, number('p/q/b/memory.current') / MiB]
    }
    expect(plant('10M', '10M')).toEqual([10, 2])
    expect(plant('0', '10M')).toEqual([6, 6])
    start({ swapBytes: 64 * MiB })
    group(init, 'a', { 'memory.low': '10M' })
    use(childIn(init, 'a'), 10 * MiB)
    use(childIn(init), 2 * MiB)
    writeFile(init, 'memory.reclaim', '2M')
    expect([number('a/memory.current') / MiB, fields('a/memory.events').low]).toEqual([10, 0])
    writeFile(init, 'memory.reclaim', '4M')
    expect(number('a/memory.current') / MiB).toBe(6)
    expect(fields('a/memory.events').low).toBeGreaterThan(0)
  })
})

describe('huge pages', () => {
  const huge = 0x40022
  it('HTL-001, HTL-102: beyond hugetlb.2MB.max a touch is SIGBUS; beyond rsvd.max mmap(2) is refused', () => {
    start({ hugePages: 8 })
    group(init, 'a', { 'hugetlb.2MB.max': '2M' })
    const child = childIn(init, 'a')
    const address = map(child, 4 * MiB, huge)
    touch(child, address, 2 * MiB)
    expect([readFile(init, 'a/hugetlb.2MB.current'), readFile(init, 'a/hugetlb.2MB.rsvd.current')]).toEqual([
      '2097152\n',
      '4194304\n',
    ])
    // A call that touches is refused; the program itself is killed.
    expect(errno(touch(child, address, 4 * MiB))).toBe('EFAULT')
    expect(child.alive).toBe(true)
    useMemory(child, address / 4096, address / 4096 + 1024, true)
    expect(ending(child)).toBe('sig7')
    expect(readFile(init, 'a/hugetlb.2MB.events')).toBe('max 2\n')
    expect(readFile(init, 'a/hugetlb.2MB.current')).toBe('0\n')
    writeFile(init, 'a/hugetlb.2MB.rsvd.max', '2M')
    const mmap = (length: number) =>
      errno(call(childIn(init, 'a'), { name: 'mmap', addr: 0, length, prot: 3, flags: huge, fd: -1, offset: 0 }))
    expect([mmap(4 * MiB), mmap(2 * MiB)]).toEqual(['ENOMEM', undefined])
  })

  it('HTL-002: limits are bytes, rounded down to huge pages', () => {
    group(init, 'a')
    expect(set('a/hugetlb.2MB.max', '4M', '3M', 'max', '0', '-1', 'abc')).toEqual([
      'OK 4194304',
      'OK 2097152',
      'OK max',
      'OK 0',
      'EINVAL 0',
      'EINVAL 0',
    ])
  })
})

describe('calls', () => {
  it('mmap(2) and its kin refuse what Linux refuses', () => {
    const mmap = (over: object) =>
      errno(call(init, { name: 'mmap', addr: 0, length: 4096, prot: 3, flags: 0x22, fd: -1, offset: 0, ...over }))
    expect([{ length: 0 }, { flags: 0x20 }, { offset: 1 }, { flags: 0x32, addr: 1 }].map(mmap)).toEqual(
      Array(4).fill('EINVAL'),
    )
    expect([{ flags: 2 }, { length: 2 ** 50 }, { flags: 0x40022 }].map(mmap)).toEqual(['EBADF', 'ENOMEM', 'ENOMEM'])
    const address = map(init, 8192)
    expect(mmap({ addr: address, flags: 0x100022 })).toBe('EEXIST')
    expect(errno(call(init, { name: 'munmap', addr: 1, length: 1 }))).toBe('EINVAL')
    expect(errno(call(init, { name: 'mprotect', addr: address - 4096, len: 8192, prot: 1 }))).toBe('ENOMEM')
    value(init, { name: 'mprotect', addr: address, len: 4096, prot: 1 })
    expect(errno(touch(init, address, 8192))).toBe('EINVAL')
    expect(errno(touch(init, address - 4096, 4096))).toBe('ENOMEM')
    expect(data(init, { name: 'sched_getaffinity', pid: 0, cpusetsize: 8, mask: 8 })[0]).toBe(15)
  })
})

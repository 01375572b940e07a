// Memory, processor time and disks on version 1; disks, misc and rdma on version 2. cgroup-v1/*.rst

import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { begin, boot, value } from '../../support/sim.ts'
import { namesIn, pidOf, readFile, writeFile } from '../../support/sim-cgroups.ts'
import { childIn, compute, ending, group, MiB, map, pass, use } from '../../support/sim-resources.ts'

let init: Task

const read = (name: string) => readFile(init, name).trim()
const set = (name: string, ...texts: string[]) => texts.map((text) => `${writeFile(init, name, text)} ${read(name)}`)

describe('version 1', () => {
  beforeEach(() => {
    init = boot({ cgroups: 'v1', cpus: 1 }).init
  })

  it('V1-001: memory.limit_in_bytes takes suffixes and -1, and rounds down to pages', () => {
    group(init, 'memory/a')
    expect(set('memory/a/memory.limit_in_bytes', '512M', '-1', '0', '5000', 'abc', 'max', '1k')).toEqual([
      'OK 536870912',
      'OK 9223372036854771712',
      'OK 0',
      'OK 4096',
      'EINVAL 4096',
      'EINVAL 4096',
      'OK 0',
    ])
    expect(['use_hierarchy', 'swappiness'].map((name) => read(`memory/a/memory.${name}`))).toEqual(['1', '60'])
    expect(writeFile(init, 'memory/memory.limit_in_bytes', '1G')).toBe('EINVAL')
  })

  it('V1-002: the limit of memory and swap is never below that of memory', () => {
    group(init, 'memory/a')
    const limit = (text: string) => writeFile(init, 'memory/a/memory.limit_in_bytes', text)
    const both = (text: string) => writeFile(init, 'memory/a/memory.memsw.limit_in_bytes', text)
    expect([limit('64M'), both('32M'), both('128M'), limit('256M')]).toEqual(['OK', 'EINVAL', 'OK', 'EINVAL'])
  })

  it('V1-003: at the limit somebody is killed; with oom_kill_disable a page fault waits until there is room', () => {
    group(init, 'memory/a', { 'memory.limit_in_bytes': '20M' })
    const child = childIn(init, 'memory/a')
    use(child, 40 * MiB)
    expect(ending(child)).toBe('sig9')
    expect(read('memory/a/memory.oom_control')).toBe('oom_kill_disable 0\nunder_oom 0\noom_kill 1')
    expect(Number(read('memory/a/memory.failcnt'))).toBeGreaterThan(0)
    expect(set('memory/a/memory.failcnt', '0')).toEqual(['OK 0'])
    writeFile(init, 'memory/a/memory.oom_control', '1')
    const [big, waiting] = [childIn(init, 'memory/a'), childIn(init, 'memory/a')]
    use(big, 15 * MiB)
    const address = map(waiting, 10 * MiB)
    begin(waiting, { name: 'madvise', addr: address, length: 10 * MiB, advice: 23 })
    expect(read('memory/a/memory.oom_control')).toBe('oom_kill_disable 1\nunder_oom 1\noom_kill 1')
    value(init, { name: 'kill', pid: pidOf(big), sig: 9 })
    expect(init.kernel.finish(waiting)).toEqual({ value: 0 })
    expect(read('memory/a/memory.oom_control')).toContain('under_oom 0')
    expect(Number(read('memory/a/memory.usage_in_bytes'))).toBe(10 * MiB)
  })

  it('V1-101: lowering the limit below the usage is refused, and nobody is killed', () => {
    group(init, 'memory/a')
    const child = childIn(init, 'memory/a')
    use(child, 4 * MiB)
    expect([writeFile(init, 'memory/a/memory.limit_in_bytes', '1M'), ending(child)]).toEqual(['EBUSY', undefined])
    expect(read('memory/a/memory.limit_in_bytes')).toBe('9223372036854771712')
    expect(Number(read('memory/a/memory.max_usage_in_bytes'))).toBe(4 * MiB)
    expect(read('memory/a/memory.stat')).toContain(`total_rss ${4 * MiB}\n`)
  })

  it('V1-004: shares are clamped, quota and period are checked', () => {
    group(init, 'cpu/a')
    expect(read('cpu/a/cpu.shares')).toBe('1024')
    expect(set('cpu/a/cpu.shares', '512', '1', '0', '262145', 'abc')).toEqual([
      'OK 512',
      'OK 2',
      'OK 2',
      'OK 262144',
      'EINVAL 262144',
    ])
    expect(set('cpu/a/cpu.cfs_quota_us', '50000', '-1', '0', '999', '1000')).toEqual([
      'OK 50000',
      'OK -1',
      'EINVAL -1',
      'EINVAL -1',
      'OK 1000',
    ])
    expect(set('cpu/a/cpu.cfs_period_us', '100000', '999', '1000000', '1000001')).toEqual([
      'OK 100000',
      'EINVAL 100000',
      'OK 1000000',
      'EINVAL 1000000',
    ])
  })

  it('V1-005: a child has no larger part than its parent', () => {
    group(init, 'cpu/a', { 'cpu.cfs_quota_us': '50000' })
    group(init, 'cpu/a/b')
    const quota = (name: string, text: string) => writeFile(init, `cpu/${name}/cpu.cfs_quota_us`, text)
    expect([quota('a/b', '60000'), quota('a/b', '40000'), quota('a', '30000')]).toEqual(['EINVAL', 'OK', 'EINVAL'])
  })

  it('V1-102: shares weigh as cpu.weight does, and cpuacct counts nanoseconds', () => {
    for (const [name, shares] of [
      ['a', '512'],
      ['b', '1536'],
    ] as const) {
      group(init, `cpu/${name}`, { 'cpu.shares': shares })
      group(init, `cpuacct/${name}`)
      compute(childIn(init, `cpu/${name}`, `cpuacct/${name}`), 1e12)
    }
    pass(init, 1_000_000)
    expect([read('cpuacct/a/cpuacct.usage'), read('cpuacct/b/cpuacct.usage')]).toEqual(['250000000', '750000000'])
    writeFile(init, 'cpu/a/cpu.cfs_quota_us', '10000')
    pass(init, 1_000_000)
    expect(read('cpu/a/cpu.stat')).toContain('nr_throttled 10\nthrottled_time ')
    expect(writeFile(init, 'cpuacct/a/cpuacct.usage', '1')).toBe('EINVAL')
  })

  it('V1-010: blkio has limits by device, and a weight of bfq', () => {
    group(init, 'blkio/a')
    const throttle = 'blkio/a/blkio.throttle.read_bps_device'
    expect(set(throttle, '8:0 1048576', '9:0 1', '8:0', '8:0 0')).toEqual([
      'OK 8:0 1048576',
      'ENODEV 8:0 1048576',
      'EINVAL 8:0 1048576',
      'OK ',
    ])
    expect(set('blkio/a/blkio.bfq.weight', '500', '0', 'x')).toEqual(['OK 500', 'ERANGE 500', 'EINVAL 500'])
    expect(namesIn(init, 'blkio/a')).toContain('blkio.throttle.io_service_bytes_recursive')
  })

  it('HTL-001: hugetlb of version 1 says limit_in_bytes', () => {
    group(init, 'hugetlb/a')
    expect(set('hugetlb/a/hugetlb.2MB.limit_in_bytes', '3M', '-1')[0]).toBe('OK 2097152')
  })
})

describe('version 2', () => {
  beforeEach(() => {
    init = boot().init
    writeFile(init, 'cgroup.subtree_control', '+io +misc +rdma')
    group(init, 'a')
  })

  it('IO-001: io.max is empty at first; the root has no limits', () => {
    const names = (name: string) => namesIn(init, name).filter((each) => each.startsWith('io.'))
    expect(names('a')).toEqual(['io.bfq.weight', 'io.max', 'io.pressure', 'io.stat', 'io.weight'])
    expect(names('')).toEqual(['io.cost.model', 'io.cost.qos', 'io.pressure', 'io.stat'])
    expect([readFile(init, 'a/io.max'), readFile(init, 'a/io.stat')]).toEqual(['', ''])
  })

  it('IO-002: io.max takes a device and keys; those not named keep their value, and all max is no line', () => {
    expect(set('a/io.max', '8:0 rbps=1048576', '8:0 wiops=100', '8:0 rbps=max wiops=max')).toEqual([
      'OK 8:0 rbps=1048576 wbps=max riops=max wiops=max',
      'OK 8:0 rbps=1048576 wbps=max riops=max wiops=100',
      'OK ',
    ])
    const texts = [
      '8:0 rbps=0',
      '8:0 rbps=1M',
      '8:0 foo=5',
      '8:0',
      'x',
      '8:0 rbps',
      '7:99 rbps=5',
      '8:1 rbps=5',
      '8:0 rbps=-5',
    ]
    expect(texts.map((text) => writeFile(init, 'a/io.max', text))).toEqual([
      'ERANGE',
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'EINVAL',
      'ENODEV',
      'ENODEV',
      'EINVAL',
    ])
  })

  it('IO-101: io.weight has a default and, once iocost is on, weights of disks', () => {
    expect(set('a/io.weight', 'default 200', '50', '0', '10001', 'abc')).toEqual([
      'OK default 200',
      'OK default 50',
      'EINVAL default 50',
      'EINVAL default 50',
      'EINVAL default 50',
    ])
    expect(['8:0 200', '9:9 200'].map((text) => writeFile(init, 'a/io.weight', text))).toEqual(['EOPNOTSUPP', 'ENODEV'])
    writeFile(init, 'io.cost.qos', '8:0 enable=1')
    expect(set('a/io.weight', '8:0 300', '8:0 default')).toEqual(['OK default 50\n8:0 300', 'OK default 50'])
  })

  it('IO-102: io.bfq.weight is 1 to 1000', () => {
    expect(set('a/io.bfq.weight', '500', '1', '1000', '0', '1001', 'default 200', 'abc')).toEqual([
      'OK default 500',
      'OK default 1',
      'OK default 1000',
      'ERANGE default 1000',
      'ERANGE default 1000',
      'OK default 200',
      'EINVAL default 200',
    ])
  })

  it('IO-103, IO-104: transfers are counted up the tree, and what is above the limit is paid for with time', () => {
    writeFile(init, 'a/io.max', '8:0 wbps=1048576')
    const child = childIn(init, 'a')
    init.kernel.disks!.transfer(child, '8:0', 'write', 2 * MiB)
    init.kernel.disks!.transfer(child, '8:0', 'read', MiB)
    value(child, { name: 'getpid' })
    expect(init.kernel.clock.nowNs).toBe(2e9)
    const line = '8:0 rbytes=1048576 wbytes=2097152 rios=1 wios=1 dbytes=0 dios=0\n'
    expect([readFile(init, 'a/io.stat'), readFile(init, 'io.stat')]).toEqual([line, line])
  })

  it('HTL-101: misc and rdma have nothing to give', () => {
    expect(readFile(init, 'a/misc.max')).toBe('')
    expect(writeFile(init, 'a/misc.max', 'foo 1')).toBe('EINVAL')
    const rdma = ['mlx5_0 hca_handle=2', 'mlx5_0 foo=2', 'x']
    expect(rdma.map((text) => writeFile(init, 'a/rdma.max', text))).toEqual(['ENODEV', 'EINVAL', 'ENODEV'])
  })
})

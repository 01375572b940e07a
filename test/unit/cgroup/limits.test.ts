// Limits as writes, flag by flag and host by host, and the limits that are refused.

import { describe, expect, it } from 'vitest'
import { checkResources } from '../../../core/cgroup/check.ts'
import type { CgroupHost } from '../../../core/cgroup/detect.ts'
import { limitWrites } from '../../../core/cgroup/limits.ts'
import type { LinuxResources } from '../../../core/spec/types.ts'
import { hybridHost, v1Host, v2Host } from '../../support/cgroup-hosts.ts'

const device = { major: 254, minor: 0 }

function written(resources: LinuxResources, host: CgroupHost): string[] {
  checkResources(resources)
  return limitWrites(resources, host).flatMap((write) => write.lines.map((line) => `${write.file}=${line}`))
}

describe('limits as writes', () => {
  it.each<[string, LinuxResources, readonly string[], readonly string[]]>([
    ['nothing', {}, [], []],
    ['memory', { memory: { limit: 536870912 } }, ['memory.limit_in_bytes=536870912'], ['memory.max=536870912']],
    [
      'memory and swap: v1 the sum, lower limit first; v2 the difference',
      { memory: { limit: 536870912, swap: 1073741824 } },
      ['memory.limit_in_bytes=536870912', 'memory.memsw.limit_in_bytes=1073741824'],
      ['memory.swap.max=536870912', 'memory.max=536870912'],
    ],
    [
      'no swap',
      { memory: { limit: 65536, swap: 65536 } },
      ['memory.limit_in_bytes=65536', 'memory.memsw.limit_in_bytes=65536'],
      ['memory.swap.max=0', 'memory.max=65536'],
    ],
    [
      'swap without limit',
      { memory: { limit: 65536, swap: -1 } },
      ['memory.limit_in_bytes=65536', 'memory.memsw.limit_in_bytes=-1'],
      ['memory.swap.max=max', 'memory.max=65536'],
    ],
    ['a reservation', { memory: { reservation: 65536 } }, ['memory.soft_limit_in_bytes=65536'], ['memory.low=65536']],
    ['cpu shares', { cpu: { shares: 512 } }, ['cpu.shares=512'], ['cpu.weight=59']],
    [
      'cpu quota and period',
      { cpu: { quota: 150000, period: 50000 } },
      ['cpu.cfs_period_us=50000', 'cpu.cfs_quota_us=150000'],
      ['cpu.max=150000 50000'],
    ],
    ['cpu quota', { cpu: { quota: 50000 } }, ['cpu.cfs_quota_us=50000'], ['cpu.max=50000 100000']],
    ['no cpu quota', { cpu: { quota: -1 } }, ['cpu.cfs_quota_us=-1'], ['cpu.max=max 100000']],
    ['cpu period', { cpu: { period: 50000 } }, ['cpu.cfs_period_us=50000'], ['cpu.max=max 50000']],
    [
      'cpu burst',
      { cpu: { quota: 50000, burst: 10000 } },
      ['cpu.cfs_quota_us=50000', 'cpu.cfs_burst_us=10000'],
      ['cpu.max=50000 100000', 'cpu.max.burst=10000'],
    ],
    ['cpu idle', { cpu: { idle: 1 } }, ['cpu.idle=1'], ['cpu.idle=1']],
    [
      'cpuset',
      { cpu: { cpus: '0-1', mems: '0' } },
      ['cpuset.cpus=0-1', 'cpuset.mems=0'],
      ['cpuset.cpus=0-1', 'cpuset.mems=0'],
    ],
    ['pids', { pids: { limit: 64 } }, ['pids.max=64'], ['pids.max=64']],
    ['no pids limit', { pids: { limit: -1 } }, ['pids.max=max'], ['pids.max=max']],
    [
      'throttles, on v2 one line per device',
      {
        blockIO: {
          throttleReadBpsDevice: [{ ...device, rate: 1048576 }],
          throttleWriteIOPSDevice: [{ ...device, rate: 100 }],
        },
      },
      ['blkio.throttle.read_bps_device=254:0 1048576', 'blkio.throttle.write_iops_device=254:0 100'],
      ['io.max=254:0 rbps=1048576 wiops=100'],
    ],
    [
      'huge pages, with reservations',
      { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
      ['hugetlb.2MB.max=4194304', 'hugetlb.2MB.rsvd.max=4194304'],
      ['hugetlb.2MB.max=4194304', 'hugetlb.2MB.rsvd.max=4194304'],
    ],
  ])('%s', (_, resources, onHybrid, onV2) => {
    expect(written(resources, hybridHost)).toEqual(onHybrid)
    expect(written(resources, v2Host)).toEqual(onV2)
  })

  it('weighs block I/O with the file that the kernel has', () => {
    const resources = { blockIO: { weight: 500, weightDevice: [{ ...device, weight: 100 }] } }
    expect(written(resources, hybridHost)).toEqual(['blkio.bfq.weight=500', 'blkio.bfq.weight_device=254:0 100'])
    expect(written(resources, { ...hybridHost, weightFile: 'blkio.weight' })).toEqual([
      'blkio.weight=500',
      'blkio.weight_device=254:0 100',
    ])
    expect(written(resources, { ...v2Host, weightFile: 'io.bfq.weight' })).toEqual([
      'io.bfq.weight=500',
      'io.bfq.weight=254:0 100',
    ])
    expect(written(resources, { ...v2Host, weightFile: 'io.weight' })).toEqual([
      'io.weight=4950',
      'io.weight=254:0 910',
    ])
  })

  it('sets what only v1 has', () => {
    expect(written({ memory: { swappiness: 0, disableOOMKiller: true, kernelTCP: 65536 } }, v1Host)).toEqual([
      'memory.swappiness=0',
      'memory.oom_control=1',
      'memory.kmem.tcp.limit_in_bytes=65536',
    ])
    expect(written({ cpu: { realtimePeriod: 1000000, realtimeRuntime: 950000 } }, v1Host)).toEqual([
      'cpu.rt_period_us=1000000',
      'cpu.rt_runtime_us=950000',
    ])
  })

  it('sets RDMA limits and files that are named as they are', () => {
    expect(
      written(
        {
          rdma: { mlx5_0: { hcaHandles: 3 } },
          unified: { 'memory.high': '65536', 'io.max': '8:0 rbps=1\n8:1 rbps=2' },
        },
        v2Host,
      ),
    ).toEqual(['rdma.max=mlx5_0 hca_handle=3', 'memory.high=65536', 'io.max=8:0 rbps=1', 'io.max=8:1 rbps=2'])
  })
})

describe('limits that no host takes', () => {
  it.each<[LinuxResources, string]>([
    [{ memory: { limit: 100 } }, 'memory limit 100: must be a whole number of bytes, at least 4096, or -1 for none'],
    [{ memory: { limit: 1.5e6 + 0.5 } }, 'memory limit 1500000.5: must be a whole number'],
    [{ memory: { swap: 1048576 } }, 'memory+swap limit 1048576: needs a memory limit too'],
    [{ memory: { limit: 2097152, swap: 1048576 } }, 'memory+swap limit 1048576: is below the memory limit 2097152'],
    [
      { memory: { limit: 1048576, reservation: 2097152 } },
      'memory reservation 2097152: is above the memory limit 1048576',
    ],
    [{ memory: { swappiness: 101 } }, 'memory swappiness 101: must be 0 to 100'],
    [{ memory: { kernel: 1048576 } }, 'kernel memory limit: Linux has none any more'],
    [{ memory: { useHierarchy: false } }, 'memory useHierarchy false'],
    [{ cpu: { quota: 999 } }, 'cpu quota 999: must be at least 1000 microseconds, or -1 for none'],
    [{ cpu: { period: 999 } }, 'cpu period 999: must be 1000 to 1000000 microseconds'],
    [{ cpu: { period: 1000001 } }, 'cpu period 1000001: must be 1000 to 1000000 microseconds'],
    [{ cpu: { shares: -3 } }, 'cpu shares -3: must be'],
    [{ cpu: { burst: 5000 } }, 'cpu burst 5000: needs a cpu quota that is at least as large'],
    [{ cpu: { idle: 2 } }, 'cpu idle 2: must be 0 or 1'],
    [{ cpu: { cpus: '0-' } }, 'cpuset cpus 0-: must be a list like 0-3,8'],
    [{ cpu: { mems: 'all' } }, 'cpuset mems all: must be a list like 0-3,8'],
    [{ pids: { limit: 5000000 } }, 'pids limit 5000000: must be a whole number up to 4194304'],
    [{ blockIO: { weight: 9 } }, 'block I/O weight 9: must be 10 to 1000'],
    [{ blockIO: { leafWeight: 500 } }, 'block I/O leaf weight: Linux has none any more'],
    [
      { blockIO: { weightDevice: [{ ...device, weight: 1001 }] } },
      'block I/O weight of device 254:0 1001: must be 10 to 1000',
    ],
    [{ blockIO: { throttleReadBpsDevice: [{ ...device, rate: -1 }] } }, 'throttle rate -1 of device 254:0'],
    [{ hugepageLimits: [{ pageSize: '2M', limit: 1 }] }, 'huge page size 2M: must look like 64KB, 2MB or 1GB'],
  ])('%j', (resources, sentence) => {
    expect(() => written(resources, v2Host)).toThrow(sentence)
    expect(() => written(resources, hybridHost)).toThrow(sentence)
  })
})

describe('limits that a host cannot hold are refused by name', () => {
  it.each<[string, LinuxResources, CgroupHost, string]>([
    [
      'the OOM killer on v2',
      { memory: { disableOOMKiller: true } },
      v2Host,
      'disabling the OOM killer: cgroup v2 cannot',
    ],
    ['swappiness on v2', { memory: { swappiness: 10 } }, v2Host, 'memory swappiness: cgroup v2 has none'],
    [
      'kernel TCP memory on v2',
      { memory: { kernelTCP: 65536 } },
      v2Host,
      'kernel TCP memory limit: cgroup v2 has none',
    ],
    ['real-time shares on v2', { cpu: { realtimeRuntime: 1 } }, v2Host, 'cpu realtimeRuntime: cgroup v2 has none'],
    ['a network class on v2', { network: { classID: 1 } }, v2Host, 'network class and priorities: cgroup v2 has none'],
    ['shares that v1 would bend', { cpu: { shares: 1 } }, hybridHost, 'cpu shares 1: must be 2 to 262144'],
    ['a network class without net_cls', { network: { classID: 1 } }, hybridHost, 'network class and priorities'],
    [
      'a controller that is missing',
      { rdma: { x: { hcaHandles: 1 } } },
      hybridHost,
      'cannot set rdma.max: this host has no rdma controller (cgroup mode hybrid)',
    ],
    [
      'huge pages on plain v1',
      { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] },
      v1Host,
      'cannot set hugetlb.2MB.max: this host has no hugetlb controller (cgroup mode v1)',
    ],
    [
      'a v2 file on v1',
      { unified: { 'memory.high': '1' } },
      v1Host,
      'cgroup file memory.high: this host has no memory controller on cgroup v2 (cgroup mode v1)',
    ],
    [
      'a v2 file of a controller that is on v1',
      { unified: { 'pids.max': '1' } },
      hybridHost,
      'cgroup file pids.max: this host has no pids controller on cgroup v2',
    ],
    [
      'a file that is a path',
      { unified: { '../memory.high': '1' } },
      v2Host,
      'cgroup file ../memory.high: must be a file name',
    ],
    [
      'a weight without a file',
      { blockIO: { weight: 500 } },
      { ...v2Host, weightFile: 'none' },
      'block I/O weight: this kernel has no weight file (io.weight, io.bfq.weight)',
    ],
    [
      'a weight without a file on v1',
      { blockIO: { weight: 500 } },
      { ...hybridHost, weightFile: 'none' },
      'block I/O weight: this kernel has no weight file (blkio.weight, blkio.bfq.weight)',
    ],
    [
      'swap that is not counted',
      { memory: { limit: 65536, swap: 131072 } },
      { ...v1Host, swapLimit: false },
      'memory+swap limit 131072: this kernel does not count swap',
    ],
    [
      'swap that is not there',
      { memory: { limit: 65536, swap: 131072 } },
      { ...v2Host, swapLimit: false },
      'memory+swap limit 131072: this kernel has no swap',
    ],
    [
      'device rules without anything that holds them',
      { devices: [{ allow: false }] },
      { ...v1Host, hierarchies: [] },
      'device rules: this host has neither the devices controller nor cgroup v2',
    ],
  ])('%s', (_, resources, host, sentence) => {
    expect(() => written(resources, host)).toThrow(sentence)
  })
})

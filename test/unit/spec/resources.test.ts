// podman's rules of limits.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RequestedResources } from '../../../core/spec/request.ts'
import { initialResources, resourcesFromRequest } from '../../../core/spec/resources.ts'

const mebi = 1024 * 1024

describe('limits', () => {
  it.each<[string, RequestedResources, object]>([
    [
      'memory alone has as much swap again',
      { memoryBytes: 512 * mebi },
      { memory: { limit: 512 * mebi, swap: 1024 * mebi } },
    ],
    [
      'memory-swap counts memory too, so that equal means no swap',
      { memoryBytes: 512 * mebi, memorySwapBytes: 512 * mebi },
      { memory: { limit: 512 * mebi, swap: 512 * mebi } },
    ],
    ['swap may be unlimited', { memoryBytes: mebi, memorySwapBytes: -1 }, { memory: { limit: mebi, swap: -1 } }],
    ['cpus are a quota of a tenth of a second', { cpus: 1.5 }, { cpu: { quota: 150_000, period: 100_000 } }],
    [
      'a quota and a period stay as they are',
      { cpuQuotaUsec: 5000, cpuPeriodUsec: 10_000 },
      { cpu: { quota: 5000, period: 10_000 } },
    ],
    ['no limit of processes is -1', { pidsLimit: 0 }, { pids: { limit: -1 } }],
    ['a weight', { blkioWeight: 500 }, { blockIO: { weight: 500 } }],
    [
      'shares and sets',
      { cpuShares: 512, cpusetCpus: '0', cpusetMems: '0' },
      { cpu: { shares: 512, cpus: '0', mems: '0' } },
    ],
    ['nothing', {}, {}],
  ])('%s', (_, asked, expected) => expect(resourcesFromRequest(asked)).toEqual(expected))

  it.each<[string, RequestedResources]>([
    ['--memory=4095: less than a page, 4096 bytes', { memoryBytes: 4095 }],
    ['--memory-swap: is memory and swap together, and needs --memory beside it', { memorySwapBytes: mebi }],
    [
      '--memory-swap=1048576: is memory and swap together, and cannot be less than --memory=2097152',
      { memoryBytes: 2 * mebi, memorySwapBytes: mebi },
    ],
    [
      '--memory-reservation=2097152: cannot be more than --memory=1048576',
      { memoryBytes: mebi, memoryReservationBytes: 2 * mebi },
    ],
    ['--cpus and --cpu-period: one of them, not both', { cpus: 1, cpuPeriodUsec: 1000 }],
    ['--cpus and --cpu-quota: one of them, not both', { cpus: 1, cpuQuotaUsec: 1000 }],
    ['--cpus=0.001: must be at least 0.01', { cpus: 0.001 }],
    ['--cpu-period=999: must be from 1000 to 1000000 microseconds', { cpuPeriodUsec: 999 }],
    ['--cpu-quota=999: must be at least 1000 microseconds', { cpuQuotaUsec: 999 }],
    ['--cpu-shares=1: must be from 2 to 262144', { cpuShares: 1 }],
    ['--blkio-weight=9: must be from 10 to 1000', { blkioWeight: 9 }],
    ['--blkio-weight=1001: must be from 10 to 1000', { blkioWeight: 1001 }],
  ])('%s', (sentence, asked) => expect(() => resourcesFromRequest(asked)).toThrow(sentence))

  it('a kernel that counts no swap is asked for none that nobody named', () => {
    expect(resourcesFromRequest({ memoryBytes: mebi }, false)).toEqual({ memory: { limit: mebi } })
    expect(resourcesFromRequest({ memoryBytes: mebi, memorySwapBytes: mebi }, false).memory!.swap).toBe(mebi)
  })

  it('an update of swap is judged beside the memory that the container has', () => {
    const before = { memory: { limit: 2 * mebi } }
    expect(resourcesFromRequest({ memorySwapBytes: 3 * mebi }, true, before)).toEqual({ memory: { swap: 3 * mebi } })
    expect(() => resourcesFromRequest({ memorySwapBytes: mebi }, true, before)).toThrow('cannot be less than --memory')
  })

  it('a new container has the default of processes only when it asks for no other', () => {
    const kernel = { swapAccounting: true, pidsController: true }
    expect(initialResources({}, kernel).pids).toEqual({ limit: 2048 })
    expect(initialResources({ pidsLimit: 100 }, kernel).pids).toEqual({ limit: 100 })
  })

  it('cpus round trip: the quota is that part of the period', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (hundredths) => {
        const { quota, period } = resourcesFromRequest({ cpus: hundredths / 100 }).cpu!
        expect(quota! / period!).toBeCloseTo(hundredths / 100, 9)
      }),
    )
  })
})

// The order in which limits in force are changed.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LimitsNow, updateWrites } from '../../../core/cgroup/update.ts'
import type { LinuxResources } from '../../../core/spec/types.ts'
import { hybridHost, v1Host, v2Host } from '../../support/cgroup-hosts.ts'

const mebibyte = 1048576

const files = (resources: LinuxResources, now: LimitsNow, host = hybridHost) =>
  updateWrites(resources, host, now).map((write) => `${write.file}=${write.lines}`)

describe('changing the limits of v1', () => {
  it('raises memory+swap before memory', () => {
    expect(files({ memory: { limit: 4 * mebibyte, swap: 8 * mebibyte } }, { memoryLimit: 2 * mebibyte })).toEqual([
      'memory.memsw.limit_in_bytes=8388608',
      'memory.limit_in_bytes=4194304',
    ])
  })

  it('lowers memory before memory+swap', () => {
    expect(files({ memory: { limit: mebibyte, swap: 2 * mebibyte } }, { memoryLimit: 4 * mebibyte })).toEqual([
      'memory.limit_in_bytes=1048576',
      'memory.memsw.limit_in_bytes=2097152',
    ])
  })

  it('never has memory above memory+swap on the way', () => {
    const limits = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 0, max: 64 }))
    fc.assert(
      fc.property(limits, limits, ([limit, swap], [newLimit, newSwap]) => {
        const now = { 'memory.limit_in_bytes': limit, 'memory.memsw.limit_in_bytes': limit + swap }
        const memory = { limit: newLimit * 4096, swap: (newLimit + newSwap) * 4096 }
        for (const write of updateWrites({ memory }, v1Host, { memoryLimit: limit * 4096 })) {
          now[write.file as keyof typeof now] = Number(write.lines[0]) / 4096
          expect(now['memory.limit_in_bytes']).toBeLessThanOrEqual(now['memory.memsw.limit_in_bytes'])
        }
      }),
    )
  })

  it('lowers a quota before the period gets shorter, because the parent may not allow the ratio in between', () => {
    expect(files({ cpu: { quota: 5000, period: 10000 } }, { quota: 50000, period: 100000 })).toEqual([
      'cpu.cfs_quota_us=5000',
      'cpu.cfs_period_us=10000',
    ])
  })

  it('makes the period longer before the quota gets larger', () => {
    expect(files({ cpu: { quota: 50000, period: 100000 } }, { quota: 5000, period: 10000 })).toEqual([
      'cpu.cfs_period_us=100000',
      'cpu.cfs_quota_us=50000',
    ])
  })

  it('lowers the burst before the quota', () => {
    expect(files({ cpu: { quota: 5000, burst: 1000 } }, { quota: 50000, period: 100000 })).toEqual([
      'cpu.cfs_burst_us=1000',
      'cpu.cfs_quota_us=5000',
    ])
  })

  it('leaves device rules as they are', () => {
    expect(files({ devices: [{ allow: false }], pids: { limit: 3 } }, {})).toEqual(['pids.max=3'])
  })
})

describe('changing the limits of v2', () => {
  it('takes the swap limit from memory+swap and the memory limit in force', () => {
    expect(files({ memory: { swap: 3 * mebibyte } }, { memoryLimit: mebibyte }, v2Host)).toEqual([
      `memory.swap.max=${2 * mebibyte}`,
    ])
  })

  it('keeps the period when only the quota is named, and the quota when only the period is', () => {
    expect(files({ cpu: { quota: 5000 } }, { quota: 20000, period: 50000 }, v2Host)).toEqual(['cpu.max=5000 50000'])
    expect(files({ cpu: { period: 20000 } }, { quota: 7000, period: 50000 }, v2Host)).toEqual(['cpu.max=7000 20000'])
  })

  it('refuses memory+swap below the memory limit in force', () => {
    expect(() => files({ memory: { swap: mebibyte } }, { memoryLimit: 2 * mebibyte }, v2Host)).toThrow(
      'memory+swap limit 1048576: is below the memory limit 2097152',
    )
  })
})

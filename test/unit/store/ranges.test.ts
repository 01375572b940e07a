// Ranges of ids for containers: no two ever have one in common.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IdRange } from '../../../core/spec/id-maps.ts'
import { builtInRange, freeRange } from '../../../core/store/ranges.ts'

const overlap = (a: IdRange, b: IdRange) => a.first < b.first + b.count && b.first < a.first + a.count
const range = (first: number, count: number): IdRange => ({ first, count })

describe('a free range', () => {
  it('is the first one that fits', () => {
    const pools = [range(100, 10), range(500, 100)]
    expect(freeRange(pools, [], 10)).toEqual(range(100, 10))
    expect(freeRange(pools, [range(104, 1)], 5)).toEqual(range(105, 5))
    expect(freeRange(pools, [range(104, 1)], 6)).toEqual(range(500, 6))
    expect(freeRange(pools, [range(90, 30), range(500, 50)], 50)).toEqual(range(550, 50))
    expect(freeRange(pools, [range(90, 30), range(500, 51)], 50)).toBeUndefined()
  })

  it('lies in a pool, overlaps nothing taken, and is found whenever there is one', () => {
    const ranges = fc.array(fc.record({ first: fc.nat(60), count: fc.integer({ min: 1, max: 15 }) }), { maxLength: 6 })
    fc.assert(
      fc.property(ranges, ranges, fc.integer({ min: 1, max: 12 }), (pools, taken, count) => {
        const found = freeRange(pools, taken, count)
        const fits = (candidate: IdRange) =>
          pools.some((p) => candidate.first >= p.first && candidate.first + count <= p.first + p.count) &&
          !taken.some((other) => overlap(candidate, other))
        if (found === undefined) for (let first = 0; first < 80; first++) expect(fits(range(first, count))).toBe(false)
        else expect(fits(found)).toBe(true)
      }),
    )
  })

  it('can be had four thousand times where nobody has lent any', () => {
    expect(Math.floor(builtInRange.count / 65536)).toBe(4095)
    expect(builtInRange.first + builtInRange.count).toBeLessThan(2 ** 31)
  })
})

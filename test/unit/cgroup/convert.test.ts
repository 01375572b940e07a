// Numbers of the spec as numbers of cgroup v2.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ioWeightFromBlockIOWeight, limitText, swapMax, weightFromShares } from '../../../core/cgroup/convert.ts'

const mebibyte = 1048576

describe('cpu.shares as cpu.weight', () => {
  it.each([
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 2],
    [512, 59],
    [1024, 100],
    [2000, 170],
    [2048, 174],
    [262143, 10000],
    [262144, 10000],
    [1000000, 10000],
  ])('%i shares weigh %i', (shares, weight) => {
    expect(weightFromShares(shares)).toBe(weight)
  })

  it('never weighs more shares less', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 262144 }), fc.integer({ min: 0, max: 1000 }), (shares, more) => {
        expect(weightFromShares(shares + more)).toBeGreaterThanOrEqual(weightFromShares(shares))
      }),
    )
  })

  it('stays within what cpu.weight takes', () => {
    fc.assert(
      fc.property(fc.nat(), (shares) => {
        const weight = weightFromShares(shares)
        expect(weight).toBeGreaterThanOrEqual(1)
        expect(weight).toBeLessThanOrEqual(10000)
        expect(Number.isInteger(weight)).toBe(true)
      }),
    )
  })
})

describe('a block I/O weight as io.weight', () => {
  it.each([
    [10, 1],
    [100, 910],
    [500, 4950],
    [1000, 10000],
  ])('%i becomes %i', (weight, converted) => {
    expect(ioWeightFromBlockIOWeight(weight)).toBe(converted)
  })

  it('grows strictly', () => {
    for (let weight = 11; weight <= 1000; weight++)
      expect(ioWeightFromBlockIOWeight(weight)).toBeGreaterThan(ioWeightFromBlockIOWeight(weight - 1))
  })
})

describe('memory+swap as memory.swap.max', () => {
  it.each([
    ['the difference', 64 * mebibyte, 96 * mebibyte, String(32 * mebibyte)],
    ['none at all when both are the same', 64 * mebibyte, 64 * mebibyte, '0'],
    ['without limit for -1', 64 * mebibyte, -1, 'max'],
    ['untouched when it is not named', 64 * mebibyte, undefined, undefined],
    ['without limit when memory loses its limit', -1, undefined, 'max'],
    ['as given when memory has no limit', -1, mebibyte, String(mebibyte)],
  ])('is %s', (_, limit, swap, text) => {
    expect(swapMax(limit, swap)).toBe(text)
  })

  it('writes no limit as max', () => {
    expect([limitText(-1), limitText(-5), limitText(0), limitText(7)]).toEqual(['max', 'max', '0', '7'])
  })
})

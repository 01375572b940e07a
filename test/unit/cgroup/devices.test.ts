// Device rules: as writes for v1, and as a program for v2 that is compared with the rules themselves.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deviceProgram } from '../../../core/cgroup/device-bpf.ts'
import { type DeviceRule, deviceRules, deviceWritesV1 } from '../../../core/cgroup/devices.ts'
import type { LinuxDeviceCgroup } from '../../../core/spec/types.ts'
import { runEbpf } from '../../support/ebpf.ts'

const denyAll: LinuxDeviceCgroup = { allow: false, access: 'rwm' }

interface Use {
  readonly type: 'b' | 'c'
  readonly major: number
  readonly minor: number
  readonly access: string
}

/** What the program says of a use: struct bpf_cgroup_dev_ctx. */
function judged(rules: readonly DeviceRule[], use: Use): boolean {
  const bits = [...use.access].reduce((sum, letter) => sum | { m: 1, r: 2, w: 4 }[letter]!, 0)
  const context = new Uint32Array([(bits << 16) | (use.type === 'b' ? 1 : 2), use.major, use.minor])
  return runEbpf(deviceProgram(rules), new Uint8Array(context.buffer)) === 1
}

/** The same, straight from the rules: the last one that matches a kind of access decides about it. */
function expected(rules: readonly DeviceRule[], use: Use): boolean {
  return [...use.access].every(
    (letter) =>
      rules.findLast(
        (rule) =>
          (rule.type === 'a' || rule.type === use.type) &&
          (rule.major === null || rule.major === use.major) &&
          (rule.minor === null || rule.minor === use.minor) &&
          rule.access.includes(letter),
      )?.allow ?? false,
  )
}

const access = fc.subarray([...'rwm'], { minLength: 1 }).map((letters) => letters.join(''))
const number = fc.option(fc.integer({ min: -1, max: 3 }), { nil: undefined })
const rule: fc.Arbitrary<LinuxDeviceCgroup> = fc.record(
  { allow: fc.boolean(), type: fc.constantFrom('a', 'b', 'c'), major: number, minor: number, access },
  { requiredKeys: ['allow'] },
)
const use: fc.Arbitrary<Use> = fc.record({
  type: fc.constantFrom('b', 'c'),
  major: fc.integer({ min: 0, max: 4 }),
  minor: fc.integer({ min: 0, max: 4 }),
  access,
})

describe('the device program', () => {
  it('judges every use as the rules do', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), use, (given, asked) => {
        const rules = deviceRules(given)
        expect(judged(rules, asked)).toBe(expected(rules, asked))
      }),
      { numRuns: 2000 },
    )
  })

  it('allows what every container has after a rule that denies all, and no disk', () => {
    const rules = deviceRules([denyAll])
    expect(judged(rules, { type: 'c', major: 1, minor: 3, access: 'rw' })).toBe(true)
    expect(judged(rules, { type: 'c', major: 136, minor: 77, access: 'rw' })).toBe(true)
    expect(judged(rules, { type: 'b', major: 8, minor: 0, access: 'm' })).toBe(true)
    expect(judged(rules, { type: 'b', major: 8, minor: 0, access: 'r' })).toBe(false)
    expect(judged(rules, { type: 'c', major: 1, minor: 1, access: 'r' })).toBe(false)
  })

  it('refuses reading and writing at once when only one of the two is allowed', () => {
    const rules = deviceRules([denyAll, { allow: true, type: 'c', major: 10, minor: 200, access: 'r' }])
    expect(judged(rules, { type: 'c', major: 10, minor: 200, access: 'r' })).toBe(true)
    expect(judged(rules, { type: 'c', major: 10, minor: 200, access: 'rw' })).toBe(false)
  })

  it('has nothing after a rule about everything, because the verifier refuses what is never reached', () => {
    const rules = deviceRules([{ allow: true, type: 'c', major: 1, minor: 1 }, denyAll, { allow: true }])
    expect(deviceProgram(rules).length / 8).toBe(8)
  })
})

describe('device rules as writes on v1', () => {
  const lines = (rules: LinuxDeviceCgroup[]) =>
    deviceWritesV1(deviceRules(rules)).flatMap((write) => write.lines.map((line) => `${write.file} ${line}`))

  it('restricts nothing without rules', () => {
    expect(lines([])).toEqual([])
  })

  it('denies all and then allows what every container has', () => {
    expect(lines([denyAll, { allow: true, type: 'c', major: 10, minor: 200, access: 'mr' }])).toEqual([
      'devices.deny a',
      'devices.allow c 10:200 rm',
      'devices.allow c *:* m',
      'devices.allow b *:* m',
      'devices.allow c 1:3 rwm',
      'devices.allow c 1:5 rwm',
      'devices.allow c 1:7 rwm',
      'devices.allow c 1:8 rwm',
      'devices.allow c 1:9 rwm',
      'devices.allow c 5:0 rwm',
      'devices.allow c 5:1 rwm',
      'devices.allow c 5:2 rwm',
      'devices.allow c 136:* rwm',
    ])
  })

  it('allows all with one write', () => {
    expect(lines([denyAll, { allow: true, type: 'a', access: 'rwm' }])).toEqual(['devices.allow a'])
  })

  it('splits a rule about all types that is not about everything, because the kernel would take it for everything', () => {
    expect(lines([{ allow: true, type: 'a', major: 9, access: 'r' }]).slice(0, 3)).toEqual([
      'devices.deny a',
      'devices.allow b 9:* r',
      'devices.allow c 9:* r',
    ])
  })

  it('refuses to take one device out of a wider rule, because v1 would not do it', () => {
    expect(() =>
      lines([
        denyAll,
        { allow: true, type: 'b', major: 8 },
        { allow: false, type: 'b', major: 8, minor: 1, access: 'w' },
      ]),
    ).toThrow('device rule b 8:1 w: cgroup v1 cannot take it out of the earlier rule b 8:* rwm')
  })

  it.each([
    [{ allow: true, type: 'd' as 'c' }, 'device rule type d: must be a, b or c'],
    [{ allow: true, access: 'x' }, 'device rule access x: must be letters of rwm'],
    [{ allow: true, type: 'c' as const, major: -2 }, 'device rule number -2: must be 0 to 4095, or -1 for all'],
  ])('refuses %j', (given, sentence) => {
    expect(() => lines([given])).toThrow(sentence)
  })
})

// The seccomp compiler against a slow reading of random profiles.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditArchitectures, callNumbers } from '../../../core/launch/seccomp/architectures.ts'
import { compileSeccomp } from '../../../core/launch/seccomp/compile.ts'
import { runFilter } from '../../support/bpf.ts'
import { decide, ociArchitectures } from '../../support/seccomp-model.ts'

describe('for random profiles', () => {
  const pool = 'read write readv ioctl socket bind semop shmat semtimedop setns personality file_setattr set_tls bogus'
  const value = fc.constantFrom(0, 1, 2, 3, 22, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 3 * 2 ** 32 + 2, 2 ** 64)
  const condition = fc.record({
    index: fc.integer({ min: 0, max: 2 }),
    op: fc.constantFrom('NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ').map((op) => `SCMP_CMP_${op}`),
    value,
    valueTwo: value,
  })
  const action = fc.constantFrom('KILL_PROCESS', 'KILL', 'TRAP', 'ERRNO', 'TRACE', 'LOG', 'ALLOW')
  const rule = fc.record({
    names: fc.uniqueArray(fc.constantFrom(...pool.split(' ')), { minLength: 1, maxLength: 4 }),
    action: action.map((name) => `SCMP_ACT_${name}`),
    args: fc.array(condition, { maxLength: 3 }),
  })
  const profile = fc.record({
    defaultAction: action.map((name) => `SCMP_ACT_${name}`),
    architectures: fc.subarray(Object.keys(ociArchitectures)),
    syscalls: fc.array(rule, { maxLength: 6 }),
  })
  const given = fc.constantFrom(
    0n,
    1n,
    2n,
    3n,
    4n,
    21n,
    22n,
    0xffffffffn,
    1n << 32n,
    (1n << 32n) + 1n,
    (3n << 32n) + 2n,
  )
  const argumentList = fc.array(given, { minLength: 3, maxLength: 3 })
  const calls = (['x86_64', 'x86', 'x32', 'aarch64', 'arm'] as const).flatMap((architecture) => {
    const numbers = callNumbers(architecture)
    const known = pool.split(' ').flatMap((name) => numbers.get(name) ?? [])
    return [...known, 102, 117, 500, 0xf0001, 0xffffffff].map((number) => ({
      audit: auditArchitectures[architecture],
      number,
    }))
  })

  it('a filter decides as a reading of the rules one by one does', () => {
    fc.assert(
      fc.property(
        profile,
        fc.constantFrom('x86_64', 'aarch64'),
        fc.array(argumentList, { minLength: 3 }),
        (p, m, lists) => {
          const { program } = compileSeccomp(p, m)
          for (const call of calls)
            for (const args of lists) {
              const made = runFilter(program, { ...call, args })
              const expected = decide(p, m, { ...call, args })
              if (made !== expected) expect({ call, args, made }).toEqual({ call, args, made: expected })
            }
        },
      ),
      { numRuns: 150 },
    )
  }, 60_000)
})

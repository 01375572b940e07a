// The default profile decides every call as containers-common's does.

import { describe, expect, it } from 'vitest'
import { auditArchitectures } from '../../../core/launch/seccomp/architectures.ts'
import { compiled } from '../../../core/launch/seccomp/cache.ts'
import { compileSeccomp } from '../../../core/launch/seccomp/compile.ts'
import { defaultProfile } from '../../../core/launch/seccomp/profile.ts'
import { runFilter } from '../../support/bpf.ts'
import { capabilitySets, hasPodmanProfile, podmanProfile } from '../../support/podman-seccomp.ts'
import { decide } from '../../support/seccomp-model.ts'

const numbers = [
  ...Array.from({ length: 600 }, (_, number) => number),
  ...Array.from({ length: 600 }, (_, number) => 0x40000000 + number),
  ...Array.from({ length: 10 }, (_, number) => 0xf0000 + number),
  0x3fffffff,
  0x7fffffff,
  0xfffffffe,
  0xffffffff,
]
const argumentLists: readonly (readonly bigint[])[] = [
  [],
  [0x20008n],
  [8n],
  [0xffffffffn],
  [0xffffffffffffffffn],
  [16n, 3n, 9n],
  [16n, 3n, 0n],
  [2n, 1n, 9n],
  [(1n << 32n) + 16n, 3n, 9n],
]

describe('the default profile', () => {
  const allow = 0x7fff0000
  const program = compileSeccomp(defaultProfile([], 'x86_64'), 'x86_64').program
  const x86_64 = (number: number, ...args: bigint[]) =>
    runFilter(program, { audit: auditArchitectures.x86_64, number, args })

  it('allows ordinary calls, refuses privileged ones with EPERM and answers unknown ones with ENOSYS', () => {
    expect(x86_64(0)).toBe(allow)
    expect(x86_64(246)).toBe(0x50001)
    expect(x86_64(600)).toBe(0x50000 + 38)
  })

  it('allows a privileged call with the capability it belongs to', () => {
    const admin = compileSeccomp(defaultProfile(['CAP_SYS_ADMIN'], 'x86_64'), 'x86_64').program
    expect(x86_64(321)).toBe(0x50001)
    expect(runFilter(admin, { audit: auditArchitectures.x86_64, number: 321 })).toBe(allow)
  })

  it('allows sockets, but not those of the audit system', () => {
    expect(x86_64(41, 2n, 1n, 0n)).toBe(allow)
    expect(x86_64(41, 16n, 3n, 0n)).toBe(allow)
    expect(x86_64(41, 16n, 3n, 9n)).toBe(0x50000 + 22)
  })

  it('is compiled once for equal profiles when the caller keeps a cache', () => {
    const cache = new Map()
    const first = compiled(cache, defaultProfile([], 'x86_64'), 'x86_64')
    expect(compiled(cache, defaultProfile([], 'x86_64'), 'x86_64')).toBe(first)
    expect(compiled(cache, defaultProfile([], 'aarch64'), 'aarch64')).not.toBe(first)
  })

  const title = hasPodmanProfile ? '' : ' (skipped: /usr/share/containers/seccomp.json is not installed)'
  describe.runIf(hasPodmanProfile)(`beside containers-common's${title}`, () => {
    for (const machine of ['x86_64', 'aarch64'] as const)
      it(`decides every call of ${machine} alike, whatever the capabilities`, () => {
        for (const capabilities of capabilitySets) {
          const theirs = podmanProfile(capabilities, machine)
          const { program } = compileSeccomp(defaultProfile(capabilities, machine), machine)
          const theirProgram = compileSeccomp(theirs, machine).program
          const differences: unknown[] = []
          for (const audit of new Set(Object.values(auditArchitectures)))
            for (const number of numbers)
              for (const args of argumentLists) {
                const call = { audit, number, args }
                const ours = runFilter(program, call)
                if (ours !== runFilter(theirProgram, call)) differences.push(call)
              }
          expect(differences).toEqual([])
        }
      }, 60_000)

    it('decides as the original does when it is read rule by rule', () => {
      const capabilities = capabilitySets[0]!
      const theirs = podmanProfile(capabilities, 'x86_64')
      const { program } = compileSeccomp(defaultProfile(capabilities, 'x86_64'), 'x86_64')
      for (const audit of [auditArchitectures.x86_64, auditArchitectures.x86])
        for (let number = 0; number < 480; number++) {
          const call = { audit, number, args: [16n, 3n, 9n] }
          expect([call, runFilter(program, call)]).toEqual([call, decide(theirs, 'x86_64', call)])
        }
    }, 60_000)
  })
})

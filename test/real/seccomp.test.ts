// Compiled filters decide as libseccomp's do, and the kernel accepts them.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { auditArchitectures, callNumbers } from '../../core/launch/seccomp/architectures.ts'
import { compileSeccomp } from '../../core/launch/seccomp/compile.ts'
import { defaultProfile } from '../../core/launch/seccomp/profile.ts'
import type { LinuxSeccomp } from '../../core/spec/types.ts'
import { runFilter } from '../support/bpf.ts'
import { buildProgram, libseccompProgram } from '../support/libseccomp.ts'
import { capabilitySets, hasPodmanProfile, podmanProfile } from '../support/podman-seccomp.ts'

const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-seccomp-'))
const oracle = process.arch === 'x64' ? buildProgram(directory, 'libseccomp', '-lseccomp') : undefined
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const reason = process.arch === 'x64' ? 'needs gcc and libseccomp-dev' : 'the comparison is written for x86_64'
const suite = oracle ? describe : describe.skip

suite(`beside libseccomp${oracle ? '' : ` — skipped: ${reason}`}`, () => {
  const everywhere = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']
  const programOf = (profile: LinuxSeccomp) => libseccompProgram(oracle!, profile)

  it('every call has the number that libseccomp knows', () => {
    // A filter that allows one name at a time would be slow: each name gets an errno of its own instead.
    const names = [...new Set((['x86_64', 'x86', 'x32'] as const).flatMap((name) => [...callNumbers(name).keys()]))]
    const profile: LinuxSeccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: everywhere,
      syscalls: names.map((name, index) => ({ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: 100 + index })),
    }
    const theirs = programOf(profile)
    const ours = compileSeccomp(profile, 'x86_64').program
    const differing: string[] = []
    for (const architecture of ['x86_64', 'x86', 'x32'] as const)
      for (const [name, number] of callNumbers(architecture)) {
        const call = { audit: auditArchitectures[architecture], number }
        const known = runFilter(theirs, call)
        // ENOSYS: younger than the installed libseccomp.
        if (known !== runFilter(ours, call) && known !== 0x50000 + 38) differing.push(`${architecture} ${name}`)
      }
    expect(differing).toEqual([])
  })

  it('every number means the same on ARM', () => {
    const names = [...new Set((['aarch64', 'arm'] as const).flatMap((name) => [...callNumbers(name).keys()]))]
    const profile: LinuxSeccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
      syscalls: names.map((name, index) => ({ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: 100 + index })),
    }
    const theirs = programOf(profile)
    const ours = compileSeccomp(profile, 'aarch64').program
    const differing: string[] = []
    for (const architecture of ['aarch64', 'arm'] as const)
      for (const [name, number] of callNumbers(architecture)) {
        const call = { audit: auditArchitectures[architecture], number }
        const known = runFilter(theirs, call)
        if (known !== runFilter(ours, call) && known !== 0x50000 + 38) differing.push(`${architecture} ${name}`)
      }
    expect(differing).toEqual([])
  })

  const original = hasPodmanProfile ? it : it.skip
  const note = hasPodmanProfile ? '' : ' — skipped: needs /usr/share/containers/seccomp.json'
  for (const machine of ['x86_64', 'aarch64'] as const)
    original(
      `the default profile decides as containers-common's does through libseccomp on ${machine}${note}`,
      () => {
        const audits = (machine === 'x86_64' ? ['x86_64', 'x86'] : ['aarch64', 'arm']) as ('x86_64' | 'aarch64')[]
        for (const capabilities of capabilitySets) {
          const theirs = programOf(podmanProfile(capabilities, machine))
          const ours = compileSeccomp(defaultProfile(capabilities, machine), machine).program
          const differing: unknown[] = []
          for (const name of audits)
            for (const base of [0, 0x40000000, 0xf0000, 0xfffffff0])
              for (let number = base; number < base + 560 && number <= 0xffffffff; number++)
                for (const args of [[], [8n], [16n, 3n, 9n], [16n, 3n, 0n], [2n, 2n, 9n]]) {
                  const call = { audit: auditArchitectures[name], number, args }
                  if (runFilter(theirs, call) !== runFilter(ours, call)) differing.push({ name, ...call })
                }
          expect(differing).toEqual([])
        }
      },
      60_000,
    )

  // One rule for each call: where libseccomp 2.5 joins several with conditions it loses some calls, so that there is
  // nothing to compare with. `arg 0 is not 0` beside `arg 0 is not 1 and arg 1 is not 0` refuses (2, 0) there.
  it('random conditions decide alike', () => {
    const value = fc.constantFrom(0, 1, 2, 3, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 3 * 2 ** 32 + 2, 2 ** 64)
    const condition = fc.record({
      index: fc.integer({ min: 0, max: 3 }),
      op: fc.constantFrom('NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ').map((op) => `SCMP_CMP_${op}`),
      value,
      valueTwo: value,
    })
    const conditions = fc.uniqueArray(condition, { maxLength: 3, selector: ({ index }) => index })
    const names = ['read', 'readv', 'setns', 'personality']
    const profile = fc.array(conditions, { minLength: 4, maxLength: 4 }).map(
      (lists): LinuxSeccomp => ({
        defaultAction: 'SCMP_ACT_TRAP',
        architectures: everywhere,
        syscalls: lists.map((args, index) => ({ names: [names[index]!], action: 'SCMP_ACT_ALLOW', args })),
      }),
    )
    const given = fc.constantFrom(0n, 1n, 2n, 3n, 4n, 0xffffffffn, 1n << 32n, (1n << 32n) + 1n, (3n << 32n) + 2n)
    const lists = fc.array(fc.array(given, { minLength: 4, maxLength: 4 }), { minLength: 10, maxLength: 30 })
    fc.assert(
      fc.property(profile, lists, (p, argumentLists) => {
        const theirs = programOf(p)
        const ours = compileSeccomp(p, 'x86_64').program
        for (const architecture of ['x86_64', 'x86', 'x32'] as const)
          for (const name of [...names, 'write'])
            for (const args of argumentLists) {
              const call = {
                audit: auditArchitectures[architecture],
                number: callNumbers(architecture).get(name)!,
                args,
              }
              const made = runFilter(ours, call)
              const expected = runFilter(theirs, call)
              if (made !== expected) expect({ name, ...call, made }).toEqual({ name, ...call, made: expected })
            }
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})

const filtered = buildProgram(directory, 'filtered')
const kernelSuite = filtered ? describe : describe.skip

kernelSuite(`under the kernel${filtered ? '' : ' — skipped: needs gcc'}`, () => {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const run = (profile: LinuxSeccomp, ...argv: string[]) => {
    const file = join(directory, 'filter')
    writeFileSync(file, compileSeccomp(profile, machine).program)
    return spawnSync(filtered!, [file, ...argv], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  }

  it('the default profile is accepted and lets programs run', () => {
    const { stdout, stderr, status } = run(defaultProfile([], machine), 'sh', '-c', 'ls / | wc -l && echo done')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    expect(stdout).toMatch(/done/)
  })

  it('a call that the profile refuses fails with the errno that it names', () => {
    const { stderr } = run(
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
      },
      'mkdir',
      join(directory, 'new'),
    )
    expect(stderr).toMatch(/No space left on device/)
  })

  it('a call that the profile kills ends the process with SIGSYS', () => {
    const { signal } = run(
      { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_KILL_PROCESS' }] },
      'mkdir',
      join(directory, 'new'),
    )
    expect(signal).toBe('SIGSYS')
  })

  it('the longest filter that is compiled is not too long for the kernel', () => {
    const profile = (count: number): LinuxSeccomp => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: Array.from({ length: count }, (_, value) => ({
        names: ['personality'],
        action: 'SCMP_ACT_ERRNO',
        args: [{ index: 0, value: value + 1, op: 'SCMP_CMP_EQ' }],
      })),
    })
    let count = 1000
    while (compileSeccomp(profile(count), machine).program.length / 8 < 4080) count++
    expect(run(profile(count), 'true')).toMatchObject({ status: 0, stderr: '' })
  })
})

// The seccomp compiler's decisions, by example.

import { describe, expect, it } from 'vitest'
import { auditArchitectures, type CallArchitecture } from '../../../core/launch/seccomp/architectures.ts'
import { compileSeccomp } from '../../../core/launch/seccomp/compile.ts'
import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from '../../../core/spec/types.ts'
import { runFilter } from '../../support/bpf.ts'
import { ociArchitectures } from '../../support/seccomp-model.ts'

const allow = 0x7fff0000
const errno = (value: number) => 0x50000 + value
const killed = 0
const setns = 308

const entry = (names: string, action: string, args?: LinuxSeccompArg[], errnoRet?: number): LinuxSyscall => ({
  names: names.split(' '),
  action: `SCMP_ACT_${action}`,
  args,
  errnoRet,
})
const arg = (index: number, op: string, value: number, valueTwo?: number): LinuxSeccompArg => ({
  index,
  op: `SCMP_CMP_${op}`,
  value,
  valueTwo,
})
const refusing = (syscalls: LinuxSyscall[], more: Partial<LinuxSeccomp> = {}): LinuxSeccomp => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [entry('file_setattr', 'ALLOW'), ...syscalls],
  ...more,
})
const answer = (
  profile: LinuxSeccomp,
  number: number,
  args: bigint[] = [],
  architecture: CallArchitecture = 'x86_64',
  machine: 'x86_64' | 'aarch64' = 'x86_64',
) => runFilter(compileSeccomp(profile, machine).program, { audit: auditArchitectures[architecture], number, args })

describe('a compiled filter', () => {
  it('refuses with EPERM what no rule names', () => {
    expect(answer(refusing([entry('read', 'ALLOW')]), 0)).toBe(allow)
    expect(answer(refusing([entry('read', 'ALLOW')]), 1)).toBe(errno(1))
  })

  it('knows every action', () => {
    const names = { KILL_PROCESS: 0x80000000, KILL_THREAD: 0, KILL: 0, TRAP: 0x30000, LOG: 0x7ffc0000, ALLOW: allow }
    for (const [name, value] of Object.entries(names))
      expect(answer(refusing([entry('read', name)]), 0), name).toBe(value)
    expect(answer(refusing([entry('read', 'ERRNO', [], 13)]), 0)).toBe(errno(13))
    expect(answer(refusing([entry('read', 'TRACE', [], 7)]), 0)).toBe(0x7ff00007)
    expect(answer(refusing([entry('read', 'TRACE')]), 0)).toBe(0x7ff00001)
  })

  it('compares arguments with all 64 bits', () => {
    const big = 3 * 2 ** 32 + 5
    const low = 5n
    const exact = (3n << 32n) + 5n
    const high = 4n << 32n
    const table: [string, boolean[]][] = [
      ['EQ', [false, false, true, false, false]],
      ['NE', [true, true, false, true, true]],
      ['LT', [true, true, false, false, false]],
      ['LE', [true, true, true, false, false]],
      ['GT', [false, false, false, true, true]],
      ['GE', [false, false, true, true, true]],
    ]
    for (const [op, holds] of table)
      for (const [index, value] of [low, exact - 1n, exact, exact + 1n, high].entries())
        expect([op, value, answer(refusing([entry('setns', 'ALLOW', [arg(1, op, big)])]), setns, [0n, value])]).toEqual(
          [op, value, holds[index] ? allow : errno(1)],
        )
  })

  it('compares under a mask, where bits outside the mask do not count', () => {
    const profile = refusing([entry('setns', 'ALLOW', [arg(0, 'MASKED_EQ', 2 ** 32 + 1, 2 ** 32 + 2)])])
    expect(answer(profile, setns, [1n << 32n])).toBe(allow)
    expect(answer(profile, setns, [(1n << 32n) + 0xf0n])).toBe(allow)
    expect(answer(profile, setns, [(1n << 32n) + 1n])).toBe(errno(1))
    expect(answer(profile, setns, [0n])).toBe(errno(1))
  })

  it('reads 2^64 as all ones, because that is how JSON gives 2^64 - 1', () => {
    const profile = refusing([entry('setns', 'ALLOW', [arg(0, 'EQ', JSON.parse('18446744073709551615'))])])
    expect(answer(profile, setns, [0xffffffffffffffffn])).toBe(allow)
    expect(answer(profile, setns, [0xffffffffn])).toBe(errno(1))
  })

  it('asks all conditions of one entry, but any when two compare the same argument', () => {
    const all = refusing([entry('setns', 'ALLOW', [arg(0, 'EQ', 1), arg(1, 'EQ', 2)])])
    expect(answer(all, setns, [1n, 2n])).toBe(allow)
    expect(answer(all, setns, [1n, 3n])).toBe(errno(1))
    const any = refusing([entry('setns', 'ALLOW', [arg(0, 'EQ', 1), arg(0, 'EQ', 2), arg(1, 'EQ', 7)])])
    expect([[1n], [2n], [3n], [3n, 7n]].map((args) => answer(any, setns, args))).toEqual([
      allow,
      allow,
      errno(1),
      allow,
    ])
  })

  it('lets an unconditional rule win over conditional ones, and the first of equals over later ones', () => {
    const conditional = entry('setns', 'ERRNO', [arg(0, 'EQ', 5)], 2)
    expect(answer(refusing([conditional, entry('setns', 'ALLOW')]), setns, [5n])).toBe(allow)
    expect(answer(refusing([entry('setns', 'ALLOW'), conditional]), setns, [5n])).toBe(allow)
    expect(answer(refusing([entry('setns', 'LOG'), entry('setns', 'ALLOW')]), setns)).toBe(0x7ffc0000)
    expect(answer(refusing([conditional, entry('setns', 'ALLOW', [arg(0, 'GE', 5)])]), setns, [5n])).toBe(errno(2))
    expect(answer(refusing([conditional, entry('setns', 'ALLOW', [arg(0, 'GE', 5)])]), setns, [6n])).toBe(allow)
  })

  it('passes over entries that repeat the default action', () => {
    expect(answer(refusing([entry('setns', 'ERRNO', [], 1), entry('setns', 'ALLOW')]), setns)).toBe(allow)
  })

  it('passes over names that an architecture does not have', () => {
    expect(answer(refusing([entry('no_such_call read', 'ALLOW')]), 0)).toBe(allow)
  })

  it('kills calls of architectures that are not listed, x32 among them, but not a cancelled call', () => {
    const profile = refusing([entry('read', 'ALLOW')])
    expect(answer(profile, 3, [], 'x86')).toBe(killed)
    expect(answer(profile, 0x40000000)).toBe(killed)
    expect(answer(profile, 0xffffffff)).toBe(errno(1))
    expect(answer(profile, 63, [], 'aarch64')).toBe(killed)
  })

  it('numbers calls for each architecture that is listed', () => {
    const profile = refusing([entry('readv set_tls', 'ALLOW')], {
      architectures: Object.keys(ociArchitectures).concat('SCMP_ARCH_S390X'),
    })
    expect(answer(profile, 19)).toBe(allow)
    expect(answer(profile, 0x40000000 + 515)).toBe(allow)
    expect(answer(profile, 0x40000000 + 19)).toBe(errno(1))
    expect(answer(profile, 145, [], 'x86')).toBe(allow)
    expect(answer(profile, 65, [], 'aarch64', 'aarch64')).toBe(allow)
    expect(answer(profile, 145, [], 'arm', 'aarch64')).toBe(allow)
    expect(answer(profile, 0xf0005, [], 'arm', 'aarch64')).toBe(allow)
    expect(answer(profile, 0xf0004, [], 'arm', 'aarch64')).toBe(errno(1))
  })

  it('compares only 32 bits where calls have no more', () => {
    const profile = refusing([entry('setns', 'ALLOW', [arg(0, 'EQ', 2 ** 32 + 5)])], {
      architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    })
    expect(answer(profile, 346, [5n], 'x86')).toBe(allow)
    expect(answer(profile, 0x40000000 + setns, [(7n << 32n) + 5n])).toBe(allow)
    expect(answer(profile, setns, [5n])).toBe(errno(1))
  })

  it('carries permission for sockets and System V calls over to socketcall and ipc of 32-bit x86', () => {
    const profile = refusing([entry('socket shmat', 'ALLOW'), entry('bind', 'ALLOW', [arg(0, 'EQ', 0)])], {
      architectures: ['SCMP_ARCH_X86'],
    })
    expect(answer(profile, 102, [1n], 'x86')).toBe(allow)
    expect(answer(profile, 102, [2n], 'x86')).toBe(errno(1))
    expect(answer(profile, 117, [21n], 'x86')).toBe(allow)
    expect(answer(profile, 117, [22n], 'x86')).toBe(errno(1))
  })

  it('answers ENOSYS to calls newer than the profile, when the default is an errno', () => {
    const old: LinuxSeccomp = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry('statx', 'ALLOW')] }
    expect(answer(old, 435)).toBe(errno(38))
    expect(answer(old, 331)).toBe(errno(1))
    expect(answer({ ...old, defaultAction: 'SCMP_ACT_KILL_PROCESS' }, 435)).toBe(0x80000000)
    expect(answer({ defaultAction: 'SCMP_ACT_ERRNO' }, 435)).toBe(errno(1))
  })

  it('has the flags of the profile, and SPEC_ALLOW when it names none', () => {
    const flags = (names?: string[]) =>
      compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', flags: names }, 'x86_64').flags
    expect(flags()).toBe(4)
    expect(flags([])).toBe(0)
    expect(flags(['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC'])).toBe(3)
  })

  it('hands calls to a listener where there is one, and has seccomp(2) answer with its descriptor', () => {
    const profile: LinuxSeccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      listenerPath: '/run/x',
      syscalls: [entry('mkdir', 'NOTIFY')],
    }
    const compiled = compileSeccomp(profile, 'x86_64', true)
    expect(compiled).toMatchObject({ flags: 12, notifies: true })
    const audit = auditArchitectures.x86_64
    expect(runFilter(compiled.program, { audit, number: 83, args: [] })).toBe(0x7fc00000)
    expect(runFilter(compiled.program, { audit, number: 84, args: [] })).toBe(0x7fff0000)
    const killable = { ...profile, flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }
    expect(compileSeccomp(killable, 'x86_64', true).flags).toBe(40)
    expect(compileSeccomp({ ...profile, syscalls: [] }, 'x86_64', true)).not.toHaveProperty('notifies')
  })
})

describe('a profile is refused', () => {
  const refused: [string, LinuxSeccomp, RegExp][] = [
    ['SCMP_ACT_NOTIFY', refusing([entry('read', 'NOTIFY')]), /syscalls\[1\]\.action: SCMP_ACT_NOTIFY is not supported/],
    ['a listener', refusing([], { listenerPath: '/run/x' }), /listenerPath/],
    ['an unknown action', refusing([entry('read', 'DENY')]), /no such action: SCMP_ACT_DENY/],
    ['an errno where none goes', refusing([entry('read', 'ALLOW', [], 1)]), /takes no errno/],
    ['an errno out of range', refusing([entry('read', 'ERRNO', [], 4096)]), /errno 4096/],
    ['an unknown operator', refusing([entry('read', 'ALLOW', [arg(0, 'XX', 1)])]), /args\[0\]\.op: no such operator/],
    ['a seventh argument', refusing([entry('read', 'ALLOW', [arg(6, 'EQ', 1)])]), /arguments 0 to 5, not 6/],
    ['a number that lost digits', refusing([entry('read', 'ALLOW', [arg(0, 'EQ', 2 ** 60)])]), /args\[0\]\.value/],
    ['an unknown architecture', refusing([], { architectures: ['x86_64'] }), /no such architecture: x86_64/],
    ['an unknown flag', refusing([], { flags: ['SECCOMP_FILTER_FLAG_FAST'] }), /flags: SECCOMP_FILTER_FLAG_FAST/],
    [
      'a flag for listeners without one',
      refusing([], { flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }),
      /needs SCMP_ACT_NOTIFY/,
    ],
    [
      'a filter too long for the kernel',
      refusing(Array.from({ length: 1100 }, (_, value) => entry('read', 'ALLOW', [arg(0, 'EQ', value)]))),
      /the kernel takes 4096/,
    ],
  ]
  for (const [what, profile, message] of refused)
    it(`for ${what}`, () => expect(() => compileSeccomp(profile, 'x86_64')).toThrow(message))
})

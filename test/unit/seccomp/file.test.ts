// Profile files of podman and docker: what they mean for one container.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { profileOfFile } from '../../../core/launch/seccomp/file.ts'
import { capabilitySets, hasPodmanProfile, podmanProfile } from '../../support/podman-seccomp.ts'

const facts = { capabilities: ['CAP_CHOWN'], arch: 'x86_64', kernelRelease: '6.1.0-13-amd64' } as const
const read = (file: Record<string, unknown>, more: Partial<typeof facts> | object = {}) =>
  profileOfFile({ defaultAction: 'SCMP_ACT_ERRNO', ...file }, { ...facts, ...more }, 'p.json')
const names = (entry: Record<string, unknown>, more: object = {}) =>
  read({ syscalls: [{ names: ['bpf'], action: 'SCMP_ACT_ALLOW', ...entry }] }, more).syscalls!.flatMap(
    (one) => one.names,
  )

describe('a profile file', () => {
  it('includes an entry when all capabilities are there, and excludes it when any is', () => {
    expect(names({ includes: { caps: ['CAP_CHOWN'] } })).toEqual(['bpf'])
    expect(names({ includes: { caps: ['CAP_CHOWN', 'CAP_BPF'] } })).toEqual([])
    expect(names({ excludes: { caps: ['CAP_CHOWN', 'CAP_BPF'] } })).toEqual([])
    expect(names({ excludes: { caps: ['CAP_BPF'] } })).toEqual(['bpf'])
  })

  it('chooses entries by machine', () => {
    expect(names({ includes: { arches: ['amd64'] } })).toEqual(['bpf'])
    expect(names({ includes: { arches: ['arm64'] } })).toEqual([])
    expect(names({ excludes: { arches: ['arm64'] } }, { arch: 'aarch64' })).toEqual([])
  })

  it('chooses entries by kernel, comparing versions as numbers', () => {
    expect(names({ includes: { minKernel: '4.8' } })).toEqual(['bpf'])
    expect(names({ includes: { minKernel: '6.2' } })).toEqual([])
    expect(names({ includes: { minKernel: '5.8' } }, { kernelRelease: '5.10.0' })).toEqual(['bpf'])
  })

  it('takes the architectures of this machine from archMap, and the names of errnos', () => {
    const archMap = [
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: null },
    ]
    expect(read({ archMap, defaultErrno: 'ENOSYS' })).toMatchObject({
      architectures: ['SCMP_ARCH_X86_64'],
      defaultErrnoRet: 38,
    })
    expect(read({ archMap }, { arch: 'aarch64' }).architectures).toEqual(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'])
  })

  it('reads the old form with one name for each entry', () => {
    expect(names({ names: undefined, name: 'mount' })).toEqual(['mount'])
  })

  const refused: [Record<string, unknown>, RegExp][] = [
    [{ defaultAction: 1 }, /p\.json: defaultAction/],
    [{ syscalls: {} }, /syscalls: must be a list/],
    [{ syscalls: [{ action: 'SCMP_ACT_ALLOW' }] }, /syscalls\[0\]: must have a name/],
    [{ syscalls: [{ names: ['a'], action: 'X', includes: { minKernal: '1.2' } }] }, /includes\.minKernal: is not supp/],
    [{ syscalls: [{ names: ['a'], action: 'X', excludes: { minKernel: 'new' } }] }, /minKernel: must be like 5\.8/],
    [{ syscalls: [{ names: ['a'], action: 'X', errno: 'EWHAT' }] }, /no such errno: EWHAT/],
    [{ archMap: [{ architecture: 'a' }], architectures: ['b'] }, /both architectures and archMap/],
  ]
  for (const [file, message] of refused)
    it(`is refused: ${message.source}`, () => expect(() => read(file)).toThrow(message))

  const original = hasPodmanProfile ? it : it.skip
  original('of containers-common means what podman makes of it', () => {
    const file: unknown = JSON.parse(readFileSync('/usr/share/containers/seccomp.json', 'utf8'))
    for (const capabilities of capabilitySets)
      for (const arch of ['x86_64', 'aarch64'] as const)
        expect(profileOfFile(file, { ...facts, capabilities, arch }, 'p.json')).toMatchObject(
          JSON.parse(JSON.stringify(podmanProfile(capabilities, arch))),
        )
  })
})

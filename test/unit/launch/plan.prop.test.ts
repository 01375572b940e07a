// What holds of every plan, whatever the spec: results are there before they are used, and the order is safe.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { faultsOf } from '../../../core/launch/check.ts'
import { planContainer } from '../../../core/launch/container.ts'
import type { Step } from '../../../core/launch/plan.ts'
import { capabilityNames, namespaceTypes } from '../../../core/spec/names.ts'
import type { Mount } from '../../../core/spec/types.ts'
import { facts, type Given, newNamespaces, specOf } from '../../support/planned.ts'

const destinations = ['/proc', '/dev', '/dev/pts', '/sys', '/sys/fs/cgroup', '/data', '/data/deep/er', '/etc/conf']
const options = ['ro', 'rw', 'nosuid', 'rro', 'noatime', 'rprivate', 'rslave', 'shared', 'exec']
const mount: fc.Arbitrary<Mount> = fc.oneof(
  fc.record({
    destination: fc.constantFrom(...destinations),
    source: fc.constantFrom('/host/directory', '/host/file'),
    options: fc.subarray(options).map((some) => ['rbind', ...some]),
  }),
  fc.record({
    destination: fc.constantFrom(...destinations),
    type: fc.constantFrom('tmpfs', 'proc', 'sysfs', 'mqueue', 'devpts', 'cgroup'),
    options: fc.subarray(options),
  }),
)
const some = fc.subarray([...capabilityNames])
const view = fc.constantFrom(
  { version: 2, mountPoint: '/sys/fs/cgroup' } as const,
  {
    version: 1,
    hierarchies: [{ name: 'cpu,cpuacct', data: 'cpu,cpuacct', directory: '/cg' }],
  } as const,
)

const container: fc.Arbitrary<Given> = fc
  .record({
    namespaces: fc.subarray(namespaceTypes.filter((type) => type !== 'mount')),
    joined: fc.boolean(),
    mounts: fc.array(mount, { maxLength: 6 }),
    masked: fc.subarray(['/proc/kcore', '/proc/acpi', '/var/lib']),
    terminal: fc.boolean(),
    capabilities: fc.record({ bounding: some, permitted: some, effective: some, inheritable: some, ambient: some }),
    cwd: fc.constantFrom('/', '/srv', '/dev/shm', '/data/deep'),
    program: fc.constantFrom('/bin/sh', 'sh'),
    waitsForStart: fc.boolean(),
    view,
  })
  .map((drawn) => ({
    namespaces: [
      ...newNamespaces('mount'),
      ...drawn.namespaces.map((type, i) => (drawn.joined && i % 2 ? { type, path: `/proc/7/ns/${type}` } : { type })),
    ],
    mounts: drawn.mounts,
    linux: { maskedPaths: drawn.masked, readonlyPaths: drawn.masked },
    process: {
      terminal: drawn.terminal,
      capabilities: drawn.capabilities,
      cwd: drawn.cwd,
      args: [drawn.program],
    },
    facts: {
      waitsForStart: drawn.waitsForStart,
      cgroup: { create: [], join: [], view: drawn.view },
    },
  }))

const planOf = (given: Given) => {
  const spec = specOf(given)
  return planContainer(
    { ...spec, linux: { ...spec.linux, namespaces: given.namespaces } },
    { ...facts, ...given.facts },
  )
}
const flat = (steps: readonly Step[]): Step[] =>
  steps.flatMap((step) => [step, ...flat(step.and ?? []), ...flat(step.otherwise ?? [])])

describe('every plan', () => {
  it('uses no result that may not be there', () => {
    fc.assert(
      fc.property(container, (given) => {
        expect(faultsOf(planOf(given))).toEqual([])
      }),
    )
  })

  it('gives no path of the host after the host is left, but the program, which is looked for inside', () => {
    fc.assert(
      fc.property(container, (given) => {
        const steps = flat(planOf(given).steps)
        const left = steps.findIndex(({ call }) => call.name === 'umount2')
        const paths = steps.slice(left + 1).filter(({ call }) => 'dirfd' in call && call.dirfd === -100)
        expect(paths).toEqual([])
        const followed = steps
          .slice(left + 1)
          .filter(({ call }) => call.name === 'openat2' && !((call.how.resolve ?? 0) & 6))
        expect(followed).toEqual([])
      }),
    )
  })

  it('is the same for the same spec', () => {
    fc.assert(
      fc.property(container, (given) => {
        expect(planOf(given)).toEqual(planOf(given))
      }),
    )
  })
})

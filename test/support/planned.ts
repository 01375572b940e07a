// Plans for golden tests: the smallest container, to which a test adds what it is about.

import { expect } from 'vitest'
import { faultsOf } from '../../core/launch/check.ts'
import { planContainer } from '../../core/launch/container.ts'
import type { LaunchFacts } from '../../core/launch/facts.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import { printPlan } from '../../core/launch/print.ts'
import { capabilityNames } from '../../core/spec/names.ts'
import type { Linux, LinuxNamespaceType, Mount, Process, Spec } from '../../core/spec/types.ts'

/** A caller with all capabilities of Linux 6.12. */
export const facts: LaunchFacts = {
  release: '6.12.0',
  euid: 0,
  capabilities: { permitted: 2n ** 41n - 1n, bounding: 2n ** 41n - 1n },
  lastCapability: 40,
  rootDirectory: '/image',
  sources: { '/host/directory': 'directory', '/host/file': 'file' },
  waitsForStart: false,
}

export interface Given {
  readonly namespaces?: Linux['namespaces']
  readonly mounts?: readonly Mount[]
  readonly process?: Partial<Process>
  readonly linux?: Partial<Linux>
  readonly spec?: Partial<Spec>
  readonly facts?: Partial<LaunchFacts>
}

export const newNamespaces = (...types: readonly LinuxNamespaceType[]) => types.map((type) => ({ type }))

/** Its process keeps all capabilities, so that the plan has no steps for them. */
export function specOf(given: Given = {}): Spec {
  return {
    ociVersion: '1.2.0',
    root: { path: '/image' },
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh'],
      cwd: '/',
      capabilities: { bounding: capabilityNames, permitted: capabilityNames, effective: capabilityNames },
      ...given.process,
    },
    mounts: given.mounts ?? [],
    linux: { namespaces: given.namespaces ?? newNamespaces('mount'), ...given.linux },
    ...given.spec,
  }
}

/** The plan as lines, without numbers; when it has a fault the test fails. */
export function linesOf(plan: LaunchPlan): string[] {
  expect(faultsOf(plan)).toEqual([])
  const indent = ' '.repeat(String(plan.steps.length).length + 8)
  return printPlan(plan)
    .trimEnd()
    .split('\n')
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.replace(/^ *\d+ (child {2})?/, '')))
}

/** The steps that a container has beyond the smallest one, in their order: what the plan is about. */
export function beyondSmallest(given: Given): string {
  const known = new Set(linesOf(planContainer(specOf(), facts)))
  const lines = linesOf(planContainer(specOf(given), { ...facts, ...given.facts }))
  return lines.filter((line) => !known.has(line)).join('\n')
}

// Random scenarios of a seed, and what became of the machine: a process of its own can be asked for the same.

import fc from 'fast-check'
import { digest } from '../../sim/digest.ts'
import type { Kernel } from '../../sim/kernel.ts'
import type { Machine } from './random/machine.ts'
import { record, steps } from './scenario-steps.ts'

/** A machine that is no real one, so that scenarios are the same wherever they are played. */
export const anyMachine: Machine = {
  version: [6, 12],
  cpus: 4,
  capabilities: 0x1ffffffffffn,
  controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc'],
  settings: new Map(),
}

/** Scenarios in strace's words, each with the digest of the machine that it ended with. */
export async function traces(seed: number, count: number): Promise<readonly (readonly [string, string])[]> {
  const all: (readonly [string, string])[] = []
  for (const scenario of fc.sample(steps, { seed, numRuns: count })) {
    let machine: Kernel | undefined
    const { text } = await record(scenario, anyMachine, (kernel) => {
      machine = kernel
    })
    all.push([text, digest(machine!)])
  }
  return all
}

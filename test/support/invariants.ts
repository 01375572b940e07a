// What has to be true of a simulated machine at any time. Each rule looks at all objects that can be reached, and counts anew
// what the machine keeps as a number.

import { type DigestOptions, digest } from '../../sim/digest.ts'
import type { Kernel } from '../../sim/kernel.ts'
import type { Task } from '../../sim/task.ts'
import { cgroupFaults } from './invariants-cgroups.ts'
import { chargeFaults } from './invariants-charges.ts'
import { fileFaults } from './invariants-files.ts'
import { mountFaults } from './invariants-mounts.ts'
import { namespaceFaults } from './invariants-namespaces.ts'
import { taskFaults } from './invariants-tasks.ts'

/** Everything of a machine, by kind. */
export interface Everything {
  readonly kernel: Kernel
  readonly digest: string
  readonly objects: readonly object[]
  readonly all: <T extends object>(kind: abstract new (...args: never[]) => T) => readonly T[]
}

export function everything(kernel: Kernel, options: DigestOptions = {}): Everything {
  const objects: object[] = []
  return {
    kernel,
    objects,
    digest: digest(kernel, { ...options, meet: (object) => objects.push(object) }),
    all: <T extends object>(kind: abstract new (...args: never[]) => T) =>
      objects.filter((object): object is T => object instanceof kind),
  }
}

/**
 * What is wrong with a machine; nothing when all is well.
 *
 * @param born - the task that the last call has made
 */
export function brokenIn(machine: Everything, born?: Task): readonly string[] {
  return [
    ...taskFaults(machine),
    ...cgroupFaults(machine),
    ...chargeFaults(machine, born),
    ...namespaceFaults(machine),
    ...fileFaults(machine),
    ...mountFaults(machine),
  ]
}

/** Counts how often each thing is named. */
export class Tally<T> {
  readonly #counts = new Map<T, number>()

  add(thing: T | undefined, times = 1): void {
    if (thing !== undefined) this.#counts.set(thing, this.of(thing) + times)
  }

  of(thing: T): number {
    return this.#counts.get(thing) ?? 0
  }

  [Symbol.iterator](): IterableIterator<[T, number]> {
    return this.#counts.entries()
  }
}

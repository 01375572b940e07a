// Pausing and unpausing all processes of a container.

import { UserError } from '../errors.ts'
import { must, readTextIfThere, writeInto } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { CgroupPaths } from './paths.ts'
import { keyed } from './read.ts'

/** Waits so many milliseconds: given by whoever has a clock. */
export type Sleep = (ms: number) => Promise<void>

/** How long to wait for all processes to stand still; a process inside a system call that cannot be interrupted may take long. */
const patienceMs = 10_000

/**
 * Stops every process of the container where it is.
 * v2: cgroup.freeze, and frozen processes can still be killed. v1: freezer.state, and they cannot.
 * Sources: cgroup-v2.rst cgroup.freeze; cgroup-v1/freezer-subsystem.rst.
 * @throws UserError when it cannot be done; the container is then thawed again
 */
export async function pause(kernel: Kernel, paths: CgroupPaths, sleep: Sleep): Promise<void> {
  if (paths.v1.freezer === undefined && paths.unified === undefined)
    throw new UserError('cannot pause: this host has neither the freezer controller nor cgroup v2')
  try {
    if (await freeze(kernel, paths, sleep)) return
  } catch (error) {
    writeText(kernel, paths, false)
    throw error
  }
  write(kernel, paths, false)
  throw new UserError(
    `cannot pause ${paths.path}: its processes did not all stop within ${patienceMs / 1000} seconds (one waits in the kernel)`,
  )
}

/** False when they do not all stand still in time. */
async function freeze(kernel: Kernel, paths: CgroupPaths, sleep: Sleep): Promise<boolean> {
  write(kernel, paths, true)
  for (let waited = 0, tries = 1; waited < patienceMs; tries++) {
    if (isFrozen(kernel, paths)) return true
    const ms = waited < 50 ? 1 : 20
    await sleep(ms)
    waited += ms
    if (paths.v1.freezer === undefined) continue
    // on v1 a task that forks at the wrong moment can keep the state at FREEZING: let go for a moment, and again
    if (tries % 50 === 0) write(kernel, paths, false)
    write(kernel, paths, true)
  }
  return false
}

/** Lets the processes go on. */
export function unpause(kernel: Kernel, paths: CgroupPaths): void {
  write(kernel, paths, false)
}

/** Whether every process stands still. */
export function isFrozen(kernel: Kernel, { v1, unified }: CgroupPaths): boolean {
  if (v1.freezer !== undefined)
    return readTextIfThere(kernel, `${v1.freezer}/freezer.state`, ['ENOENT', 'ENODEV'])?.trim() === 'FROZEN'
  return keyed(readTextIfThere(kernel, `${unified}/cgroup.events`, ['ENOENT', 'ENODEV'])).get('frozen') === 1
}

function write(kernel: Kernel, paths: CgroupPaths, frozen: boolean): void {
  const { path, text, outcome } = writeText(kernel, paths, frozen)
  must(outcome, `write ${text} to ${path}`)
}

function writeText(kernel: Kernel, { v1, unified }: CgroupPaths, frozen: boolean) {
  const [path, text] =
    v1.freezer !== undefined
      ? ([`${v1.freezer}/freezer.state`, frozen ? 'FROZEN' : 'THAWED'] as const)
      : ([`${unified}/cgroup.freeze`, frozen ? '1' : '0'] as const)
  return { path, text, outcome: writeInto(kernel, path, text) }
}

// Who cleans up on a machine after a container whose caller is gone: the command that runs now, whichever has begun the container.

import type { Kernel as Machine } from '../../sim/kernel.ts'
import type { Task } from '../../sim/task.ts'

/** A monitor is about to execute the cleanup command: its argv, and the task. */
export type CleanUp = (argv: readonly string[], task: Task) => void

const cleaners = new WeakMap<Machine, CleanUp>()

export const cleanedUpBy = (machine: Machine): CleanUp | undefined => cleaners.get(machine)

export function cleanUpBy(machine: Machine, cleanUp: CleanUp): void {
  cleaners.set(machine, cleanUp)
}

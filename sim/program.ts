// Programs of the simulated machine: generators that make system calls and get their outcomes. A file whose content starts with
// `#!sim NAME` runs the program of that name.

import type { Syscall } from '../core/syscall.ts'
import type { Outcome } from './outcome.ts'

/** A call; where it makes a task, that one goes on with `child`. Without it the task's calls come from outside. */
export type ProgramCall = Syscall & { readonly child?: () => Run }

/** No call: the program computes, for so much time of a processor, which it has to share. Its outcome is what is left when a signal came. */
export interface Work {
  readonly computeUsec: number
}

/** Yields calls and work, gets each one's outcome, and returns its exit status. */
export type Run = Generator<ProgramCall | Work, number, Outcome>

export type Program = (argv: readonly string[], envp: readonly string[]) => Run

/** By the name that files say. */
export type Programs = Readonly<Record<string, Program>>

// Programs of the simulated machine: generators that make system calls and get their outcomes. A file whose content starts with
// `#!sim NAME` runs the program of that name.

import type { Syscall } from '../core/syscall.ts'
import type { Outcome } from './outcome.ts'
import type { Task } from './task.ts'

/** A call; where it makes a task, that one goes on with `child`. Without it the task's calls come from outside. */
export type ProgramCall = Syscall & { readonly child?: (task: Task) => Run }

/** No call: the program computes, for so much time of a processor, which it has to share. Its outcome is what is left when a signal came. */
export interface Work {
  readonly computeUsec: number
}

/** It has made a call itself, which waits; or it has ended in one. */
export interface Waits {
  readonly waits: true
}

/** It has done what no program may: a signal that nothing catches. */
export interface Fault {
  readonly fault: number
}

export type Step = ProgramCall | Work | Waits | Fault

/** Gives calls and work, gets each one's outcome, and returns its exit status: a generator, or what steps like one. */
export interface Run {
  /** It runs handlers itself: what a signal disturbs, and SA_RESTART makes anew, answers `restarting` to it. */
  readonly handlesSignals?: true
  next(outcome: Outcome): IteratorResult<Step, number>
}

export type Program = (argv: readonly string[], envp: readonly string[], task: Task) => Run

/** By the name that files say. */
export type Programs = Readonly<Record<string, Program>>

/** A WebAssembly component that was made ready to run. */
export interface Component {
  /** Of its file. */
  readonly content: Uint8Array
  readonly program: Program
}

// The LaunchPlan: the straight line of steps from clone3 to execve, as data.

import type { Errno } from '../errno.ts'
import type { Syscall } from '../syscall.ts'

/**
 * One step of a plan. The steps up to and with the one that calls clone3 run in the parent, those after it in the child;
 * what somebody else must do in between (write uid_map, move an interface) is done while the child `waits`.
 */
export interface Step {
  readonly in: 'parent' | 'child'
  readonly call: Syscall
  /** What it is for, as a phrase that continues the step's number: `hide the host's mounts from the container`. */
  readonly why: string
  /** A label under which later steps use the result: `{ from: label }`. */
  readonly as?: string
  /** Errnos that are no failure; 'any' tolerates all. At most four are listed. */
  readonly tolerate?: readonly Errno[] | 'any'
  /** Done instead when this step is refused (with a tolerated errno or, when none are listed, any). */
  readonly otherwise?: readonly Step[]
  /** Done only when this step succeeds; when it fails with a tolerated errno they are left out. */
  readonly and?: readonly Step[]
  /** The step is about the program: when it is refused, the program cannot be executed. */
  readonly program?: true
  /** Undoes the step, in the parent, when a later one is refused. */
  readonly undo?: Syscall
  /** The child waits here until it is released: `call` is a read of one byte from `startFd`; `as` says for what. */
  readonly waits?: true
}

export interface LaunchPlan {
  readonly steps: readonly Step[]
  /** What the container's program is, for messages. */
  readonly program: string
  /** What is there before the first step, for whoever reads the plan. */
  readonly given?: readonly string[]
}

/** The descriptor in the child that a `waits` step reads; the executor puts a pipe there. */
export const startFd = 1000

/** Where the caller's descriptors from 3 on lie in the child until its program gets them: this one and those after it. */
export const preservedFd = 1003

/** The descriptor in the child where a plan with a terminal leaves the master. */
export const terminalMaster = 1001

/** The label of the wait of a child whose filter has a listener, which is handed over meanwhile. */
export const listenerWait = 'listener'

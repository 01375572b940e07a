// A process: a group of threads with one parent, one exit and one set of signal dispositions. clone(2) CLONE_THREAD

import type { PidEntry } from './ns/pid.ts'
import type { Task } from './task.ts'
import { WaitQueue } from './wait.ts'

/** What a signal does: the default, nothing, or a handler of the program's. sigaction(2) */
export type Disposition = 'default' | 'ignore' | 'handler'

export interface ResourceLimit {
  /** undefined is RLIM_INFINITY. */
  readonly soft: number | undefined
  readonly hard: number | undefined
}

/** How it ended. wait(2) */
export interface Ending {
  /** 0 to 255, when it left by itself. */
  readonly code: number
  /** What ended it; 0 for none. */
  readonly signal: number
}

export class Process {
  /** The thread whose number is the process's. */
  leader!: Task
  readonly tasks = new Set<Task>()
  /** Undefined for the first process of the machine. */
  parent: Process | undefined
  readonly children = new Set<Process>()
  /** Told to the parent at the end; 0 for none (CLN-017). */
  exitSignal: number
  group!: PidEntry
  session!: PidEntry
  readonly dispositions = new Map<number, Disposition>()
  /** Sent to the process as a whole, not yet delivered. */
  readonly pending: number[] = []
  readonly limits = new Map<number, ResourceLimit>()
  /** PR_SET_CHILD_SUBREAPER */
  subreaper = false
  /** setpgid(2) by the parent is too late after execve(2). */
  hasExecuted = false
  dumpable = true
  oomScoreAdj = 0
  ending: Ending | undefined
  /** Its end has been told to nobody yet. */
  zombie = false
  stopSignal = 0
  /** wait(2) of its parent has seen the stop, or the continuation. */
  stopSeen = false
  continued = false
  /** Woken when a child ends, stops or goes on. */
  readonly childChanges = new WaitQueue()

  constructor(exitSignal: number) {
    this.exitSignal = exitSignal
  }
}

// A process: a group of threads with one parent, one exit and one set of signal dispositions. clone(2) CLONE_THREAD

import type { ProgramImage } from './life/image.ts'
import type { PidEntry } from './ns/pid.ts'
import type { SignalActions } from './signal/actions.ts'
import type { SignalInfo } from './signal/info.ts'
import type { IntervalTimer } from './signal/interval-timer.ts'
import type { Task } from './task.ts'
import { WaitQueue } from './wait.ts'

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

/** What a process has for /dev/tty; terminals give it. tty_ioctl(4) */
export interface ControllingTerminal {
  /** The process group in the foreground. */
  foreground: PidEntry | undefined
  /** The leader of the session has ended, or gives the terminal up: nobody has it any more. */
  disassociate(): void
}

export class Process {
  /** The thread whose number is the process's. */
  leader!: Task
  /** All its threads that have not ended; the leader stays until all have. */
  readonly tasks = new Set<Task>()
  /** Undefined for the first process of the machine. */
  parent: Process | undefined
  /** The thread of the parent that made it, or took it over: PDEATHSIG and __WNOTHREAD go by it. */
  parentTask: Task | undefined
  /** In the order in which wait(2) looks at them. */
  readonly children = new Set<Process>()
  /** Those of the children that have ended, stopped or gone on, and whose parent has not waited for it. */
  readonly news = new Set<Process>()
  /** Its place among the children of its parent. */
  childOrder = 0
  /** Told to the parent at the end; 0 for none (CLN-017). */
  exitSignal: number
  /** Counts execve(2): a child of an earlier program ends with SIGCHLD, whatever was agreed (CLN-018). */
  execCount = 0
  parentExecCount = 0
  group!: PidEntry
  session!: PidEntry
  terminal: ControllingTerminal | undefined
  /** Shared with CLONE_SIGHAND. */
  actions!: SignalActions
  /** Sent to the process as a whole, not yet delivered. */
  readonly pending: SignalInfo[] = []
  /** Woken when a signal has come that is not delivered at once: signalfd(2), sigwaitinfo(2). */
  readonly signalChanges = new WaitQueue()
  /** Process 1 of its pid namespace: signals that it does not handle are dropped (PID-003). */
  unkillable = false
  /** Replaced as a whole: a child has its parent's until one of them changes it. */
  limits: ReadonlyMap<number, ResourceLimit> = new Map()
  /** What is in its memory; shared with CLONE_VM. */
  image!: ProgramImage
  /** PR_SET_CHILD_SUBREAPER */
  subreaper = false
  /** setpgid(2) by the parent is too late after execve(2). */
  hasExecuted = false
  oomScoreAdj = 0
  /** The kernel has killed it for want of memory: it gets no more, and what it had is free. */
  oomVictim = false
  /** The lowest oomScoreAdj that it may go back to without CAP_SYS_RESOURCE. */
  oomScoreAdjMin = 0
  /** All its threads are to end, or have ended, with this; undefined while it lives. */
  ending: Ending | undefined
  /** It has ended and is not reaped: its parent has not waited for it. */
  zombie = false
  /** What has stopped it; 0 when it runs. */
  stopSignal = 0
  /** wait(2) of its parent has seen the stop. */
  stopSeen = false
  /** It goes on after a stop, which wait(2) of its parent has not seen. */
  continued = false
  /** Woken when a child ends, stops or goes on. */
  readonly childChanges = new WaitQueue()
  /** ITIMER_REAL, which alarm(2) sets too. */
  realTimer: IntervalTimer | undefined
  /** Virtual time when it was born. */
  readonly startNs: number

  constructor(exitSignal: number, startNs = 0) {
    this.exitSignal = exitSignal
    this.startNs = startNs
  }

  get dumpable(): boolean {
    return this.image.dumpable
  }

  set dumpable(dumpable: boolean) {
    this.image.dumpable = dumpable
  }
}

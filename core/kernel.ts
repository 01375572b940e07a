// The door: everything vitrine does to a machine is a call on a Kernel, and every answer is an Outcome.

import type { Errno } from './errno.ts'
import type { LaunchPlan } from './launch/plan.ts'
import type { Syscall } from './syscall.ts'

export interface Success {
  readonly value: number
  /** What the kernel wrote into the call's output argument (the first one, when there are several). */
  readonly data?: Uint8Array
}

/** The kernel says no: an errno and, from the simulated kernel, the rule that was broken and its source. */
export interface Refusal {
  readonly errno: Errno
  readonly rule?: string
  readonly sentence?: string
}

export type Outcome = Success | Refusal

export function refused(outcome: Outcome): outcome is Refusal {
  return 'errno' in outcome
}

/** How the monitor of a container (or of an exec) treats the process it starts. All descriptors are the caller's. */
export interface MonitorOptions {
  /** The caller will not stay: a terminal is logged, and nobody is asked before the cleanup. */
  readonly detached: boolean
  /**
   * Directory, already there, in which the monitor writes `exit` (one line: code, signal, seconds, nanoseconds,
   * oom, and 1 for a child that never became the program), and where the FIFOs `start` (a byte releases a child that waits) and `report` are made.
   */
  readonly directory?: string
  /** Where output goes as k8s-file lines; absent means that nothing is logged. */
  readonly log?: { readonly path: string; readonly maxBytes?: number }
  /** Descriptors of the caller that get a copy of the output, while the caller lives. */
  readonly forward?: { readonly stdout: number; readonly stderr: number }
  /** Read end of a pipe or other descriptor that becomes the process's standard input; absent means an empty one. */
  readonly stdin?: number
  /** Keep standard input open after the caller is gone (a detached `-i`). */
  readonly keepStdin?: number
  /** The plan opens a terminal and leaves its master at descriptor `terminalMaster` of the child. */
  readonly terminal?: boolean
  /** The kernel's file with a line `oom_kill N`, read at the exit: v2 `memory.events`, v1 `memory.oom_control`. */
  readonly oomFile?: string
  /**
   * The process has the caller's standard streams, and as many of its descriptors from 3 on as are named here. Nobody
   * watches it: once the caller leaves it (`park`) it belongs to whoever adopts the caller's children.
   */
  readonly inherit?: { readonly preserveFds: number }
  /** Run after the exit when the caller is gone (or detached): argv with an absolute program. */
  readonly cleanup?: { readonly argv: readonly string[]; readonly env: readonly string[] }
  /** The process name that ps shows. */
  readonly title: string
}

export interface LaunchFailure extends Refusal {
  /** Index into the plan's steps, and the step in words: `mount proc on /proc: EPERM (step 14 of 31)`. */
  readonly step: number
  readonly message: string
  /** Why, where the kernel says more than a number. */
  readonly sentence?: string
  /** The program, when the step was to execute it, or to look whether it can be executed. */
  readonly program?: string
}

export type Progress =
  /** The child waits at the `waits` step with this label (`as`). */
  | { readonly state: 'waiting'; readonly at: string }
  | { readonly state: 'executed' }
  | { readonly state: 'refused'; readonly failure: LaunchFailure }

/** A process that a plan has made. */
export interface Launched {
  /** In the caller's pid namespace. */
  readonly pid: number
  /** The monitor's pid, when there is one. */
  readonly monitorPid?: number
  /**
   * Settles at the plan's next `waits` step, when the program has been executed, or when a step was refused. After
   * `waiting` and a release it may be called again.
   */
  readonly progress: () => Promise<Progress>
  /** Lets a child that waits go on. */
  readonly release: () => void
  /** Leaves the child to itself; one that waits to another caller, who takes it up with `Kernel.reopen`. */
  readonly park: () => void
  /** Tells the monitor that the caller has cleaned up; without it the monitor runs the cleanup command once the caller is gone. */
  readonly cleaned: () => void
  /** Takes a descriptor of the waiting child into the caller (pidfd_getfd(2)): the master of its terminal. */
  readonly take: (fd: number) => Outcome
  /** How the process ended, when it is gone. Waiting begins when this is first looked at. */
  readonly exited: Promise<ExitStatus>
  /** Closes what the caller holds of the process; does not end it. */
  readonly close: () => void
}

export interface ExitStatus {
  /** 0..255, or 128 + signal. */
  readonly code: number
  /** The signal that ended it, 0 for none. */
  readonly signal: number
  /** Whether the kernel's OOM killer struck in its cgroup; only a monitor knows. */
  readonly oomKilled?: boolean
  /** The monitor died before it could tell; `code` is 255 then. */
  readonly unknown?: boolean
}

export interface Kernel {
  /** Which kernel answers, for messages and reports. */
  readonly kind: 'linux' | 'sim'
  /** Answers at once. A call that would wait blocks the whole program: use `wait` for those. */
  call(call: Syscall): Outcome
  /** Several calls in a row, in one crossing; stops at the first refusal and says which call it was. */
  batch(calls: readonly Syscall[]): { readonly outcomes: readonly Outcome[]; readonly failed?: number }
  /** For calls that may wait: read, ppoll, waitid, connect, flock. */
  wait(call: Syscall): Promise<Outcome>
  /** Walks a plan; when it is refused, what its parent steps did is undone. Without a monitor the child is the caller's own and shares its standard streams. */
  launch(plan: LaunchPlan, monitor?: MonitorOptions): Launched | LaunchFailure
  /** Takes up a child that `park` has left waiting in this directory: what `start` does after `create`. */
  reopen(directory: string): Pick<Launched, 'progress' | 'release' | 'close'> | Refusal
}

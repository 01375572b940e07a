// What a resource controller is to the tree of cgroups, and what its files are: data. "No limit" is undefined, never a big
// number.

import type { Credentials } from '../credentials.ts'
import type { CgroupNamespace } from '../ns/cgroup.ts'
import type { Blocked, Denied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Cgroup } from './cgroup.ts'

/** By its name on version 2; on version 1 io is called blkio. */
export type ControllerName =
  | 'cpuset'
  | 'cpu'
  | 'cpuacct'
  | 'io'
  | 'memory'
  | 'devices'
  | 'freezer'
  | 'net_cls'
  | 'perf_event'
  | 'net_prio'
  | 'hugetlb'
  | 'pids'
  | 'rdma'
  | 'misc'

/** An open file of a cgroup. Rights at a write are those of the moment of open(2) (CG-022). */
export interface Opened {
  readonly credentials: Credentials
  readonly namespace: CgroupNamespace
  /** For a file that remembers something by descriptor (memory.peak). */
  memory?: unknown
}

/** What a file is asked about. */
export interface At<S> {
  readonly cgroup: Cgroup
  /** What the controller keeps of the cgroup; undefined for files of no controller. */
  readonly state: S
  /** Who reads or writes. */
  readonly task: Task
  readonly opened: Opened
}

export interface CgroupFile<S = undefined> {
  /** The whole name: `memory.max`. */
  readonly name: string
  /** Only in the root of the hierarchy, or everywhere but there; absent is everywhere. */
  readonly where?: 'root' | 'notRoot'
  /** With nsdelegate: a task inside of a cgroup namespace may write it even in the namespace's root (CG-019). */
  readonly delegatable?: boolean
  /** Absent: 0444, 0644 or 0200, as it can be read and written. */
  readonly mode?: number
  /** Whether this kernel has it, and shows it in this cgroup now. */
  exists?(cgroup: Cgroup): boolean
  read?(at: At<S>): string | Denied
  /** All that was given to one write(2), never empty. */
  write?(at: At<S>, text: string): Denied | Blocked | undefined
  /** For a file that is polled in a way of its own: whether there is something to tell. */
  news?(opened: Opened): boolean
}

/**
 * One controller of one machine; `State` is what it keeps of each cgroup that has it. Members of a cgroup without it count
 * in the nearest one above that has it.
 */
export interface Controller<State = unknown> {
  readonly name: ControllerName
  /** Version 1's name, where it is another. */
  readonly legacyName?: string
  /** It may be enabled inside of threaded subtrees (CG-005). */
  readonly threaded: boolean
  /** It is always on and never listed (CG-106). */
  readonly implicit?: boolean
  /** What version 2, and version 1, show of it; absent: that version has it not. */
  readonly files?: readonly CgroupFile<State>[]
  readonly legacyFiles?: readonly CgroupFile<State>[]

  /** A cgroup has the controller from now on. `parent` is what it keeps of the next one above; undefined for a root. */
  online(cgroup: Cgroup, parent: State | undefined): State
  /** The cgroup has it no longer, or is removed. Charges that are left live on in the state. */
  offline?(state: State): void

  // Members. `state` is that of the nearest cgroup that has the controller.

  /** Whether one task more may be born here; what it counts is taken back by `cancelFork`. */
  canFork?(state: State, parent: Task, parentState: State): Denied | undefined
  cancelFork?(state: State): void
  forked?(state: State, child: Task): void
  /** Must change nothing: another controller may refuse. */
  canAttach?(from: State, to: State, tasks: readonly Task[]): Denied | undefined
  /** All is accepted. Also called when the controller is enabled or disabled under tasks. */
  attach?(from: State, to: State, tasks: readonly Task[]): void
  /** A task has ended (its zombie remains). */
  exited?(state: State, task: Task): void
  /** The zombie has been reaped. */
  released?(state: State): void
}

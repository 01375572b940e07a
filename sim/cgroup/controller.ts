// What a resource controller is to the tree of cgroups. "No limit" is undefined, never a big number.

import type { Denied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { Cgroup } from './cgroup.ts'

export type ControllerName =
  | 'cpu'
  | 'cpuset'
  | 'io'
  | 'memory'
  | 'pids'
  | 'hugetlb'
  | 'misc'
  | 'rdma'
  | 'devices'
  | 'freezer'
  | 'cpuacct'
  | 'net_cls'
  | 'perf_event'

export interface Controller {
  readonly name: ControllerName
  /** May be enabled inside of threaded subtrees (CG-106 and its kin). */
  readonly threaded: boolean
  /** A new cgroup has this controller. */
  online(cgroup: Cgroup): void
  /** The cgroup has it no longer, or is gone. */
  offline(cgroup: Cgroup): void
  /** Whether a fork may put one task more here; what it counts is taken back by `cancelFork`. */
  canFork?(cgroup: Cgroup): Denied | undefined
  cancelFork?(cgroup: Cgroup): void
  canAttach?(from: Cgroup, to: Cgroup, tasks: readonly Task[]): Denied | undefined
  attach?(from: Cgroup, to: Cgroup, tasks: readonly Task[]): void
  /** A task of it has ended (its zombie does not count). */
  exit?(cgroup: Cgroup, task: Task): void
}

// A task: one thread of execution, with what it may share with others. clone(2), credentials(7), proc_pid_status(5)

import type { Cgroup, Hierarchy } from './cgroup/cgroup.ts'
import type { Credentials } from './credentials.ts'
import type { FileTable } from './file-table.ts'
import type { UndoList } from './ipc/undo.ts'
import type { Kernel } from './kernel.ts'
import type { SessionKeyring } from './keyring.ts'
import type { CgroupNamespace } from './ns/cgroup.ts'
import type { IpcNamespace } from './ns/ipc.ts'
import type { MountNamespace } from './ns/mnt.ts'
import type { NetNamespace } from './ns/net.ts'
import type { PidEntry, PidNamespace } from './ns/pid.ts'
import type { TimeNamespace } from './ns/time.ts'
import type { UtsNamespace } from './ns/uts.ts'
import type { Blocked, Outcome } from './outcome.ts'
import type { Process } from './process.ts'
import type { Run } from './program.ts'
import type { SeccompFilter } from './seccomp.ts'
import type { SignalInfo } from './signal/info.ts'
import { nowhere, type QueueName, type QueuePlace } from './task-queue.ts'
import type { Path } from './vfs/path.ts'
import type { WaitQueue } from './wait.ts'

/** The namespaces of a task but for user (in its credentials) and pid (in its number). Replaced as a whole. */
export interface NamespaceSet {
  readonly mnt: MountNamespace
  readonly uts: UtsNamespace
  readonly ipc: IpcNamespace
  readonly net: NetNamespace
  readonly cgroup: CgroupNamespace
  readonly time: TimeNamespace
  readonly timeForChildren: TimeNamespace
  readonly pidForChildren: PidNamespace
}

/** Root, working directory and umask; shared with CLONE_FS (CLN-054). */
export interface FsContext {
  root: Path
  cwd: Path
  umask: number
  users: number
}

/** ending: it has left all it had, and waits for the rest of its pid namespace to be gone (PID-009). dead: reaped. */
export type TaskState = 'running' | 'waiting' | 'stopped' | 'ending' | 'zombie' | 'dead'

export interface Scheduling {
  readonly policy: number
  readonly priority: number
  readonly resetOnFork: boolean
}

export class Task {
  readonly kernel: Kernel
  /** Ours; never shown to a task. */
  readonly id: number
  /** Its numbers; an execve(2) by another thread takes over the leader's (CLN-058). */
  entry: PidEntry
  process: Process
  credentials: Credentials
  namespaces: NamespaceSet
  fs: FsContext
  files: FileTable
  /** The cgroup of each hierarchy. */
  readonly cgroups = new Map<Hierarchy, Cgroup>()
  /** By a cgroup of this version: it makes no call, and a call that waits does not end. Version 1 holds off even SIGKILL. */
  frozen: 1 | 2 | undefined
  state: TaskState = 'running'
  /** At most 15 bytes. prctl(2) PR_SET_NAME */
  comm: string
  noNewPrivileges = false
  /** PR_SET_PDEATHSIG; 0 for none. */
  parentDeathSignal = 0
  /** Signals blocked: bit n - 1 for signal n. */
  signalMask = 0n
  /** Sent to this thread alone, not yet delivered. */
  readonly pending: SignalInfo[] = []
  /** Signals that a call of its takes out of the queue itself (sigwaitinfo(2)): not delivered, but for those that end the process. */
  awaited = 0n
  /** Signals that its handlers have got since it was born, in order. Handlers do nothing else. */
  readonly handled: number[] = []
  /** The last of its filters; they are asked before each call. seccomp(2) */
  seccomp: SeccompFilter | undefined
  /** What it runs; undefined when its calls come from outside. */
  run: Run | undefined
  /** Woken when it leaves the memory of its parent, which waits for that (CLONE_VFORK). */
  vforkDone: WaitQueue | undefined
  /** Real uid and user namespace under which RLIMIT_NPROC counts it. */
  countedAs: Credentials | undefined
  /** It became a user with more processes than RLIMIT_NPROC allows: its next execve(2) fails. */
  hasTooManyProcesses = false
  /** Asked for by personality(2). */
  personality = 0
  /** Virtual time when it was born. */
  readonly startNs: number
  /** How late its timers may be, and what PR_SET_TIMERSLACK 0 goes back to; a child has both of its maker's first. prctl(2) */
  timerSlackNs = 50_000
  defaultSlackNs = 50_000
  /** getpriority(2): -20 to 19. */
  nice = 0
  /** sched_setscheduler(2): SCHED_*, and the priority of real-time ones. */
  scheduling: Scheduling = { policy: 0, priority: 0, resetOnFork: false }
  /** Time of processors that it has had. */
  cpuNs = 0
  /** sched_setaffinity(2); undefined: wherever its cpuset lets it. */
  affinity: bigint | undefined
  /** Virtual time that it pays with when its call returns: above memory.high, or more than io.max allows. */
  owedNs = 0
  /** Undefined: the one of its user. */
  keyring: SessionKeyring | undefined
  /** Semaphore operations to take back at its end; undefined: none. */
  semaphoreUndo: UndoList | undefined
  readonly places: Readonly<Record<QueueName, QueuePlace>> = { runnable: nowhere(), woken: nowhere() }
  /** What it waits for. */
  blocked: Blocked | undefined
  /** The outcome of a call that has waited, until it is fetched. */
  finished: Outcome | undefined

  constructor(
    kernel: Kernel,
    parts: Pick<Task, 'entry' | 'process' | 'credentials' | 'namespaces' | 'fs' | 'files' | 'comm'>,
  ) {
    this.kernel = kernel
    this.id = kernel.counters.nextTask()
    this.entry = parts.entry
    this.process = parts.process
    this.credentials = parts.credentials
    this.namespaces = parts.namespaces
    this.fs = parts.fs
    this.files = parts.files
    this.comm = parts.comm
    this.startNs = kernel.clock.nowNs
  }

  /** It has not ended. */
  get alive(): boolean {
    return this.state === 'running' || this.state === 'waiting' || this.state === 'stopped'
  }

  get pidNamespace(): PidNamespace {
    return this.entry.namespace
  }

  /** Called by a queue that it waits in. */
  woken(): void {
    this.kernel.scheduler.wake(this)
  }
}

/** Stopped by a signal or frozen by its cgroup: nothing it waits for reaches it. */
export const isSuspended = (task: Task): boolean => task.state === 'stopped' || task.frozen !== undefined

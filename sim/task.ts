// A task: one thread of execution, with what it may share with others. clone(2), credentials(7), proc_pid_status(5)

import type { Cgroup, Hierarchy } from './cgroup/cgroup.ts'
import type { Credentials } from './credentials.ts'
import type { FileTable } from './file-table.ts'
import type { Kernel } from './kernel.ts'
import type { CgroupNamespace } from './ns/cgroup.ts'
import type { IpcNamespace } from './ns/ipc.ts'
import type { MountNamespace } from './ns/mnt.ts'
import type { NetNamespace } from './ns/net.ts'
import type { PidEntry, PidNamespace } from './ns/pid.ts'
import type { TimeNamespace } from './ns/time.ts'
import type { UtsNamespace } from './ns/uts.ts'
import type { Blocked, Outcome } from './outcome.ts'
import type { Process } from './process.ts'
import type { Path } from './vfs/path.ts'

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

export type TaskState = 'running' | 'waiting' | 'stopped' | 'zombie' | 'dead'

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
  state: TaskState = 'running'
  /** At most 15 bytes. prctl(2) PR_SET_NAME */
  comm: string
  noNewPrivileges = false
  /** PR_SET_PDEATHSIG; 0 for none. */
  parentDeathSignal = 0
  /** Signals blocked: bit n - 1 for signal n. */
  signalMask = 0n
  /** Sent to this thread alone, not yet delivered. */
  readonly pending: number[] = []
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
  }

  get pidNamespace(): PidNamespace {
    return this.entry.namespace
  }

  /** Called by a queue that it waits in. */
  woken(): void {
    this.kernel.scheduler.wake(this)
  }
}

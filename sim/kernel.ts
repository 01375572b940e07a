// One simulated computer's kernel: everything it knows hangs on this object. It reads no clock, draws no chance but its
// own, and keeps nothing in modules: the same configuration, seed and calls give the same answers.

import type { Syscall } from '../core/syscall.ts'
import type { Cgroups } from './cgroup/cgroups.ts'
import type { CpusetControl } from './cgroup/cpuset/control.ts'
import type { MemoryControl } from './cgroup/memory/control.ts'
import { Clock } from './clock.ts'
import { Counters } from './counters.ts'
import type { Processors } from './cpu/processors.ts'
import type { HugePages } from './huge-pages.ts'
import type { Disks } from './io/disks.ts'
import type { CgroupNamespace } from './ns/cgroup.ts'
import type { IpcNamespace } from './ns/ipc.ts'
import type { MountNamespace } from './ns/mnt.ts'
import type { NetNamespace } from './ns/net.ts'
import type { PidNamespace } from './ns/pid.ts'
import type { TimeNamespace } from './ns/time.ts'
import type { UserNamespace } from './ns/user.ts'
import type { UtsNamespace } from './ns/uts.ts'
import { deny, isBlocked, type Outcome, type Reply } from './outcome.ts'
import { payTime } from './owed-time.ts'
import type { Component, Program, Programs } from './program.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { judge } from './seccomp.ts'
import { deliver } from './signal/deliver.ts'
import { fromKernel } from './signal/info.ts'
import { isFromAbove, sendToTask } from './signal/send.ts'
import { Slab } from './slab.ts'
import type { Entry, Table } from './table.ts'
import { isSuspended, type Task } from './task.ts'
import { type Moment, momentAt } from './time.ts'
import type { Traced } from './trace.ts'
import type { MachineConsole } from './vfs/console.ts'
import type { DeviceRegistry } from './vfs/devices.ts'
import type { Mount } from './vfs/mount.ts'
import type { Superblock } from './vfs/superblock.ts'
import type { FileSystemType } from './vfs/types.ts'

/** The namespaces that the machine starts with. */
export interface InitialNamespaces {
  readonly user: UserNamespace
  readonly pid: PidNamespace
  readonly mnt: MountNamespace
  readonly uts: UtsNamespace
  readonly ipc: IpcNamespace
  readonly net: NetNamespace
  readonly cgroup: CgroupNamespace
  readonly time: TimeNamespace
}

export interface Config {
  readonly seed: number
  /** Which Linux it is like, where versions differ: `[6, 12]`. */
  readonly version: readonly [number, number]
  readonly memoryBytes: number
  /** Absent: no swap. */
  readonly swapBytes?: number
  /** Of 2 MiB, in the pool at the start; absent: none. */
  readonly hugePages?: number
  readonly cpus: number
  /** Wall clock at the start, seconds since 1970. */
  readonly bootSeconds: number
  readonly cgroups: 'v2' | 'v1' | 'hybrid'
  /** Version 1 has cpu and cpuacct on hierarchies of their own. */
  readonly cpuacctApart?: true
  /** What files that begin with `#!sim NAME` run, by name. */
  readonly programs: Programs
  /** What files of WebAssembly components run, by their content; absent: none. */
  readonly components?: readonly Component[]
  /** Asked about other files of WebAssembly: what runs, or a sentence why they are not executed. The same content, the same answer. */
  readonly componentOf?: (content: Uint8Array) => Program | string
  /** ELF programs may be executed, and leave their tasks to whoever plays them; absent: ENOEXEC. */
  readonly machineCode?: 'outside'
  /** Told of each call when it has been judged (trace.ts); absent: nobody is. */
  readonly traced?: Traced
}

export const defaultConfig: Config = {
  seed: 1,
  version: [6, 12],
  memoryBytes: 2 ** 31,
  cpus: 4,
  bootSeconds: 1_700_000_000,
  cgroups: 'v2',
  programs: {},
}

export class Kernel {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly counters = new Counters()
  readonly scheduler = new Scheduler(this)
  readonly tasks = new Map<number, Task>()
  readonly slab = new Slab()
  /** Set by bootKernel: process 1, the namespaces it is in, what file systems there are without a place (pipefs, nsfs). */
  init!: Task
  initial!: InitialNamespaces
  cgroups!: Cgroups
  devices!: DeviceRegistry
  console!: MachineConsole
  readonly internalMounts = new Map<string, Mount>()
  /** By name; filled at boot from vfs/registry.ts. */
  readonly fileSystems = new Map<string, FileSystemType>()
  /** Those of which there is one instance for the whole machine, by name of the type. */
  readonly singleSuperblocks = new Map<string, Superblock>()
  /** Instances of sysfs: one for each network namespace. */
  readonly sysfs = new Map<NetNamespace, Superblock>()
  /** fs.mount-max: mounts of one namespace (MNT-036). */
  mountsMax = 100_000
  /** Numbers of /proc/sys that somebody has written, by their last name; absent: as by default. proc_sys(5) */
  readonly sysctls = new Map<string, number>()
  /** Set by the memory controller; absent: memory is not counted. */
  memory: MemoryControl | undefined
  huge: HugePages | undefined
  cpuset: CpusetControl | undefined
  disks: Disks | undefined
  /** Set by the cpu controller: who computes, and how much time they get. */
  cpu: Processors | undefined
  /** The task that was made last. */
  lastBorn: Task | undefined
  readonly #table: Table
  #now: Moment | undefined
  #nowNs = -1

  constructor(config: Config, table: Table) {
    this.config = config
    this.#table = table
    this.clock = new Clock(config.bootSeconds)
    this.random = new Random(config.seed)
  }

  /** Whether it is like Linux of this version or later. */
  since(major: number, minor: number): boolean {
    const [ours, oursMinor] = this.config.version
    return ours > major || (ours === major && oursMinor >= minor)
  }

  /** The wall clock, as files are stamped with it. */
  now(): Moment {
    if (this.#now === undefined || this.#nowNs !== this.clock.nowNs) {
      this.#nowNs = this.clock.nowNs
      this.#now = momentAt(this.config.bootSeconds, this.#nowNs)
    }
    return this.#now
  }

  /**
   * A task makes a call. Undefined: it waits, and `task.finished` has the outcome once it does so no longer. A call that is
   * denied has changed nothing.
   */
  call(task: Task, call: Syscall): Outcome | undefined {
    const answer = this.#answer(task, call)
    this.config.traced?.(task, call, answer)
    return answer
  }

  #answer(task: Task, call: Syscall): Outcome | undefined {
    if (isSuspended(task)) {
      this.#postpone(task, call)
      return undefined
    }
    const reply = this.#handle(task, call)
    if (isSuspended(task) && !isBlocked(reply)) {
      this.#hold(task, typeof reply === 'number' ? { value: reply } : reply)
      return undefined
    }
    if (typeof reply === 'number') {
      this.scheduler.settle()
      return { value: reply }
    }
    if (isBlocked(reply)) {
      const { deadlineNs, timedOut } = reply
      // A time that has passed already is not waited for.
      const late = deadlineNs !== undefined && deadlineNs <= this.clock.nowNs ? timedOut?.() : undefined
      if (late === undefined) this.scheduler.block(task, reply)
      this.scheduler.settle()
      return late
    }
    this.scheduler.settle()
    return reply
  }

  #handle(task: Task, call: Syscall): Reply {
    if (task.seccomp) {
      const refusal = judge(task, call)
      if (refusal) return refusal
    }
    // Each entry takes its own call; the table's type says so, an index by a variable cannot.
    const entry = this.#table[call.name] as Entry<typeof call.name>
    if (entry.level === 'none')
      return deny('ENOSYS', call.name, `${call.name}: the simulated kernel does not have it: ${entry.note}`)
    let reply = (entry.handle as (task: Task, call: Syscall) => Reply)(task, call)
    if (task.owedNs > 0) reply = payTime(task, reply)
    return reply
  }

  /** A task that has stopped or frozen itself learns what has become of that once it goes on. */
  #hold(task: Task, outcome: Outcome): void {
    this.scheduler.block(task, { queues: [], again: () => outcome, interruptible: false })
    this.scheduler.settle()
  }

  /** A task that is stopped or frozen makes its call once it goes on; only what ends it comes before (CG-025). */
  #postpone(task: Task, call: Syscall): void {
    const again = (): Outcome | undefined => {
      const reply = this.#handle(task, call)
      if (typeof reply === 'number') return { value: reply }
      if (!isBlocked(reply)) return reply
      this.scheduler.replace(task, reply)
      deliver(task)
      return undefined
    }
    this.scheduler.block(task, { queues: [], again, interruptible: false })
  }

  /**
   * Sends a signal to one thread by the kernel itself (SIGPIPE).
   *
   * @param cause - who has brought it about; when absent, nobody has, and SIGKILL acts on a namespace's init too (PID-103)
   */
  sendSignal(task: Task, signal: number, cause?: Task): void {
    sendToTask(task, fromKernel(signal), cause === undefined || isFromAbove(cause, task))
  }

  /** A task is frozen no more: signals and deadlines that have waited reach it. */
  taskThawed(task: Task): void {
    this.scheduler.resume(task)
    deliver(task)
  }

  /** Lets virtual time pass until a task's call has ended. Answers undefined when nothing is left that could end it. */
  finish(task: Task): Outcome | undefined {
    for (;;) {
      this.scheduler.settle()
      if (task.finished) {
        const outcome = task.finished
        task.finished = undefined
        return outcome
      }
      if (!task.blocked || !this.clock.advance()) return undefined
    }
  }
}

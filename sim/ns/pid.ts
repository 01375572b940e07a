// Pid namespaces, and the numbers of one process or thread in every namespace that sees it. pid_namespaces(7)

import type { Counters } from '../counters.ts'
import type { KUid, Pid } from '../ids.ts'
import type { Process } from '../process.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'
import { Namespace } from './namespace.ts'
import type { UserNamespace } from './user.ts'

/** 32 below the initial one (CLN-044). */
export const pidLevelsMax = 32

/**
 * What numbers stand for: a task, and the process group and session that bear its number. The numbers are taken until the
 * last of the three is gone.
 */
export class PidEntry {
  /** The innermost namespace; `numbers[level]` is the number in its ancestor of that level. */
  readonly namespace: PidNamespace
  readonly numbers: readonly Pid[]
  /** The task with this number, until it is reaped. */
  task: Task | undefined
  /** Processes in the group and in the session that bear this number. */
  readonly group = new Set<Process>()
  readonly session = new Set<Process>()
  /** pidfds poll readable when the process has ended; told at its exit and when it is reaped. */
  readonly changes = new WaitQueue()

  constructor(namespace: PidNamespace, numbers: readonly Pid[]) {
    this.namespace = namespace
    this.numbers = numbers
  }

  /** The number that a namespace sees; undefined when it does not see this one. */
  in(namespace: PidNamespace): Pid | undefined {
    return this.namespace.isBelow(namespace) ? this.numbers[namespace.level] : undefined
  }
}

export class PidNamespace extends Namespace {
  readonly kind = 'pid'
  readonly parent: PidNamespace | undefined
  readonly level: number
  readonly entries = new Map<Pid, PidEntry>()
  /** The last number that was handed out: the search goes on from here (PID-018). */
  last = 0 as Pid
  pidMax = 4_194_304
  /** Its process 1; undefined before its first child, and for ever after that one has ended. */
  init: Task | undefined
  /** Its init has ended: no number is given any more (PID-003 and its kin). */
  dying = false
  /** Called when nothing but the numbers of its init is left, while that one waits to end (PID-009). */
  emptied: (() => void) | undefined
  /** Numbers of the init itself by then: of its leader, and of the thread that waits, if that is another. */
  ownNumbers = 1
  /** What ends the init instead of its own status: reboot(2) (PID-023). */
  rebootSignal = 0
  readonly #creator: KUid | undefined

  constructor(counters: Counters, owner: UserNamespace, creator: KUid | undefined, parent: PidNamespace | undefined) {
    super(counters, owner, creator === undefined ? 4026531836 : undefined)
    this.#creator = creator
    this.parent = parent?.retain()
    this.level = parent ? parent.level + 1 : 0
  }

  isBelow(other: PidNamespace): boolean {
    for (let at: PidNamespace | undefined = this; at; at = at.parent) if (at === other) return true
    return false
  }

  find(pid: number): PidEntry | undefined {
    return this.entries.get(pid as Pid)
  }

  protected end(): void {
    if (this.#creator !== undefined) this.owner.uncharge('pid', this.#creator)
    this.parent?.release()
  }
}

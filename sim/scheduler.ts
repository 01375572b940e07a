// Who goes on next. A call that waits leaves its task here; a wake asks what has become of it.

import type { Timer } from './clock.ts'
import type { Kernel } from './kernel.ts'
import { type Blocked, deny, isDenied, type Outcome, restarting } from './outcome.ts'
import { deliver } from './signal/deliver.ts'
import { isSuspended, type Task } from './task.ts'
import { TaskQueue } from './task-queue.ts'

export class Scheduler {
  readonly #kernel: Kernel
  /** Woken, in the order in which they were. */
  readonly #woken = new TaskQueue('woken')
  readonly #deadlines = new Map<Task, Timer>()
  /** Their deadline has passed while they were stopped or frozen. */
  readonly #overdue = new Map<Task, () => Outcome>()
  readonly #later: (() => void)[] = []
  /** Those that run a program and wait for nothing, in the order in which they became so. */
  readonly runnable = new TaskQueue('runnable')

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** To be done at the end of the call that is being made: what would go on from one to the next without end. */
  later(act: () => void): void {
    this.#later.push(act)
  }

  /** A call of a task waits from now on. A task that has ended in its own call does not. */
  block(task: Task, blocked: Blocked): void {
    if (!task.alive) return
    if (task.state === 'running') task.state = 'waiting'
    task.blocked = blocked
    for (const queue of blocked.queues) queue.add(task)
    const { deadlineNs, timedOut } = blocked
    if (deadlineNs !== undefined)
      this.#deadlines.set(
        task,
        this.#kernel.clock.set(deadlineNs, () => this.#due(task, timedOut!)),
      )
  }

  /** A call that has waited to be made waits for something of its own now. */
  replace(task: Task, blocked: Blocked): void {
    if (task.blocked) this.#leave(task, task.blocked)
    this.block(task, blocked)
  }

  #due(task: Task, timedOut: () => Outcome): void {
    if (isSuspended(task)) this.#overdue.set(task, timedOut)
    else this.finish(task, timedOut())
  }

  /** A task is stopped or frozen no longer: it looks at what it has missed. */
  resume(task: Task): void {
    if (isSuspended(task)) return
    const timedOut = this.#overdue.get(task)
    this.#overdue.delete(task)
    if (timedOut && task.blocked) this.finish(task, task.blocked.again() ?? timedOut())
    else this.wake(task)
    if (task.run) this.runnable.add(task)
  }

  /** A task ends in the midst of a call, which has no outcome. */
  abandon(task: Task): void {
    if (task.blocked) this.#leave(task, task.blocked)
    this.runnable.delete(task)
    task.finished = undefined
  }

  wake(task: Task): void {
    if (task.blocked) this.#woken.add(task)
  }

  /** The waiting of a task ends with an outcome: because of what it waited for, its deadline, or a signal (EINTR). */
  finish(task: Task, outcome: Outcome): void {
    const { blocked } = task
    if (!blocked) return
    this.#leave(task, blocked)
    task.finished = outcome
    if (task.state === 'waiting') task.state = 'running'
    if (task.run) this.runnable.add(task)
    // What has come while nothing might disturb it.
    if (!blocked.interruptible) deliver(task)
  }

  #leave(task: Task, blocked: Blocked): void {
    for (const queue of blocked.queues) queue.remove(task)
    const deadline = this.#deadlines.get(task)
    if (deadline) this.#kernel.clock.cancel(deadline)
    this.#deadlines.delete(task)
    this.#overdue.delete(task)
    this.#woken.delete(task)
    task.blocked = undefined
  }

  /**
   * A signal that has a handler ends the waiting of a task, where it may; answers whether it did. signal(7)
   *
   * @param restarts - SA_RESTART: the call goes on waiting, unless it never does so or has done a part already
   */
  interrupt(task: Task, restarts = false): boolean {
    const { blocked } = task
    if (!blocked?.interruptible) return false
    // What it waits for may have come at the same time, and is looked at first. do_wait() in kernel/exit.c
    const outcome = blocked.again()
    if (outcome) {
      this.finish(task, outcome)
      return true
    }
    const part = blocked.interrupted?.()
    if (restarts && blocked.restarts !== false && (part === undefined || isDenied(part))) {
      if (!task.run?.handlesSignals) return false
      this.finish(task, restarting)
      return true
    }
    this.finish(task, part ?? deny('EINTR', 'signal(7)', 'signal(7): a signal came while the call waited'))
    return true
  }

  /** Asks the woken until nobody's answer changes anything more. Time stands still meanwhile. */
  settle(): void {
    do {
      if (this.#later.length > 0) for (const act of this.#later.splice(0)) act()
      for (let task = this.#woken.first; task; task = this.#woken.first) {
        this.#woken.delete(task)
        if (isSuspended(task)) continue
        const outcome = task.blocked?.again()
        if (outcome) this.finish(task, outcome)
      }
    } while (this.#later.length > 0)
  }

  /** For the digest. */
  hidden(): object {
    return { woken: this.#woken, deadlines: this.#deadlines, overdue: this.#overdue, later: this.#later }
  }
}

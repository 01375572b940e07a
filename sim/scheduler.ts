// Who goes on next. A call that waits leaves its task here; a wake asks what has become of it.

import type { Timer } from './clock.ts'
import type { Kernel } from './kernel.ts'
import { type Blocked, deny, type Outcome } from './outcome.ts'
import type { Task } from './task.ts'

export class Scheduler {
  readonly #kernel: Kernel
  /** Woken, in the order in which they were. */
  readonly #woken = new Set<Task>()
  readonly #deadlines = new Map<Task, Timer>()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** A call of a task waits from now on. */
  block(task: Task, blocked: Blocked): void {
    task.state = 'waiting'
    task.blocked = blocked
    for (const queue of blocked.queues) queue.add(task)
    const { deadlineNs, timedOut } = blocked
    if (deadlineNs !== undefined)
      this.#deadlines.set(
        task,
        this.#kernel.clock.set(deadlineNs, () => this.finish(task, timedOut!())),
      )
  }

  wake(task: Task): void {
    if (task.blocked) this.#woken.add(task)
  }

  /** The waiting of a task ends with an outcome: because of what it waited for, its deadline, or a signal (EINTR). */
  finish(task: Task, outcome: Outcome): void {
    const { blocked } = task
    if (!blocked) return
    for (const queue of blocked.queues) queue.remove(task)
    const deadline = this.#deadlines.get(task)
    if (deadline) this.#kernel.clock.cancel(deadline)
    this.#deadlines.delete(task)
    this.#woken.delete(task)
    task.blocked = undefined
    task.finished = outcome
    if (task.state === 'waiting') task.state = 'running'
  }

  /** A signal ends the waiting of a task, where it may; answers whether it did. signal(7) */
  interrupt(task: Task): boolean {
    const { blocked } = task
    if (!blocked?.interruptible) return false
    const outcome =
      blocked.interrupted?.() ?? deny('EINTR', 'signal(7)', 'signal(7): a signal came while the call waited')
    this.finish(task, outcome)
    return true
  }

  /** Asks the woken until nobody's answer changes anything more. Time stands still meanwhile. */
  settle(): void {
    for (const task of this.#woken) {
      this.#woken.delete(task)
      const outcome = task.blocked?.again()
      if (outcome) this.finish(task, outcome)
    }
  }
}

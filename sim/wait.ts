// Who waits for what: a queue belongs to a thing that can change (a pipe, a child, a lock), and is woken when it does.

import type { Task } from './task.ts'

/** Tasks that wait for one thing. Waking marks them; the scheduler asks each what has become of it. */
export class WaitQueue {
  readonly #tasks = new Set<Task>()

  add(task: Task): void {
    this.#tasks.add(task)
  }

  remove(task: Task): void {
    this.#tasks.delete(task)
  }

  /** In the order in which they began to wait. */
  wake(): void {
    for (const task of this.#tasks) task.woken()
  }

  get size(): number {
    return this.#tasks.size
  }
}

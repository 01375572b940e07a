// Tasks in the order in which something has become of them: a list that goes through the tasks themselves, since they come
// and go at every call.

import type { Task } from './task.ts'

/** Those that run a program and wait for nothing; those that were woken and have not yet looked. */
export type QueueName = 'runnable' | 'woken'

/** Where a task stands in a queue. */
export interface QueuePlace {
  before: Task | undefined
  behind: Task | undefined
  queued: boolean
}

export const nowhere = (): QueuePlace => ({ before: undefined, behind: undefined, queued: false })

export class TaskQueue {
  readonly #name: QueueName
  first: Task | undefined
  #last: Task | undefined
  size = 0

  constructor(name: QueueName) {
    this.#name = name
  }

  /** Puts a task at the end, unless it is in the queue already. */
  add(task: Task): void {
    const place = task.places[this.#name]
    if (place.queued) return
    place.queued = true
    place.before = this.#last
    if (this.#last) this.#last.places[this.#name].behind = task
    else this.first = task
    this.#last = task
    this.size += 1
  }

  delete(task: Task): void {
    const place = task.places[this.#name]
    if (!place.queued) return
    const { before, behind } = place
    if (before) before.places[this.#name].behind = behind
    else this.first = behind
    if (behind) behind.places[this.#name].before = before
    else this.#last = before
    place.before = place.behind = undefined
    place.queued = false
    this.size -= 1
  }
}

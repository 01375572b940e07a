// Who waits for what: a queue belongs to a thing that can change (a pipe, a child, a lock), and is woken when it does.

/** A task, or whatever else is to be told (an epoll instance). It must not change the queue while it is told. */
export interface Waiter {
  woken(): void
}

/** Those that wait for one thing. Waking marks tasks; the scheduler asks each what has become of it. */
export class WaitQueue {
  /** Made by the first: most queues never have one. */
  #waiters: Set<Waiter> | undefined

  add(waiter: Waiter): void {
    this.#waiters ??= new Set()
    this.#waiters.add(waiter)
  }

  remove(waiter: Waiter): void {
    this.#waiters?.delete(waiter)
  }

  /** In the order in which they began to wait. */
  wake(): void {
    if (this.#waiters) for (const waiter of this.#waiters) waiter.woken()
  }

  get size(): number {
    return this.#waiters?.size ?? 0
  }

  /** For the digest. */
  hidden(): object {
    return { waiters: this.#waiters }
  }
}

// Virtual time: nanoseconds since the machine was switched on. It moves only when nothing else can happen, to the next due
// time, one after the other.

/** A thing that is due at a time; the same object ends it. */
export interface Timer {
  readonly atNs: number
  /** Among timers of one moment the earlier set one comes first. */
  readonly order: number
  readonly act: () => void
}

export class Clock {
  /** Exact up to a hundred days, which is as long as a double counts nanoseconds. */
  nowNs = 0
  /** Seconds of the wall clock at the start: CLOCK_REALTIME is this and what has passed since. */
  readonly bootSeconds: number
  #order = 0
  /** A heap: each timer is due no later than the two below it. */
  readonly #timers: Timer[] = []
  readonly #cancelled = new Set<Timer>()

  constructor(bootSeconds: number) {
    this.bootSeconds = bootSeconds
  }

  set(atNs: number, act: () => void): Timer {
    const timer = { atNs: Math.max(atNs, this.nowNs), order: this.#order++, act }
    this.#timers.push(timer)
    this.#up(this.#timers.length - 1)
    return timer
  }

  cancel(timer: Timer): void {
    this.#cancelled.add(timer)
  }

  /** When the next timer is due; undefined when there is none. */
  next(): number | undefined {
    while (this.#timers[0] && this.#cancelled.delete(this.#timers[0])) this.#take()
    return this.#timers[0]?.atNs
  }

  /** Moves to the next due time, but not beyond a limit, and acts. Answers whether anything was due. */
  advance(limitNs = Number.POSITIVE_INFINITY): boolean {
    const due = this.next()
    if (due === undefined || due > limitNs) {
      if (Number.isFinite(limitNs)) this.nowNs = Math.max(this.nowNs, limitNs)
      return false
    }
    const timer = this.#take()
    this.nowNs = timer.atNs
    timer.act()
    return true
  }

  #before(a: number, b: number): boolean {
    const [first, second] = [this.#timers[a]!, this.#timers[b]!]
    return first.atNs < second.atNs || (first.atNs === second.atNs && first.order < second.order)
  }

  #swap(a: number, b: number): void {
    const kept = this.#timers[a]!
    this.#timers[a] = this.#timers[b]!
    this.#timers[b] = kept
  }

  #up(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.#before(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #take(): Timer {
    const first = this.#timers[0]!
    const last = this.#timers.pop()!
    if (this.#timers.length === 0) return first
    this.#timers[0] = last
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#timers.length && this.#before(child, least)) least = child
      if (least === at) return first
      this.#swap(at, least)
      at = least
    }
  }

  /** For the digest: timers in the order in which they are due. */
  hidden(): object {
    const timers = this.#timers.filter((timer) => !this.#cancelled.has(timer))
    return timers.sort((a, b) => a.atNs - b.atNs || a.order - b.order)
  }
}

// ITIMER_REAL: SIGALRM after a time, once or again and again. setitimer(2), alarm(2)

import type { Timer } from '../clock.ts'
import type { Process } from '../process.ts'
import { fromKernel } from './info.ts'
import { SIG } from './numbers.ts'
import { sendToProcess } from './send.ts'

export class IntervalTimer {
  readonly #process: Process
  #timer: Timer | undefined
  intervalNs = 0

  constructor(process: Process) {
    this.#process = process
  }

  /** Until the next signal; 0 when none comes. */
  get leftNs(): number {
    const { clock } = this.#process.leader.kernel
    return this.#timer ? Math.max(1, this.#timer.atNs - clock.nowNs) : 0
  }

  /** @param afterNs - 0 ends it */
  set(afterNs: number, intervalNs: number): void {
    const { clock } = this.#process.leader.kernel
    if (this.#timer) clock.cancel(this.#timer)
    this.intervalNs = intervalNs
    this.#timer = afterNs === 0 ? undefined : clock.set(clock.nowNs + afterNs, () => this.#due())
  }

  #due(): void {
    this.#timer = undefined
    if (this.intervalNs > 0) this.set(this.intervalNs, this.intervalNs)
    sendToProcess(this.#process, fromKernel(SIG.ALRM), true)
  }

  /** For the digest. */
  hidden(): object {
    return { timer: this.#timer }
  }
}

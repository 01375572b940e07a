// timerfd: expirations of a timer, read from a descriptor. timerfd_create(2)

import type { Timer } from '../clock.ts'
import type { Kernel } from '../kernel.ts'
import { type Blocked, deny, type Outcome, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'
import { type FileOperations, type OpenFile, staysAtZero } from './file.ts'
import { O } from './flags.ts'
import { POLLIN } from './poll-events.ts'

export class TimerFile implements FileOperations {
  readonly seekable = false
  readonly seek = staysAtZero
  readonly clockId: number
  readonly #kernel: Kernel
  readonly #file: OpenFile
  readonly #changes = new WaitQueue()
  /** Virtual time of the first expiration that has not been read; undefined: disarmed. */
  #dueNs: number | undefined
  /** 0: expires once. */
  #intervalNs = 0
  #wake: Timer | undefined

  constructor(kernel: Kernel, file: OpenFile, clockId: number) {
    this.#kernel = kernel
    this.#file = file
    this.clockId = clockId
  }

  /** @param dueNs - undefined disarms */
  set(dueNs: number | undefined, intervalNs: number): void {
    this.#dueNs = dueNs
    this.#intervalNs = intervalNs
    this.#arm()
  }

  /** Time left and interval, in nanoseconds; both 0 when it is disarmed. */
  get(): readonly [number, number] {
    const { nowNs } = this.#kernel.clock
    if (this.#dueNs === undefined) return [0, this.#intervalNs]
    if (this.#dueNs > nowNs) return [this.#dueNs - nowNs, this.#intervalNs]
    if (this.#intervalNs === 0) return [0, 0]
    return [this.#intervalNs - ((nowNs - this.#dueNs) % this.#intervalNs), this.#intervalNs]
  }

  #expirations(): number {
    const { nowNs } = this.#kernel.clock
    if (this.#dueNs === undefined || nowNs < this.#dueNs) return 0
    return this.#intervalNs === 0 ? 1 : 1 + Math.floor((nowNs - this.#dueNs) / this.#intervalNs)
  }

  /** The clock is asked for the next expiration; only if somebody waits after it, for the one behind. */
  #arm(): void {
    if (this.#wake) this.#kernel.clock.cancel(this.#wake)
    this.#wake = undefined
    if (this.#dueNs === undefined) return
    const { nowNs } = this.#kernel.clock
    const past = this.#expirations()
    if (past > 0 && this.#intervalNs === 0) return
    const next = past === 0 ? this.#dueNs : this.#dueNs + past * this.#intervalNs
    this.#wake = this.#kernel.clock.set(Math.max(next, nowNs), () => {
      this.#wake = undefined
      const waited = this.#changes.size > 0
      this.#changes.wake()
      if (waited) this.#arm()
    })
  }

  read(_task: Task, room: number): Reply {
    if (room < 8) return deny('EINVAL', 'timerfd_create(2)', 'timerfd_create(2): a read has room for 8 bytes')
    const again = (): Outcome | undefined => {
      const count = this.#expirations()
      if (count === 0) return undefined
      this.#dueNs = this.#intervalNs === 0 ? undefined : this.#dueNs! + count * this.#intervalNs
      const data = new Uint8Array(8)
      new DataView(data.buffer).setBigUint64(0, BigInt(count), true)
      return { value: 8, data }
    }
    const ready = again()
    if (ready) return ready
    if (this.#file.flags & O.NONBLOCK)
      return deny('EAGAIN', 'timerfd_create(2)', 'timerfd_create(2): the timer has not expired')
    if (!this.#wake) this.#arm()
    const blocked: Blocked = { queues: [this.#changes], again, interruptible: true }
    return blocked
  }

  poll() {
    if (!this.#wake) this.#arm()
    return { events: this.#expirations() > 0 ? POLLIN : 0, queues: [this.#changes] }
  }

  release(): void {
    this.set(undefined, 0)
  }

  /** For the digest. */
  hidden(): object {
    return { changes: this.#changes, dueNs: this.#dueNs, intervalNs: this.#intervalNs, wake: this.#wake }
  }
}

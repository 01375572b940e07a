// eventfd: a counter to wait for. eventfd(2)

import { type Blocked, deny, type Outcome, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'
import { type FileOperations, type OpenFile, staysAtZero } from './file.ts'
import { O } from './flags.ts'
import { POLLERR, POLLIN, POLLOUT } from './poll-events.ts'

const most = 0xffffffffffffffffn

export class EventFile implements FileOperations {
  readonly seekable = false
  readonly writesEachBuffer = true
  readonly seek = staysAtZero
  readonly #file: OpenFile
  readonly #semaphore: boolean
  readonly #changes = new WaitQueue()
  #count: bigint

  constructor(file: OpenFile, initial: number, semaphore: boolean) {
    this.#file = file
    this.#count = BigInt(initial)
    this.#semaphore = semaphore
  }

  read(_task: Task, room: number): Reply {
    if (room < 8) return deny('EINVAL', 'eventfd(2)', 'eventfd(2): a read has room for 8 bytes')
    const again = (): Outcome | undefined => {
      if (this.#count === 0n) return undefined
      const taken = this.#semaphore ? 1n : this.#count
      this.#count -= taken
      this.#changes.wake()
      const data = new Uint8Array(8)
      new DataView(data.buffer).setBigUint64(0, taken, true)
      return { value: 8, data }
    }
    return again() ?? this.#wait(again)
  }

  write(task: Task, bytes: Uint8Array): Reply {
    const exact = task.kernel.since(6, 9)
    if (bytes.length < 8 || (exact && bytes.length > 8))
      return deny('EINVAL', 'eventfd(2)', 'eventfd(2): a write has 8 bytes')
    const more = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
    if (more === most) return deny('EINVAL', 'eventfd(2)', 'eventfd(2): the value is the one that is never added')
    const again = (): Outcome | undefined => {
      if (this.#count + more >= most) return undefined
      this.#count += more
      this.#changes.wake()
      return { value: 8 }
    }
    return again() ?? this.#wait(again)
  }

  #wait(again: () => Outcome | undefined): Reply {
    if (this.#file.flags & O.NONBLOCK)
      return deny('EAGAIN', 'eventfd(2)', 'eventfd(2): it would wait, and the descriptor does not')
    const blocked: Blocked = { queues: [this.#changes], again, interruptible: true }
    return blocked
  }

  /** One more, by the kernel itself. */
  signal(): void {
    if (this.#count < most) this.#count += 1n
    this.#changes.wake()
  }

  poll() {
    let events = 0
    if (this.#count > 0n) events |= POLLIN
    if (this.#count === most) events |= POLLERR
    if (this.#count < most - 1n) events |= POLLOUT
    return { events, queues: [this.#changes] }
  }

  /** For the digest. */
  hidden(): object {
    return { semaphore: this.#semaphore, changes: this.#changes, count: this.#count }
  }
}

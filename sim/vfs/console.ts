// The machine's console: what is written to it is kept, what is typed on it is read. console(4)

import type { Blocked, Done } from '../outcome.ts'
import { WaitQueue } from '../wait.ts'
import type { FileOperations } from './file.ts'

const POLLIN = 1
const POLLOUT = 4

export class MachineConsole {
  /** All that was ever written, piece by piece. */
  readonly output: Uint8Array[] = []
  readonly #typed: Uint8Array[] = []
  readonly #changes = new WaitQueue()

  /** Somebody types. */
  type(bytes: Uint8Array): void {
    this.#typed.push(bytes)
    this.#changes.wake()
  }

  readonly operations: FileOperations = {
    seekable: false,
    read: (_task, count): Done | Blocked => {
      const again = (): Done | undefined => {
        const first = this.#typed[0]
        if (first === undefined) return undefined
        const data = first.slice(0, count)
        if (data.length < first.length) this.#typed[0] = first.subarray(data.length)
        else this.#typed.shift()
        return { value: data.length, data }
      }
      return again() ?? { queues: [this.#changes], again, interruptible: true }
    },
    write: (_task, bytes) => {
      this.output.push(bytes.slice())
      return bytes.length
    },
    poll: () => ({ events: POLLOUT | (this.#typed.length > 0 ? POLLIN : 0), queues: [this.#changes] }),
  }

  /** For the digest. */
  hidden(): object {
    return { typed: this.#typed, changes: this.#changes }
  }
}

// Standard input, output and error of a command on the simulated machine: files behind which somebody sits who is not on it.

import type { Kernel } from '../../sim/kernel.ts'
import type { Blocked, Done } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import { type FileOperations, OpenFile } from '../../sim/vfs/file.ts'
import { release } from '../../sim/vfs/open.ts'
import { hold } from '../../sim/vfs/path.ts'
import { WaitQueue } from '../../sim/wait.ts'

const [POLLIN, POLLOUT, POLLHUP] = [1, 4, 0x10]

/** What somebody types, until he ends it. */
export class Typed {
  readonly #parts: Uint8Array[] = []
  readonly #changes = new WaitQueue()
  #ended = false

  type(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#parts.push(bytes)
    this.#changes.wake()
  }

  end(): void {
    this.#ended = true
    this.#changes.wake()
  }

  readonly operations: FileOperations = {
    seekable: false,
    read: (_task, count): Done | Blocked => {
      const again = (): Done | undefined => {
        const first = this.#parts[0]
        if (first === undefined) return this.#ended ? { value: 0, data: new Uint8Array(0) } : undefined
        const data = first.slice(0, count)
        if (data.length < first.length) this.#parts[0] = first.subarray(data.length)
        else this.#parts.shift()
        return { value: data.length, data }
      }
      return again() ?? { queues: [this.#changes], again, interruptible: true }
    },
    poll: () => {
      const events = (this.#parts.length > 0 || this.#ended ? POLLIN : 0) | (this.#ended ? POLLHUP : 0)
      return { events, queues: [this.#changes] }
    },
  }

  /** For the digest. */
  hidden(): object {
    return { parts: this.#parts, changes: this.#changes, ended: this.#ended }
  }
}

/** Gives a task its descriptors 0 to 2. @param write - told what is written to the last two */
export function giveStreams(machine: Kernel, task: Task, typed: Typed, write: (fd: 1 | 2, bytes: Uint8Array) => void) {
  const like = machine.init.files.get(0)!.file
  const written = (fd: 1 | 2): FileOperations => ({
    seekable: false,
    write: (_task, bytes) => {
      write(fd, bytes.slice())
      return bytes.length
    },
    poll: () => ({ events: POLLOUT, queues: [] }),
  })
  for (const [fd, operations] of [typed.operations, written(1), written(2)].entries()) {
    const file = new OpenFile(like.inode, hold(like.path), 2, task.credentials)
    file.operations = operations
    like.inode.opens += 1
    const before = task.files.put(fd, file, false)
    if (before) release(before)
  }
}

// signalfd: pending signals, read from a descriptor. signalfd(2)

import { type Blocked, deny, type Outcome, type Reply } from '../outcome.ts'
import type { SignalInfo } from '../signal/info.ts'
import type { Task } from '../task.ts'
import { type FileOperations, type OpenFile, staysAtZero } from './file.ts'
import { O } from './flags.ts'
import { POLLIN } from './poll-events.ts'

const recordBytes = 128

export class SignalFile implements FileOperations {
  readonly seekable = false
  readonly seek = staysAtZero
  readonly #file: OpenFile
  /** Bit n - 1 for signal n. */
  mask: bigint

  constructor(file: OpenFile, mask: bigint) {
    this.#file = file
    this.mask = mask
  }

  /** Those of the reader, whoever made the descriptor; the thread's own first. */
  read(task: Task, room: number): Reply {
    if (room < recordBytes) return deny('EINVAL', 'signalfd(2)', 'signalfd(2): a read has room for 128 bytes')
    const again = (): Outcome | undefined => {
      const parts: Uint8Array[] = []
      while ((parts.length + 1) * recordBytes <= room) {
        const info = this.#take(task.pending) ?? this.#take(task.process.pending)
        if (info === undefined) break
        parts.push(encode(info))
      }
      if (parts.length === 0) return undefined
      const data = new Uint8Array(parts.length * recordBytes)
      for (const [index, part] of parts.entries()) data.set(part, index * recordBytes)
      return { value: data.length, data }
    }
    const ready = again()
    if (ready) return ready
    if (this.#file.flags & O.NONBLOCK)
      return deny('EAGAIN', 'signalfd(2)', 'signalfd(2): no signal of the mask is pending')
    const blocked: Blocked = { queues: [task.process.signalChanges], again, interruptible: true }
    return blocked
  }

  /** The lowest number first. */
  #take(pending: SignalInfo[]): SignalInfo | undefined {
    let best = -1
    for (const [index, { signal }] of pending.entries())
      if (this.#wants(signal) && (best < 0 || signal < pending[best]!.signal)) best = index
    return best < 0 ? undefined : pending.splice(best, 1)[0]
  }

  #wants(signal: number): boolean {
    return ((this.mask >> BigInt(signal - 1)) & 1n) === 1n
  }

  poll(task: Task) {
    const wants = ({ signal }: SignalInfo) => this.#wants(signal)
    const events = task.pending.some(wants) || task.process.pending.some(wants) ? POLLIN : 0
    return { events, queues: [task.process.signalChanges] }
  }
}

/** struct signalfd_siginfo. */
function encode({ signal, code, pid, uid, status = 0, value = 0 }: SignalInfo): Uint8Array {
  const bytes = new Uint8Array(recordBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, signal, true)
  view.setInt32(8, code, true)
  view.setUint32(12, pid, true)
  view.setUint32(16, uid, true)
  view.setInt32(40, status, true)
  view.setInt32(44, value, true)
  return bytes
}

// The monitor's log on the simulated machine: k8s-file lines with the time, begun anew when they are too many. native/log.h

import type { MonitorOptions } from '../../core/kernel.ts'
import { monitorFds } from '../../core/launch/descriptors.ts'
import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'

type Part<T> = Generator<Syscall, T, Outcome>

const AT_FDCWD = -100
/** O_WRONLY, O_CREAT, O_APPEND, O_CLOEXEC */
const appending = 0o2002101
const newline = 0x0a
const encoder = new TextEncoder()

/** Seconds and nanoseconds of the wall clock; zeros when it cannot be read. */
export function* wallClock(): Part<readonly [seconds: bigint, nanoseconds: bigint]> {
  const now = yield { name: 'clock_gettime', clockid: 0, tp: 16 }
  if (isDenied(now)) return [0n, 0n]
  const view = new DataView(now.data!.buffer, now.data!.byteOffset)
  return [view.getBigInt64(0, true), view.getBigInt64(8, true)]
}

/** Writes all, or answers false: no space, or nobody who reads. */
export function* writeAll(fd: number, bytes: Uint8Array): Part<boolean> {
  for (let rest = bytes; rest.length > 0; ) {
    const written = yield { name: 'write', fd, buf: rest }
    if (!isDenied(written)) rest = rest.subarray(written.value)
    else if (written.errno !== 'EINTR') return false
  }
  return true
}

export class Log {
  readonly #options: NonNullable<MonitorOptions['log']>
  #fd: number = monitorFds.log
  #bytes: number
  /** The last line lacks its end. */
  #cut = false

  /** @param bytes - how many are in the file */
  constructor(options: NonNullable<MonitorOptions['log']>, bytes: number) {
    this.#options = options
    this.#bytes = bytes
  }

  /** One line for each line of output: time, stream, F for a whole one or P for a part, text. */
  *add(stream: 'stdout' | 'stderr', bytes: Uint8Array): Part<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const end = rest.indexOf(newline)
      const text = end < 0 ? rest : rest.subarray(0, end)
      const [seconds, nanoseconds] = yield* wallClock()
      const time = new Date(Number(seconds) * 1000)
        .toISOString()
        .replace(/\.\d+Z$/, `.${String(nanoseconds).padStart(9, '0')}+00:00`)
      const head = encoder.encode(`${time} ${stream} ${end < 0 ? 'P' : 'F'} `)
      const size = head.length + text.length + 1
      const { maxBytes } = this.#options
      if (maxBytes && this.#bytes > 0 && this.#bytes + size > maxBytes) yield* this.#rotate()
      // A full disk: what comes is lost, not mixed up.
      if (this.#cut && !(yield* writeAll(this.#fd, Uint8Array.of(newline)))) return
      const line = new Uint8Array(size)
      line.set(head)
      line.set(text, head.length)
      line[size - 1] = newline
      this.#cut = !(yield* writeAll(this.#fd, line))
      this.#bytes += size
      rest = rest.subarray(end < 0 ? rest.length : end + 1)
    }
  }

  /** A full log becomes the old log: at most twice the limit is kept. */
  *#rotate(): Part<void> {
    const { path } = this.#options
    const [olddirfd, newdirfd] = [AT_FDCWD, AT_FDCWD]
    const moved = yield { name: 'renameat2', olddirfd, oldpath: path, newdirfd, newpath: `${path}.1`, flags: 0 }
    // ENOENT: moved before, and there was no descriptor or space then.
    if (isDenied(moved) && moved.errno !== 'ENOENT') return
    const fresh = yield { name: 'openat', dirfd: AT_FDCWD, pathname: path, flags: appending, mode: 0o600 }
    if (isDenied(fresh)) return
    yield { name: 'close', fd: this.#fd }
    this.#fd = fresh.value
    this.#bytes = 0
  }
}

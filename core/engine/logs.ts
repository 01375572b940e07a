// logs: what a container has written, from the monitor's k8s-file lines.

import { RefusedError } from '../errors.ts'
import { AT_FDCWD, close, O, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { processAlive } from '../store/alive.ts'
import { readStored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { lookUp } from './open.ts'
import type { LogLine, LogOptions, Verbs } from './types.ts'

const readBytes = 65536
/** Between two looks at the end of a log that is followed. */
const patienceMs = 50
const decoder = new TextDecoder()

/** One line without its newline: `TIME STREAM F|P TEXT`; undefined for one that is damaged. */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const first = line.indexOf(0x20)
  const second = line.indexOf(0x20, first + 1)
  const third = line.indexOf(0x20, second + 1)
  if (first < 0 || second < 0 || third < 0) return undefined
  const stream = decoder.decode(line.subarray(first + 1, second))
  const tag = decoder.decode(line.subarray(second + 1, third))
  if ((stream !== 'stdout' && stream !== 'stderr') || (tag !== 'F' && tag !== 'P')) return undefined
  const text = line.subarray(third + 1)
  if (tag === 'P') return { time: decoder.decode(line.subarray(0, first)), stream, text }
  const whole = new Uint8Array(text.length + 1)
  whole.set(text)
  whole[text.length] = 0x0a
  return { time: decoder.decode(line.subarray(0, first)), stream, text: whole }
}

/** Reads one file of a log as it grows; owns its descriptor. */
class LogFile {
  readonly #kernel: Kernel
  readonly #fd: number
  readonly ino: bigint | undefined
  #rest: Uint8Array = new Uint8Array()

  constructor(kernel: Kernel, fd: number) {
    this.#kernel = kernel
    this.#fd = fd
    this.ino = stat(kernel, '', { dirfd: fd })?.ino
  }

  /** The whole lines that are there and have not been read yet. */
  *lines(): Generator<LogLine> {
    for (;;) {
      const answer = this.#kernel.call({ name: 'read', fd: this.#fd, buf: readBytes })
      if (refused(answer)) throw new RefusedError('read the log', answer.errno)
      if (answer.value === 0) return
      const bytes = new Uint8Array(this.#rest.length + answer.value)
      bytes.set(this.#rest)
      bytes.set(answer.data!, this.#rest.length)
      let from = 0
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, from)) {
        const line = parseLogLine(bytes.subarray(from, end))
        if (line !== undefined) yield line
        from = end + 1
      }
      this.#rest = bytes.slice(from)
    }
  }

  close(): void {
    close(this.#kernel, this.#fd)
  }
}

function openLog(kernel: Kernel, path: string): LogFile | undefined {
  const flags = O.RDONLY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode: 0 })
  if (!refused(opened)) {
    try {
      return new LogFile(kernel, opened.value)
    } catch (error) {
      close(kernel, opened.value)
      throw error
    }
  }
  if (opened.errno === 'ENOENT') return undefined
  throw new RefusedError(`open ${path}`, opened.errno)
}

/** The lines of a container, oldest first; with `follow` until it ends. podman-logs(1). */
export async function* logs(
  host: Host,
  settings: Settings,
  container: string,
  options: LogOptions,
): AsyncGenerator<LogLine> {
  const { kernel } = host
  const stored = await lookUp(host, settings, container)
  const { log } = stored.paths
  const wanted = (line: LogLine) => {
    if (options.sinceMs === undefined && options.untilMs === undefined) return true
    const ms = Date.parse(line.time)
    return !(ms < (options.sinceMs ?? 0)) && !(options.untilMs !== undefined && ms > options.untilMs)
  }
  const old = openLog(kernel, `${log}.1`)
  let current: LogFile | undefined
  try {
    current = openLog(kernel, log)
    // A log that was rotated between the two openings is there twice.
    const oldLines = old !== undefined && old.ino !== current?.ino ? old.lines() : []
    const lines = [...oldLines, ...(current?.lines() ?? [])].filter(wanted)
    yield* options.tail === undefined ? lines : options.tail === 0 ? [] : lines.slice(-options.tail)
    while (options.follow) {
      // Asked first: what was written before the end is then read after it.
      const now = readStored(kernel, settings, stored.record.id)
      const over = now === undefined || now.state.process === undefined || !processAlive(kernel, now.state)
      const starting = now?.state.lifecycle.value === 'created' || now?.state.lifecycle.value === 'starting'
      if (over && !starting) await host.sleep(patienceMs)
      if (current !== undefined) for (const line of current.lines()) if (wanted(line)) yield line
      const latest = stat(kernel, log)
      if (latest !== undefined && latest.ino !== current?.ino) {
        current?.close()
        current = openLog(kernel, log)
        continue
      }
      if (over && !starting) return
      if (options.untilMs !== undefined && host.now() > options.untilMs) return
      await host.sleep(patienceMs)
    }
  } finally {
    old?.close()
    current?.close()
  }
}

logs satisfies Verbs['logs']

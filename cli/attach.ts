// The foreground: what the user types goes in, signals are handed on, a terminal is made raw and kept the right size.

import type { Attachment, StartedProcess } from '../core/engine/types.ts'
import { RefusedError } from '../core/errors.ts'
import { type Kernel, refused } from '../core/kernel.ts'
import { printBytes, printError } from './output.ts'
import { makeRaw } from './raw-mode.ts'

const O_CLOEXEC = 0o2000000
const TIOCSWINSZ = 0x5414
/** How long after the end the terminal may be read, when a process that goes on keeps it open. */
const drainMs = 200
/** What a terminal or a supervisor sends; numbers as on every architecture that is built for. signal(7). */
const handedOn = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15, SIGCONT: 18 } as const

export interface Attached {
  readonly attachment: Attachment
  /** Shows the last of the terminal, and gives it and the descriptors back. */
  readonly end: () => Promise<void>
}

/** @param wanted - `-i` and `-t` */
export function attach(
  kernel: Kernel,
  wanted: { readonly interactive: boolean; readonly terminal: boolean },
): Attached {
  const ends: (() => void | Promise<void>)[] = []
  const close = (fd: number) => {
    kernel.call({ name: 'close', fd })
  }
  const started = (process_: StartedProcess) => {
    for (const [name, number] of Object.entries(handedOn)) {
      const hand = () => process_.signal(number)
      process.on(name, hand)
      ends.push(() => void process.off(name, hand))
    }
  }
  let stdin: number | undefined
  if (wanted.interactive && !wanted.terminal) {
    const [from, to] = pipe(kernel)
    stdin = from
    ends.push(() => close(from))
    ends.push(feed(kernel, to, () => close(to)))
  }
  const terminal = (master: number) => {
    ends.push(relay(kernel, master, wanted.interactive))
  }
  return {
    attachment: { stdin, stdout: 1, stderr: 2, started, ...(wanted.terminal ? { terminal } : {}) },
    end: async () => {
      for (const end of ends.splice(0).reverse()) await end()
    },
  }
}

function pipe(kernel: Kernel): [number, number] {
  const answer = kernel.call({ name: 'pipe2', pipefd: 8, flags: O_CLOEXEC })
  if (refused(answer)) throw new RefusedError('make a pipe for standard input', answer.errno)
  const ends = new DataView(answer.data!.buffer, answer.data!.byteOffset)
  // A program of any user may open it again, as /dev/stdin.
  kernel.call({ name: 'fchmod', fd: ends.getInt32(0, true), mode: 0o666 })
  return [ends.getInt32(0, true), ends.getInt32(4, true)]
}

/** Standard input to a descriptor, a chunk at a time, so that a reader who is slow holds up the writer. */
function feed(kernel: Kernel, to: number, finished: () => void): () => void {
  const { stdin } = process
  let open = true
  const finish = () => {
    if (open) finished()
    open = false
  }
  const write = async (chunk: Buffer) => {
    for (let rest: Uint8Array = chunk; open && rest.length > 0; ) {
      const written = await kernel.wait({ name: 'write', fd: to, buf: rest.subarray(0, 65536) })
      if (refused(written)) {
        finish() // EPIPE: the program reads no more
        stdin.destroy()
        return
      }
      rest = rest.subarray(written.value)
    }
    stdin.resume()
  }
  let last = Promise.resolve()
  stdin.on('data', (chunk: Buffer) => {
    stdin.pause()
    last = last.then(() => write(chunk))
  })
  // The end is told although the stream is paused, and the last chunk may still be on its way.
  stdin.on('end', () => void last.then(finish))
  stdin.on('error', finish)
  return () => {
    stdin.pause()
    finish()
  }
}

/** Between the user's terminal and the container's: raw, the same size, both ways. pty(7). */
function relay(kernel: Kernel, master: number, interactive: boolean): () => Promise<void> {
  const { stdin } = process
  const resize = () => {
    const [columns = 80, rows = 24] = process.stdout.isTTY ? process.stdout.getWindowSize() : []
    const size = new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer)
    kernel.call({ name: 'ioctl', fd: master, request: TIOCSWINSZ, arg: size })
  }
  if (process.stdout.isTTY) {
    resize()
    process.stdout.on('resize', resize)
  }
  if (interactive && !stdin.isTTY) printError('warning: standard input is no terminal; it is handed on as it is')
  const restore = interactive && stdin.isTTY ? makeRaw(kernel, 0) : undefined
  const stopFeeding = interactive ? feed(kernel, master, () => {}) : undefined
  const pump = (async () => {
    for (;;) {
      const read = await kernel.wait({ name: 'read', fd: master, buf: 65536 })
      if (refused(read) || read.value === 0) return // EIO: the last process has closed the terminal
      printBytes(1, read.data!)
    }
  })()
  return async () => {
    stopFeeding?.()
    await Promise.race([pump, new Promise((resolve) => setTimeout(resolve, drainMs))])
    restore?.()
    process.stdout.off('resize', resize)
    kernel.call({ name: 'close', fd: master })
  }
}

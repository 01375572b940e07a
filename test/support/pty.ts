// A terminal to run the program in, as a person has one: typed into, read from, resized. pty(7), ioctl_tty(2)

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, openSync, read, writeSync } from 'node:fs'
import { openLinux } from '../../backends/linux/open.ts'
import { refused } from '../../core/kernel.ts'
import { launcher, stateOptions } from './cli.ts'
import { until } from './session.ts'

const TIOCSPTLCK = 0x40045431
const TIOCGPTN = 0x80045430
const TIOCSWINSZ = 0x5414

export interface Terminal {
  /** Everything that was shown so far. */
  readonly shown: () => string
  /** Waits until what was shown matches. */
  readonly shows: (pattern: RegExp) => Promise<void>
  readonly type: (text: string) => void
  readonly resize: (rows: number, columns: number) => void
  /** The device of the terminal, for stty(1). */
  readonly path: string
  /** When the program has ended, and all its output was read. */
  readonly exitCode: Promise<number>
}

/** Runs `vitrine ARGV` as the session leader of a new terminal; ends it with SIGKILL after a minute. */
export function inTerminal(directory: string, argv: readonly string[], rows = 24, columns = 80): Terminal {
  return wordsInTerminal([process.execPath, launcher, ...stateOptions(directory), ...argv], rows, columns)
}

/** Runs any program so. */
export function wordsInTerminal(program: readonly string[], rows = 24, columns = 80): Terminal {
  const kernel = openLinux()
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY)
  const control = (request: number, arg: Uint8Array) => {
    const answer = kernel.call({ name: 'ioctl', fd: master, request, arg })
    if (refused(answer)) throw new Error(`ioctl ${request.toString(16)} on a terminal: ${answer.errno}`)
    return answer.data
  }
  const resize: Terminal['resize'] = (rows, columns) =>
    void control(TIOCSWINSZ, new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer))
  control(TIOCSPTLCK, new Uint8Array(4))
  const number = control(TIOCGPTN, new Uint8Array(4))!
  const path = `/dev/pts/${new DataView(number.buffer, number.byteOffset).getInt32(0, true)}`
  resize(rows, columns)
  const slave = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
  const child: ChildProcess = spawn('setsid', ['-c', '-w', ...program], { stdio: [slave, slave, slave] })
  closeSync(slave)
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)

  const chunks: Buffer[] = []
  const shown = () => Buffer.concat(chunks).toString('utf8')
  // EIO is how the master learns that nobody has the terminal open any more.
  const drained = new Promise<void>((resolve) => {
    const next = () => {
      const buffer = Buffer.alloc(65536)
      read(master, buffer, 0, buffer.length, null, (error, count) => {
        if (error || count === 0) return resolve()
        chunks.push(buffer.subarray(0, count))
        next()
      })
    }
    next()
  })
  const ended = new Promise<number>((resolve) =>
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(code ?? (signal === null ? 255 : 128))
    }),
  )
  const exitCode = (async () => {
    const code = await ended
    await drained
    closeSync(master)
    return code
  })()
  return {
    shown,
    shows: (pattern) =>
      until(
        () => `the terminal shows ${pattern}, and not ${shown()}`,
        () => pattern.test(shown()),
      ),
    type: (text) => void writeSync(master, text),
    resize,
    path,
    exitCode,
  }
}

// A pseudoterminal: lines are edited, characters become signals, and both ends are told of windows and hang-ups. pty(7), termios(3)

import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny, type Outcome, type Reply } from '../outcome.ts'
import type { ControllingTerminal, Process } from '../process.ts'
import { fromKernel } from '../signal/info.ts'
import { SIG } from '../signal/numbers.ts'
import { sendToProcess } from '../signal/send.ts'
import type { Task } from '../task.ts'
import { WaitQueue } from '../wait.ts'

const ICRNL = 0o400
const OPOST = 1
const ONLCR = 4
const ISIG = 1
const ICANON = 2
const ECHO = 8
const [INTR, QUIT, ERASE, KILL, EOF, SUSP] = [0, 1, 2, 3, 4, 10] as const

/** struct termios of the kernel: four words, the discipline, 19 characters. */
const initialTermios = (): Uint8Array => {
  const bytes = new Uint8Array(36)
  const view = new DataView(bytes.buffer)
  for (const [at, word] of [0o2400, OPOST | ONLCR, 0o277, 0o105073].entries()) view.setUint32(4 * at, word, true)
  bytes.set([3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22], 17)
  return bytes
}

export class Terminal implements ControllingTerminal {
  readonly number: number
  termios = initialTermios()
  windowSize = new Uint8Array(8)
  /** Until TIOCSPTLCK takes it off, the other side cannot be opened. */
  locked = true
  foreground: PidEntry | undefined
  session: PidEntry | undefined
  masterOpen = true
  slaves = 0
  hadSlave = false
  readonly changes = new WaitQueue()
  /** What the slave reads, in pieces that are lines as long as ICANON is on; what the master reads. */
  readonly #input: Uint8Array[] = []
  #line: number[] = []
  #output: Uint8Array[] = []

  constructor(number: number) {
    this.number = number
  }

  /** As stat(2) encodes 136:N. */
  get device(): number {
    return (136 << 8) | (this.number & 0xff) | ((this.number & ~0xff) << 12)
  }

  #word(at: number): number {
    return new DataView(this.termios.buffer, this.termios.byteOffset).getUint32(4 * at, true)
  }

  /** Somebody types: the master writes. n_tty_receive_buf() */
  type(bytes: Uint8Array): number {
    const local = this.#word(3)
    for (const byte of bytes) this.#character(this.#word(0) & ICRNL && byte === 13 ? 10 : byte, local)
    if (!(local & ICANON) && this.#line.length > 0) this.#endLine()
    this.changes.wake()
    return bytes.length
  }

  #character(byte: number, local: number): void {
    const special = this.termios.subarray(17, 36)
    if (local & ISIG) {
      const signal =
        byte === special[INTR] ? SIG.INT : byte === special[QUIT] ? SIG.QUIT : byte === special[SUSP] ? SIG.TSTP : 0
      if (signal !== 0) {
        this.#line = []
        if (local & ECHO) this.#show(Uint8Array.of(94, byte ^ 64))
        this.signal(signal)
        return
      }
    }
    if (local & ICANON) {
      if (byte === special[ERASE]) {
        if (this.#line.pop() !== undefined && local & ECHO) this.#show(Uint8Array.of(8, 32, 8))
        return
      }
      if (byte === special[KILL]) {
        this.#line = []
        return
      }
      if (byte === special[EOF]) {
        this.#endLine()
        return
      }
    }
    this.#line.push(byte)
    if (local & ECHO) this.#show(this.#cooked(Uint8Array.of(byte)))
    if (local & ICANON && byte === 10) this.#endLine()
  }

  #endLine(): void {
    this.#input.push(Uint8Array.from(this.#line))
    this.#line = []
  }

  signal(signal: number): void {
    for (const process of [...(this.foreground?.group ?? [])]) sendToProcess(process, fromKernel(signal))
  }

  #show(bytes: Uint8Array): void {
    this.#output.push(bytes)
    this.changes.wake()
  }

  #cooked(bytes: Uint8Array): Uint8Array {
    const output = this.#word(1)
    if (!(output & OPOST) || !(output & ONLCR)) return bytes
    return Uint8Array.from(Array.from(bytes).flatMap((byte) => (byte === 10 ? [13, 10] : [byte])))
  }

  /** The slave writes. */
  print(bytes: Uint8Array): number | Denied {
    if (!this.masterOpen) return hungUp()
    this.#show(this.#cooked(bytes))
    return bytes.length
  }

  get hasInput(): boolean {
    return this.#input.length > 0
  }

  get hasOutput(): boolean {
    return this.#output.length > 0
  }

  readInput(count: number, nonblocking: boolean): Reply {
    return this.#read(this.#input, count, nonblocking, () => (this.masterOpen ? undefined : { value: 0, data: none }))
  }

  readOutput(count: number, nonblocking: boolean): Reply {
    return this.#read(this.#output, count, nonblocking, () =>
      this.hadSlave && this.slaves === 0 ? hungUp() : undefined,
    )
  }

  #read(queue: Uint8Array[], count: number, nonblocking: boolean, end: () => Outcome | undefined): Reply {
    const again = (): Outcome | undefined => {
      const [first] = queue
      if (first === undefined) return end()
      const data = first.slice(0, count)
      if (data.length < first.length) queue[0] = first.subarray(data.length)
      else queue.shift()
      return { value: data.length, data }
    }
    const ready = again()
    if (ready) return ready
    if (nonblocking) return deny('EAGAIN', 'tty(4)', 'read(2): nothing is there, and the descriptor does not wait')
    return { queues: [this.changes], again, interruptible: true }
  }

  /** The leader of the session ends, or the line is hung up: SIGHUP and SIGCONT to the foreground. */
  disassociate(): void {
    this.signal(SIG.HUP)
    this.signal(SIG.CONT)
    for (const process of [...(this.session?.session ?? [])])
      if (process.terminal === this) process.terminal = undefined
    this.session = undefined
    this.foreground = undefined
  }

  /** TIOCSCTTY. Only the leader of a session without a terminal takes one. */
  control(task: Task): Denied | number {
    const { process } = task
    if (process.terminal === this && this.session === process.session) return 0
    if (process.session !== process.leader.entry || process.terminal || this.session)
      return deny(
        'EPERM',
        'ioctl_tty(2)',
        'ioctl(2): the caller leads no session without a terminal, or another has this one',
      )
    this.session = process.session
    this.foreground = process.group
    for (const member of process.session.session as Set<Process>) member.terminal = this
    return 0
  }

  /** For the digest. */
  hidden(): object {
    return { input: this.#input, line: this.#line, output: this.#output }
  }
}

const none = new Uint8Array(0)
const hungUp = (): Denied => deny('EIO', 'pty(7)', 'pty(7): nobody has the other side open')

// A program of the host that is told something and whose answer is read: its three streams are pipes. pipe(7)

import { UserError } from '../errors.ts'
import { ask, close, must, O } from '../files.ts'
import { type Kernel, type Launched, refused } from '../kernel.ts'
import type { Step } from '../launch/plan.ts'
import type { Host } from './host.ts'
import { executed, launchProgram } from './program.ts'

const F_SETFL = 4
const POLLIN = 1
const POLLOUT = 4
const SIGKILL = 9

/** How a program ended, and what it wrote. */
export interface Captured {
  readonly code: number
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
}

export interface CaptureOptions {
  /** What it reads on standard input; nothing when absent. */
  readonly input?: string
  /** How much it may write on each stream; it is killed when it writes more. 1 MiB unless said. */
  readonly limitBytes?: number
}

/** Our end of one of the program's streams; `fd` is undefined when it is closed. */
interface Stream {
  fd: number | undefined
  readonly theirs: number
  readonly parts: Uint8Array[]
  sizeBytes: number
}

/**
 * Runs a program with this input and reads its output, until it has ended. What it leaves running in the background is
 * not waited for, though that may have the streams open.
 *
 * @errors UserError when it cannot be run, and when it writes more than `limitBytes`
 */
export async function captureProgram(
  host: Pick<Host, 'kernel' | 'environment'>,
  argv: readonly [string, ...string[]],
  options: CaptureOptions = {},
): Promise<Captured> {
  const { kernel } = host
  const streams: Stream[] = []
  let launched: Launched | undefined
  try {
    for (const index of [0, 1, 2]) streams.push(makePipe(kernel, index === 0))
    const [stdin, stdout, stderr] = streams as [Stream, Stream, Stream]
    const before = streams.map(
      ({ theirs }, newfd): Step => ({
        in: 'child',
        call: { name: 'dup3', oldfd: theirs, newfd, flags: 0 },
        why: `make a pipe descriptor ${newfd}`,
      }),
    )
    try {
      launched = launchProgram(host, argv, { before })
    } finally {
      for (const { theirs } of streams) close(kernel, theirs)
    }
    await executed(launched, argv)
    const withinLimit = await talk(kernel, launched.pid, [stdin, stdout, stderr], options)
    const { code } = await launched.exited
    if (!withinLimit) throw new UserError(`${argv.join(' ')}: wrote more than an answer, and was killed`)
    return { code, stdout: joined(stdout), stderr: joined(stderr) }
  } finally {
    for (const stream of streams) closeStream(kernel, stream)
    launched?.cleaned()
    launched?.close()
  }
}

/** Our end does not block, the program's does: O_NONBLOCK belongs to an open file, not to the pipe. */
function makePipe(kernel: Kernel, weWrite: boolean): Stream {
  const { data } = ask(kernel, { name: 'pipe2', pipefd: 8, flags: O.CLOEXEC }, 'pipe')
  const view = new DataView(data!.buffer, data!.byteOffset)
  const [readEnd, writeEnd] = [view.getInt32(0, true), view.getInt32(4, true)]
  const [fd, theirs] = weWrite ? [writeEnd, readEnd] : [readEnd, writeEnd]
  kernel.call({ name: 'fcntl', fd, cmd: F_SETFL, arg: O.NONBLOCK })
  return { fd, theirs, parts: [], sizeBytes: 0 }
}

/** Gives the input and takes the output as they can be given and taken. @returns false when it was killed for its output */
async function talk(
  kernel: Kernel,
  pid: number,
  [stdin, stdout, stderr]: readonly [Stream, Stream, Stream],
  { input = '', limitBytes = 1024 * 1024 }: CaptureOptions,
): Promise<boolean> {
  let rest: Uint8Array = new TextEncoder().encode(input)
  if (rest.length === 0) closeStream(kernel, stdin)
  const pidfd = ask(kernel, { name: 'pidfd_open', pid, flags: 0 }, `watch process ${pid}`).value
  try {
    for (;;) {
      const fds = [
        { fd: stdin.fd ?? -1, events: POLLOUT },
        { fd: stdout.fd ?? -1, events: POLLIN },
        { fd: stderr.fd ?? -1, events: POLLIN },
        { fd: pidfd, events: POLLIN },
      ]
      const answer = await kernel.wait({ name: 'ppoll', fds, tmo_p: null, sigmask: 0, sigsetsize: 8 })
      if (refused(answer) && answer.errno === 'EINTR') continue
      const happened = revents(must(answer, 'poll').data!)
      if (happened(0)) {
        const written = kernel.call({ name: 'write', fd: stdin.fd!, buf: rest })
        if (!refused(written)) rest = rest.subarray(written.value)
        // EPIPE is a program that does not want to know more.
        if (rest.length === 0 || (refused(written) && written.errno !== 'EAGAIN')) closeStream(kernel, stdin)
      }
      const ended = happened(3)
      for (const [index, stream] of [stdout, stderr].entries()) {
        if (ended || happened(index + 1)) drain(kernel, stream, limitBytes)
        if (stream.sizeBytes <= limitBytes) continue
        kernel.call({ name: 'pidfd_send_signal', pidfd, sig: SIGKILL, info: 0, flags: 0 })
        return false
      }
      if (ended) return true
    }
  } finally {
    close(kernel, pidfd)
  }
}

/** struct pollfd: what happened is its last 16 bits. */
function revents(pollfds: Uint8Array): (index: number) => boolean {
  const view = new DataView(pollfds.buffer, pollfds.byteOffset)
  return (index) => view.getUint16(index * 8 + 6, true) !== 0
}

/** Takes what is there. */
function drain(kernel: Kernel, stream: Stream, limitBytes: number): void {
  while (stream.fd !== undefined && stream.sizeBytes <= limitBytes) {
    const answer = kernel.call({ name: 'read', fd: stream.fd, buf: 65536 })
    if (refused(answer) && answer.errno === 'EAGAIN') return
    if (refused(answer) || answer.value === 0) {
      closeStream(kernel, stream)
      return
    }
    stream.parts.push(answer.data!)
    stream.sizeBytes += answer.value
  }
}

function closeStream(kernel: Kernel, stream: Stream): void {
  if (stream.fd !== undefined) close(kernel, stream.fd)
  stream.fd = undefined
}

function joined({ parts, sizeBytes }: Stream): Uint8Array {
  const whole = new Uint8Array(sizeBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

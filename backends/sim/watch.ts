// What the monitor does while its container lives: forwards and logs what it writes, records its end, has cleaned up. As
// watch() in native/monitor.c.

import { errnoNumbers } from '../../core/errno.ts'
import { monitorFds } from '../../core/launch/descriptors.ts'
import { eventBytes, eventKinds } from '../../core/launch/launched.ts'
import { terminalMaster } from '../../core/launch/plan.ts'
import type { PollFd, Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import { commIs, oomKilled, writeExit } from './ending.ts'
import { Log } from './log.ts'
import { type Job, monitorName } from './monitor.ts'

type Part<T> = Generator<Syscall, T, Outcome>

const [POLLIN, POLLOUT] = [1, 4]
const [SIGKILL, SIG_SETMASK, SEEK_END] = [9, 2, 2]
const FIONREAD = 0x541b
const chunkBytes = 8192
/** What a pipe takes without waiting once poll(2) says that it takes something: PIPE_BUF. pipe(7) */
const pieceBytes = 4096
const terminalBytes = 1 << 17
const streams = ['stdout', 'stderr'] as const
type Stream = (typeof streams)[number]
const decoder = new TextDecoder()
const again = (outcome: Outcome) => isDenied(outcome) && (outcome.errno === 'EAGAIN' || outcome.errno === 'EINTR')

/** The command begins as any does: no signal blocked or waiting. Without one, and where it cannot be executed, that is all. */
export function* cleanUp({ options, cleanUp, task }: Job): Part<number> {
  const { cleanup } = options
  if (cleanup === undefined) return 0
  yield { name: 'setsid' }
  for (;;) {
    const taken = yield { name: 'rt_sigtimedwait', set: (1n << 64n) - 1n, info: 128, timeout: 0n, sigsetsize: 8 }
    if (isDenied(taken)) break
  }
  yield { name: 'rt_sigprocmask', how: SIG_SETMASK, set: 0n, oldset: 0, sigsetsize: 8 }
  cleanUp(cleanup.argv, task!)
  yield { name: 'execve', pathname: cleanup.argv[0]!, argv: cleanup.argv, envp: cleanup.env }
  return 0
}

export class Watch {
  readonly #job: Job
  readonly #signals: number
  readonly #pid: number
  readonly #pidfd: number
  /** Descriptors that output is read from; absent: there is none, or no more. */
  readonly #output = new Map<Stream, number>()
  readonly #forward = new Map<Stream, number>()
  /** How many bytes may still be read of each, once the container has ended. */
  readonly #left = { stdout: Infinity, stderr: Infinity, terminal: Infinity }
  #terminal: number | undefined
  #log: Log | undefined
  #status: number | undefined
  #recorded = false
  #oom = false
  #unstarted = false
  #caller = true
  #controlOpen = true
  #parked = false
  #cleaned = false
  /** Of the container: all that is known stands in these fields then. */
  isWaiting = false

  constructor(job: Job, own: { readonly signals: number; readonly pid: number; readonly pidfd: number }) {
    this.#job = job
    this.#signals = own.signals
    this.#pid = own.pid
    this.#pidfd = own.pidfd
    for (const stream of streams) if (job.fds.has(stream)) this.#output.set(stream, monitorFds[stream])
    if (job.fds.has('forwardStdout')) this.#forward.set('stdout', monitorFds.forwardStdout)
    if (job.fds.has('forwardStderr')) this.#forward.set('stderr', monitorFds.forwardStderr)
  }

  /** The child is there. */
  *begin(): Part<void> {
    const { log } = this.#job.options
    if (log) {
      const end = yield { name: 'lseek', fd: monitorFds.log, offset: 0, whence: SEEK_END }
      this.#log = new Log(log, isDenied(end) ? 0 : end.value)
    }
    yield* this.#tell(eventKinds.started, this.#pid)
  }

  /** @returns the monitor's own exit status */
  *toTheEnd(): Part<number> {
    const { detached } = this.#job.options
    for (;;) {
      const ready = yield* this.#poll()
      if (ready === undefined) continue
      if (ready === 'nothing' && this.#status !== undefined) break
      if (ready === 'nothing') continue
      let moved = false
      for (const stream of streams) {
        const from = this.#output.get(stream)
        if (from === undefined || !ready.has(stream)) continue
        moved = true
        if (yield* this.#pump(stream, from, stream)) continue
        yield { name: 'close', fd: from }
        this.#output.delete(stream)
      }
      if (ready.has('terminal')) {
        moved = true
        if (!(yield* this.#pump('stdout', this.#terminal!, 'terminal'))) this.#terminal = undefined
      }
      if (ready.has('control')) {
        const answer = yield* this.#askCaller()
        if (answer === 'gone') this.#caller = false
        if (answer === 'cleaned') this.#cleaned = true
      }
      if (ready.has('events')) this.#caller = false
      if (!this.#caller) yield* this.#leaveCaller()
      if (ready.has('signals')) yield* this.#reap()
      else if (this.#status !== undefined && !moved) break
    }
    yield* this.#record()
    yield* this.#tell(eventKinds.ended, this.#status ?? 0)
    // The caller cleans up; should it die over that, we do.
    while (this.#caller && !detached && !this.#cleaned) {
      const fds = [
        { fd: monitorFds.control, events: POLLIN },
        { fd: monitorFds.events, events: 0 },
      ]
      const polled = yield { name: 'ppoll', fds, tmo_p: null, sigmask: 0, sigsetsize: 8 }
      const answer = yield* this.#askCaller()
      if (answer === 'cleaned') this.#cleaned = true
      else if (answer === 'gone' || came(polled, 1)) this.#caller = false
    }
    return this.#cleaned ? 0 : yield* cleanUp(this.#job)
  }

  /** 'nothing' when the time is over; undefined after a signal. */
  *#poll(): Part<ReadonlySet<string> | 'nothing' | undefined> {
    const ended = this.#status !== undefined
    const polled: (readonly [string, number, number])[] = [['signals', this.#signals, POLLIN]]
    for (const [stream, fd] of this.#output) if (this.#left[stream] > 0) polled.push([stream, fd, POLLIN])
    if (this.#caller) polled.push(['control', monitorFds.control, POLLIN], ['events', monitorFds.events, 0])
    // A caller in the foreground reads the terminal itself.
    const ours = !this.#caller || this.#job.options.detached
    if (this.#terminal !== undefined && ours && this.#left.terminal > 0)
      polled.push(['terminal', this.#terminal, POLLIN])
    const fds: PollFd[] = polled.map(([, fd, events]) => ({ fd, events }))
    this.isWaiting = true
    const ready = yield { name: 'ppoll', fds, tmo_p: ended ? 0n : null, sigmask: 0, sigsetsize: 8 }
    this.isWaiting = false
    if (isDenied(ready)) return ready.errno === 'EINTR' ? undefined : 'nothing'
    if (ready.value === 0) return 'nothing'
    return new Set(polled.filter((_, at) => came(ready, at)).map(([name]) => name))
  }

  /** Whether the caller is there to hear it. */
  *#tell(kind: number, value: number): Part<boolean> {
    const bytes = eventBytes({ kind, value, oom: this.#oom })
    return !isDenied(yield { name: 'write', fd: monitorFds.events, buf: bytes })
  }

  /** Takes the status of whoever has ended. What the container wrote lies in the pipes, and no more is waited for. */
  *#reap(): Part<void> {
    for (;;) {
      const read = yield { name: 'read', fd: this.#signals, buf: 128 }
      if (isDenied(read) || read.value === 0) break
    }
    for (;;) {
      const reaped = yield { name: 'wait4', pid: -1, wstatus: 4, options: 1, rusage: 0 }
      if (isDenied(reaped) || reaped.value === 0) return
      if (reaped.value !== this.#pid) continue
      this.#status = new DataView(reaped.data!.buffer, reaped.data!.byteOffset).getInt32(0, true)
      for (const stream of streams) {
        const fd = this.#output.get(stream)
        if (fd === undefined) continue
        const asked = yield { name: 'ioctl', fd, request: FIONREAD, arg: new Uint8Array(4) }
        this.#left[stream] = isDenied(asked)
          ? 0
          : new DataView(asked.data!.buffer, asked.data!.byteOffset).getInt32(0, true)
      }
      this.#left.terminal = terminalBytes
    }
  }

  /** Moves what is there on one stream; answers false when it has ended. */
  *#pump(stream: Stream, fd: number, limit: Stream | 'terminal'): Part<boolean> {
    const read = yield { name: 'read', fd, buf: Math.min(chunkBytes, this.#left[limit]) }
    if (again(read)) return true
    if (isDenied(read) || read.value === 0) return false
    this.#left[limit] -= read.value
    const bytes = read.data!.slice(0, read.value)
    if (this.#log) yield* this.#log.add(stream, bytes)
    yield* this.#pass(stream, bytes)
    return true
  }

  /** To the caller, as fast as its reader takes it; the container's end is recorded all the same. */
  *#pass(stream: Stream, bytes: Uint8Array): Part<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const fd = this.#forward.get(stream)
      if (fd === undefined) return
      const signals = this.#status === undefined ? this.#signals : -1
      const fds = [
        { fd, events: POLLOUT },
        { fd: signals, events: POLLIN },
        { fd: monitorFds.events, events: 0 },
      ]
      const ready = yield { name: 'ppoll', fds, tmo_p: null, sigmask: 0, sigsetsize: 8 }
      if (again(ready)) continue
      if (isDenied(ready)) return
      if (came(ready, 2)) {
        this.#caller = false
        return
      }
      if (came(ready, 1)) {
        yield* this.#reap()
        if (this.#status !== undefined) yield* this.#record()
      }
      if (!came(ready, 0)) continue
      const written = yield { name: 'write', fd, buf: rest.subarray(0, pieceBytes) }
      if (again(written)) continue
      if (isDenied(written)) {
        this.#forward.delete(stream)
        return
      }
      rest = rest.subarray(written.value)
    }
  }

  /** The caller has cleaned up or is gone; undefined as long as neither is so. */
  *#askCaller(): Part<'cleaned' | 'gone' | undefined> {
    for (;;) {
      const read = yield { name: 'read', fd: monitorFds.control, buf: 1 }
      if (isDenied(read) && read.errno === 'EINTR') continue
      if (isDenied(read) && read.errno === 'EAGAIN') return undefined
      if (isDenied(read) || read.value === 0) return 'gone'
      const command = decoder.decode(read.data!.subarray(0, 1))
      if (command === 'C') return 'cleaned'
      if (command === 'P') this.#parked = true
      if (command !== 'T') continue
      const taken = yield { name: 'pidfd_getfd', pidfd: this.#pidfd, targetfd: terminalMaster, flags: 0 }
      if (!isDenied(taken)) this.#terminal = taken.value
      yield* this.#tell(eventKinds.terminal, isDenied(taken) ? errnoNumbers[taken.errno] : 0)
    }
  }

  /** The caller is gone: whoever reads from its pipes may know that no more comes, and a child that waits for it would for ever. */
  *#leaveCaller(): Part<void> {
    if (!this.#controlOpen) return
    this.#controlOpen = false
    yield { name: 'close', fd: monitorFds.control }
    if (this.#status === undefined && !this.#parked && (yield* commIs(this.#pid, monitorName))) {
      this.#unstarted = true
      yield { name: 'kill', pid: this.#pid, sig: SIGKILL }
    }
    for (const fd of this.#forward.values()) yield { name: 'close', fd }
    this.#forward.clear()
  }

  *#record(): Part<void> {
    if (this.#recorded) return
    this.#recorded = true
    const { options, fds } = this.#job
    this.#oom = options.oomFile !== undefined && (yield* oomKilled(options.oomFile))
    if (fds.has('directory')) yield* writeExit(this.#status ?? 0, this.#oom, this.#unstarted)
  }
}

/** Whether anything came for the descriptor at this place of a ppoll(2). */
function came(ready: Outcome, at: number): boolean {
  if (isDenied(ready) || ready.data === undefined) return false
  return new DataView(ready.data.buffer, ready.data.byteOffset).getInt16(at * 8 + 6, true) !== 0
}

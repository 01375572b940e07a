// The monitor of a container on the simulated machine: a program like the native one, with the same duties. It walks the
// plan, is the parent of the container's process, forwards and logs what that writes, records its end.

import type { MonitorOptions } from '../../core/kernel.ts'
import { type LaunchPlan, startFd } from '../../core/launch/plan.ts'
import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Run } from '../../sim/program.ts'
import type { Task } from '../../sim/task.ts'
import { type Results, type StepRefusal, walk } from './steps.ts'

const AT_FDCWD = -100
const O_CLOEXEC = 0o2000000
const POLLIN = 1
const POLLHUP = 0x10
const WNOHANG = 1
const PR_SET_CHILD_SUBREAPER = 36
const SIGKILL = 9
const chunkBytes = 8192

/** Descriptors that the monitor has from its caller, by number there; they are first put out of the way. */
export interface MonitorFds {
  readonly control: number
  readonly start: number
  readonly stdin: number
  /** Ends of pipes: the monitor reads from the first, the child writes to the second. Absent: the child has the caller's. */
  readonly stdout?: readonly [number, number]
  readonly stderr?: readonly [number, number]
}

/** What the executor and the programs of one launch tell each other; none of it is a secret of the kernel's. */
export interface Launch {
  readonly plan: LaunchPlan
  readonly options: MonitorOptions | undefined
  readonly fds: MonitorFds
  /** The step that makes the child. */
  readonly clone: number
  /** Indexes of the parent's steps that have succeeded: they are undone when a later one is refused. */
  readonly succeeded: Set<number>
  /** What the child has told and the caller has not yet heard. */
  readonly reports: ({ readonly waiting: string } | { readonly refused: StepRefusal })[]
  child: Task | undefined
  childPid: number | undefined
  /** There is no child, and this is why. */
  refused: StepRefusal | undefined
  ending: { readonly status: number; readonly oom: boolean } | undefined
  /** Called for a container whose caller is not there to clean up. */
  readonly cleanUp: () => void
}

/** Where descriptors of the caller are put first, so that none is overwritten before it was copied. */
const high = {
  control: 900,
  start: 901,
  stdin: 902,
  out: 903,
  err: 904,
  childOut: 905,
  childErr: 906,
  oom: 907,
} as const

export function* monitor(launch: Launch, lastBorn: () => Task | undefined): Run {
  const { plan, fds } = launch
  yield { name: 'prctl', option: PR_SET_CHILD_SUBREAPER, arg2: 1, arg3: 0, arg4: 0, arg5: 0 }
  yield { name: 'prctl_name', option: 15, comm: 'vitrine-monitor' }
  yield { name: 'setsid' }
  const put = (oldfd: number, newfd: number): Syscall => ({ name: 'dup3', oldfd, newfd, flags: O_CLOEXEC })
  yield put(fds.control, high.control)
  yield put(fds.start, high.start)
  yield put(fds.stdin, high.stdin)
  for (const [ends, ours, child] of [
    [fds.stdout, high.out, high.childOut],
    [fds.stderr, high.err, high.childErr],
  ] as const) {
    if (ends === undefined) continue
    yield put(ends[0], ours)
    yield put(ends[1], child)
  }
  yield { name: 'close_range', first: 3, last: 899, flags: 0 }

  const results: Results = new Map()
  const parent = plan.steps.slice(0, launch.clone + 1)
  const refusal = yield* walk(parent, results, {
    call: (step, call) =>
      call.name === 'clone3' && step === parent.at(-1) ? { ...call, child: () => child(launch, results) } : call,
    after: (step, outcome, index) => {
      if (isDenied(outcome) || !parent.includes(step)) return
      launch.succeeded.add(index)
      if (index !== launch.clone) return
      launch.child = lastBorn()
      launch.childPid = outcome.value
    },
  })
  if (refusal) {
    launch.refused = refusal
    return 125
  }
  for (const fd of [high.start, high.stdin, high.childOut, high.childErr]) yield { name: 'close', fd }
  yield* watch(launch)
  return 0
}

/** The container's process until it becomes the program. */
function* child(launch: Launch, results: Results): Run {
  const { fds, plan } = launch
  const give = (oldfd: number, newfd: number, flags = 0): Syscall => ({ name: 'dup3', oldfd, newfd, flags })
  yield give(high.stdin, 0)
  if (fds.stdout) yield give(high.childOut, 1)
  if (fds.stderr) yield give(high.childErr, 2)
  yield give(high.start, startFd, O_CLOEXEC)
  const refusal = yield* walk(
    plan.steps.slice(launch.clone + 1),
    results,
    {
      before: (step) => {
        if (step.waits) launch.reports.push({ waiting: step.as ?? '' })
      },
    },
    launch.clone + 1,
  )
  if (refusal) launch.reports.push({ refused: refusal })
  return 125
}

/** Until the container has ended and all that it wrote was passed on. */
function* watch(launch: Launch): Generator<Syscall, void, Outcome> {
  const { options } = launch
  const open = new Map<number, 'stdout' | 'stderr'>()
  if (launch.fds.stdout) open.set(high.out, 'stdout')
  if (launch.fds.stderr) open.set(high.err, 'stderr')
  let caller = true
  let status: number | undefined
  const pidfd = yield* must({ name: 'pidfd_open', pid: launch.childPid!, flags: 0 })
  while (status === undefined || open.size > 0) {
    const polled = [...open.keys(), ...(caller ? [high.control] : []), ...(status === undefined ? [pidfd.value] : [])]
    const fds = polled.map((fd) => ({ fd, events: POLLIN }))
    // What an ended container left behind may be written to for ever: only what lies there is taken.
    const tmo_p = status === undefined ? null : 0n
    const ready = yield* must({ name: 'ppoll', fds, tmo_p, sigmask: 0, sigsetsize: 8 })
    if (ready.value === 0 && status !== undefined) break
    const events = new DataView(ready.data!.buffer, ready.data!.byteOffset)
    for (const [at, fd] of polled.entries()) {
      const came = events.getInt16(at * 8 + 6, true)
      if (came === 0) continue
      const stream = open.get(fd)
      if (stream !== undefined) {
        if (!(yield* pass(launch, fd, stream, caller))) open.delete(fd)
      } else if (fd === high.control) {
        const command = yield { name: 'read', fd, buf: 1 }
        if (isDenied(command) || command.value === 0 || came === POLLHUP) {
          caller = false
          // A child that waits for a caller who is gone would wait for ever.
          if (launch.child?.comm === 'vitrine-monitor') yield { name: 'kill', pid: launch.childPid!, sig: SIGKILL }
        }
      } else {
        const reaped = yield { name: 'wait4', pid: launch.childPid!, wstatus: 4, options: WNOHANG, rusage: 0 }
        if (!isDenied(reaped) && reaped.value > 0)
          status = new DataView(reaped.data!.buffer, reaped.data!.byteOffset).getInt32(0, true)
      }
    }
  }
  yield* record(launch, status)
  if (!options?.detached && caller) {
    const said = yield { name: 'read', fd: high.control, buf: 1 }
    if (!isDenied(said) && said.value === 1) return
  }
  launch.cleanUp()
}

/** Moves what is there on one stream; answers false when it has ended. */
function* pass(
  launch: Launch,
  fd: number,
  stream: 'stdout' | 'stderr',
  caller: boolean,
): Generator<Syscall, boolean, Outcome> {
  const read = yield { name: 'read', fd, buf: chunkBytes }
  if (isDenied(read)) return read.errno === 'EAGAIN' || read.errno === 'EINTR'
  if (read.value === 0) return false
  const bytes = read.data!.subarray(0, read.value)
  const { log, forward } = launch.options ?? {}
  if (log) yield* append(log.path, yield* logLines(bytes, stream))
  if (forward && caller) yield { name: 'write', fd: forward[stream], buf: bytes }
  return true
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Lines of k8s-file: time, stream, F for a whole line or P for a part, text. */
function* logLines(bytes: Uint8Array, stream: string): Generator<Syscall, Uint8Array, Outcome> {
  const now = yield* must({ name: 'clock_gettime', clockid: 0, tp: 16 })
  const view = new DataView(now.data!.buffer, now.data!.byteOffset)
  const seconds = Number(view.getBigInt64(0, true))
  const nanoseconds = String(view.getBigInt64(8, true)).padStart(9, '0')
  const time = new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, `.${nanoseconds}+00:00`)
  const parts = decoder.decode(bytes).split(/(?<=\n)/)
  return encoder.encode(
    parts.map((part) => `${time} ${stream} ${part.endsWith('\n') ? `F ${part}` : `P ${part}\n`}`).join(''),
  )
}

function* append(path: string, bytes: Uint8Array): Generator<Syscall, void, Outcome> {
  const flags = 0o2001 | 0o100 | O_CLOEXEC
  const opened = yield { name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode: 0o600 }
  if (isDenied(opened)) return
  yield { name: 'write', fd: opened.value, buf: bytes }
  yield { name: 'close', fd: opened.value }
}

/** The file `exit`, as core/store/record.ts reads it, whole or not there. */
function* record(launch: Launch, status: number | undefined): Generator<Syscall, void, Outcome> {
  const { options } = launch
  const oom = options?.oomFile === undefined ? false : yield* oomKilled(options.oomFile)
  const directory = options?.directory
  if (directory !== undefined && status !== undefined) {
    const now = yield* must({ name: 'clock_gettime', clockid: 0, tp: 16 })
    const view = new DataView(now.data!.buffer, now.data!.byteOffset)
    const signal = status & 127
    const code = signal ? 128 + signal : (status >> 8) & 255
    const unstarted = launch.reports.some((report) => 'refused' in report) ? ' 1' : ''
    const text = `${code} ${signal} ${view.getBigInt64(0, true)} ${view.getBigInt64(8, true)} ${oom ? 1 : 0}${unstarted}\n`
    yield* append(`${directory}/exit.tmp`, encoder.encode(text))
    const [oldpath, newpath] = [`${directory}/exit.tmp`, `${directory}/exit`]
    yield { name: 'renameat2', olddirfd: AT_FDCWD, oldpath, newdirfd: AT_FDCWD, newpath, flags: 0 }
  }
  launch.ending = { status: status ?? 255 << 8, oom }
}

function* oomKilled(pathname: string): Generator<Syscall, boolean, Outcome> {
  const opened = yield { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_CLOEXEC, mode: 0 }
  if (isDenied(opened)) return false
  const read = yield { name: 'read', fd: opened.value, buf: 1024 }
  yield { name: 'close', fd: opened.value }
  return !isDenied(read) && /^oom_kill [1-9]/m.test(decoder.decode(read.data?.subarray(0, read.value)))
}

function* must(call: Syscall): Generator<Syscall, Exclude<Outcome, { errno: unknown }>, Outcome> {
  const outcome = yield call
  if (isDenied(outcome)) throw new Error(`the monitor: ${call.name}: ${outcome.errno}: ${outcome.sentence}`)
  return outcome
}

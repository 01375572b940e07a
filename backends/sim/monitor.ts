// The monitor of a container on the simulated machine: a program like native/monitor.c, with the same duties. It walks the
// plan, is the parent of the container's process, and hands over to watch.ts.

import { errnoNumbers } from '../../core/errno.ts'
import type { MonitorOptions } from '../../core/kernel.ts'
import { childOnly, type MonitorFd, monitorFds, reportFd } from '../../core/launch/descriptors.ts'
import { eventBytes, eventKinds } from '../../core/launch/launched.ts'
import { type LaunchPlan, startFd } from '../../core/launch/plan.ts'
import { reportBytes } from '../../core/launch/report.ts'
import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Run, Step } from '../../sim/program.ts'
import type { Task } from '../../sim/task.ts'
import { type Results, type StepRefusal, walk } from './steps.ts'
import { cleanUp, Watch } from './watch.ts'

const AT_FDCWD = -100
const O_CLOEXEC = 0o2000000
const O_RDWR = 2
const [SIGKILL, SIGCHLD] = [9, 17]
const F_DUPFD = 0
/** Descriptors are first copied to here and up, so that none is overwritten before it has been copied. */
const highFd = 200
const CLOSE_RANGE_CLOEXEC = 4
const AT_EMPTY_PATH = 0x1000
const [PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER] = [1, 15, 36]
/** CLONE_PIDFD, CLONE_CLEAR_SIGHAND */
const monitorFlags = 0x1000 + 0x100000000
const [CLONE_NEWPID, CLONE_NEWTIME] = [0x20000000, 0x80]
export const monitorName = 'vitrine-monitor'

/** What the executor and its programs tell each other past the machine: what Linux shares as memory. */
export interface Job {
  readonly plan: LaunchPlan
  readonly options: MonitorOptions
  /** The caller's numbers of what the monitor gets, and of the file that it executes. */
  readonly fds: ReadonlyMap<MonitorFd, number>
  readonly program: number
  /** The child has the caller's standard streams: it goes with the monitor. */
  readonly shared: boolean
  /** The step that makes the child. */
  readonly clone: number
  /** Indexes of the parent's steps that were not refused. */
  readonly succeeded: Set<number>
  /** Why the monitor could not be executed. */
  refused: StepRefusal['errno'] | undefined
  /** What the child was told of the step that refused it. */
  why?: string
  /** The monitor's; undefined until it is there. */
  task: Task | undefined
  /** Called right before the cleanup command is executed. */
  readonly cleanUp: (argv: readonly string[], task: Task) => void
}

/** The process that becomes the monitor, until it executes it. */
export function* spawned(job: Job): Run {
  job.refused = yield* takeDescriptors(job)
  return 127
}

/** What the file does that it executes. While it watches it holds nothing but data, and can be begun anew from there. */
export class MonitorRun implements Run {
  readonly #job: Job
  readonly #course: { watch?: Watch } = {}
  #steps: Generator<Step, number, Outcome> | undefined

  constructor(job: Job) {
    this.#job = job
    this.#steps = monitor(job, this.#course)
  }

  get job(): Job {
    return this.#job
  }

  /** It waits for what its container does. */
  get isWatching(): boolean {
    return this.#course.watch?.isWaiting === true
  }

  next(outcome: Outcome): IteratorResult<Step, number> {
    if (!this.#steps) {
      this.#steps = this.#course.watch!.toTheEnd()
      // The call that it waits in already.
      this.#steps.next()
    }
    return this.#steps.next(outcome)
  }
}

/** The container's process until it becomes the program: what it was answered says where it stands. */
export class ChildRun implements Run {
  readonly #job: Job
  readonly #results: Results
  readonly #outcomes: Outcome[] = []
  #steps: Run | undefined

  constructor(job: Job, results: Results) {
    this.#job = job
    this.#results = new Map(results)
  }

  next(outcome: Outcome): IteratorResult<Step, number> {
    if (!this.#steps) {
      this.#steps = child(this.#job, new Map(this.#results))
      for (const earlier of this.#outcomes) this.#steps.next(earlier)
    }
    this.#outcomes.push(outcome)
    return this.#steps.next(outcome)
  }
}

function* monitor(job: Job, course: { watch?: Watch }): Generator<Syscall, number, Outcome> {
  yield { name: 'close_range', first: 3, last: 0xffffffff, flags: CLOSE_RANGE_CLOEXEC }
  yield { name: 'prctl_name', option: PR_SET_NAME, comm: monitorName }
  yield { name: 'rt_sigprocmask', how: 0, set: (1n << 64n) - 1n, oldset: 0, sigsetsize: 8 }
  yield { name: 'prctl', option: PR_SET_CHILD_SUBREAPER, arg2: 1, arg3: 0, arg4: 0, arg5: 0 }
  const mask = 1n << BigInt(SIGCHLD - 1)
  const signals = yield { name: 'signalfd4', fd: -1, mask, sizemask: 8, flags: O_CLOEXEC | 0o4000 }
  if (isDenied(signals)) return yield* refuse(job, { step: 0, errno: signals.errno })
  const results: Results = new Map()
  const parent = job.plan.steps.slice(0, job.clone + 1)
  const cloning = parent.at(-1)
  let pid = 0
  let pidfd = -1
  const refusal = yield* walk(parent, results, {
    call: (step, call) => {
      if (step !== cloning || call.name !== 'clone3') return call
      const cl_args = { ...call.cl_args, flags: call.cl_args.flags + monitorFlags }
      return { ...call, cl_args, child: () => new ChildRun(job, results) }
    },
    after: (step, outcome, index) => {
      if (isDenied(outcome) || !parent.includes(step)) return
      job.succeeded.add(index)
      if (step !== cloning) return
      pid = outcome.value
      pidfd = new DataView(outcome.data!.buffer, outcome.data!.byteOffset).getInt32(0, true)
    },
  })
  if (refusal) return yield* refuse(job, refusal)
  yield* stayInNamespace('/proc/self/ns/pid', CLONE_NEWPID)
  yield* stayInNamespace('/proc/self/ns/time', CLONE_NEWTIME)
  for (const name of childOnly) if (job.fds.has(name)) yield { name: 'close', fd: monitorFds[name] }
  const watch = new Watch(job, { signals: signals.value, pid, pidfd })
  yield* watch.begin()
  course.watch = watch
  return yield* watch.toTheEnd()
}

/** What lies between clone3 and execveat; it comes back with what was refused. */
function* takeDescriptors({
  fds,
  program,
  shared,
  options,
}: Job): Generator<Syscall, StepRefusal['errno'] | undefined, Outcome> {
  const copies = new Map<MonitorFd | 'program', number>()
  for (const [name, fd] of [...fds, ['program', program] as const]) {
    const copied = yield { name: 'fcntl', fd, cmd: F_DUPFD, arg: highFd }
    if (isDenied(copied)) return copied.errno
    copies.set(name, copied.value)
  }
  const nothing = yield { name: 'openat', dirfd: AT_FDCWD, pathname: '/dev/null', flags: O_RDWR, mode: 0 }
  if (isDenied(nothing)) return nothing.errno
  const calls: Syscall[] = [
    ...[0, 1, 2].map((newfd): Syscall => ({ name: 'dup3', oldfd: nothing.value, newfd, flags: 0 })),
    { name: 'close_range', first: 3, last: 0xffffffff, flags: CLOSE_RANGE_CLOEXEC },
    ...Array.from(fds.keys(), (name): Syscall => {
      return { name: 'dup3', oldfd: copies.get(name)!, newfd: monitorFds[name], flags: 0 }
    }),
    { name: 'setsid' },
    { name: 'chdir', path: '/' },
    ...(shared ? [{ name: 'prctl', option: PR_SET_PDEATHSIG, arg2: SIGKILL, arg3: 0, arg4: 0, arg5: 0 } as const] : []),
    {
      ...{ name: 'execveat', dirfd: copies.get('program')!, pathname: '' },
      ...{ argv: [options.title], envp: [], flags: AT_EMPTY_PATH },
    },
  ]
  for (const call of calls) {
    const outcome = yield call
    if (isDenied(outcome)) return outcome.errno
  }
  return undefined
}

/** There is no container. The caller undoes what was done for it; if it is gone, the cleanup command does. */
function* refuse(job: Job, { step, errno }: StepRefusal): Generator<Syscall, number, Outcome> {
  const value = (step << 16) | errnoNumbers[errno]
  const bytes = eventBytes({ kind: eventKinds.refused, value, oom: false })
  const told = yield { name: 'write', fd: monitorFds.events, buf: bytes }
  return isDenied(told) ? yield* cleanUp(job) : 125
}

/** The plan may have chosen a namespace for children: the cleanup has to be born in the monitor's own. */
function* stayInNamespace(pathname: string, nstype: number): Generator<Syscall, void, Outcome> {
  const own = yield { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_CLOEXEC, mode: 0 }
  if (isDenied(own)) return
  yield { name: 'setns', fd: own.value, nstype }
  yield { name: 'close', fd: own.value }
}

function* child(job: Job, results: Results): Run {
  const refusal =
    (yield* giveStreams(job)) ??
    (yield* walk(
      job.plan.steps.slice(job.clone + 1),
      results,
      {
        before: (step, index) =>
          step.waits && { name: 'write', fd: reportFd, buf: reportBytes({ state: 'waiting', step: index }) },
      },
      job.clone + 1,
    ))
  if (refusal) {
    const { step, errno, sentence } = refusal
    job.why = sentence
    const report = reportBytes({ state: 'refused', entry: step, errno: errnoNumbers[errno] })
    yield { name: 'write', fd: reportFd, buf: report }
  }
  return 127
}

function* giveStreams({ fds, clone }: Job): Generator<Syscall, StepRefusal | undefined, Outcome> {
  // The report comes first: what is refused after it can be told.
  const places = [
    ['report', reportFd, O_CLOEXEC],
    ['stdin', 0, 0],
    ['childStdout', 1, 0],
    ['childStderr', 2, 0],
    ['start', startFd, O_CLOEXEC],
  ] as const
  for (const [name, newfd, flags] of places) {
    if (!fds.has(name)) continue
    const outcome = yield { name: 'dup3', oldfd: monitorFds[name], newfd, flags }
    if (isDenied(outcome)) return { step: clone, errno: outcome.errno }
  }
  return undefined
}

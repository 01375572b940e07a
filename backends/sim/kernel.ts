// The simulated kernel behind the door of the runtime. The runtime is a task of that machine: its calls are judged by its
// credentials and namespaces, and it may be killed.

import { type Errno, errnoNumbers } from '../../core/errno.ts'
import type {
  ExitStatus,
  Kernel,
  Launched,
  LaunchFailure,
  MonitorOptions,
  Outcome,
  Progress,
} from '../../core/kernel.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import type { Syscall } from '../../core/syscall.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import { isDenied } from '../../sim/outcome.ts'
import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import { type Launch, monitor } from './monitor.ts'

const O_CLOEXEC = 0o2000000
const SIGCHLD = 17
/** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM: what pthread_create(3) asks for. */
const threadFlags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
/** JavaScript that was told of something goes on before time does. */
const turns = 50

export interface SimulatedOptions {
  /** Runs the cleanup command of a container whose caller was not there: its argv. */
  readonly cleanUp?: (argv: readonly string[]) => void
}

/** @param runtime - the task that makes the runtime's calls; it has no program */
export function openSimulated(machine: Machine, runtime: Task, options: SimulatedOptions = {}): Kernel {
  /** Threads of the runtime for calls that wait, as a pool has them. */
  const idle: Task[] = []

  const call = (given: Syscall): Outcome => {
    const answer = machine.call(runtime, given)
    if (answer) return answer
    runUntil(machine, () => runtime.finished !== undefined || !runtime.alive)
    return taken(runtime, given)
  }

  /** Lets the machine run until something has happened that JavaScript waits for. */
  const until = async (happened: () => boolean): Promise<void> => {
    for (;;) {
      for (let turn = 0; turn < turns; turn++) {
        if (happened()) return
        await undefined
      }
      if (!runUntil(machine, happened)) throw new Error('nothing can happen any more on the simulated machine')
    }
  }

  const wait = async (given: Syscall): Promise<Outcome> => {
    const thread = idle.pop() ?? newThread(machine, runtime)
    const answer = machine.call(thread, given)
    try {
      if (answer) return answer
      await until(() => thread.finished !== undefined || !thread.alive)
      return taken(thread, given)
    } finally {
      if (thread.alive) idle.push(thread)
    }
  }

  const launch = (plan: LaunchPlan, monitorOptions?: MonitorOptions): Launched | LaunchFailure => {
    const opened: number[] = []
    const pipe = (): readonly [number, number] => {
      const ends = pipeOf(must(call({ name: 'pipe2', pipefd: 8, flags: O_CLOEXEC })))
      opened.push(...ends)
      return ends
    }
    const control = pipe()
    const start = pipe()
    // Without options the child has the caller's streams.
    const [stdout, stderr] = monitorOptions ? [pipe(), pipe()] : []
    const stdin = monitorOptions ? (monitorOptions.stdin ?? emptyPipe(call, opened)) : 0
    const state: Launch = {
      plan,
      options: monitorOptions,
      fds: { control: control[0], start: start[0], stdin, ...(stdout && { stdout }), ...(stderr && { stderr }) },
      clone: plan.steps.findIndex((step) => step.call.name === 'clone3'),
      succeeded: new Set(),
      reports: [],
      child: undefined,
      childPid: undefined,
      refused: undefined,
      ending: undefined,
      cleanUp: () => options.cleanUp?.(monitorOptions?.cleanup?.argv ?? []),
    }
    const born = machine.call(runtime, {
      name: 'clone3',
      cl_args: { flags: 0, exit_signal: SIGCHLD },
    })
    if (!born || isDenied(born)) throw new Error(`start the monitor: ${born?.errno}`)
    const monitorTask = machine.lastBorn!
    const ownRun = monitor(state, () => machine.lastBorn)
    monitorTask.run = ownRun
    machine.scheduler.runnable.add(monitorTask)
    for (const fd of opened) if (fd !== control[1] && fd !== start[1]) call({ name: 'close', fd })
    const letGo = () => {
      for (const fd of [control[1], start[1]]) call({ name: 'close', fd })
      // One that was told to go goes at once.
      runUntil(machine, () => !monitorTask.alive, machine.clock.nowNs)
      call({ name: 'wait4', pid: born.value, wstatus: 4, options: 1, rusage: 0 })
    }
    if (!runUntil(machine, () => state.childPid !== undefined || state.refused !== undefined))
      throw new Error('the monitor waits for ever')
    if (state.refused) {
      undo(call, plan, state.succeeded)
      letGo()
      return failureOf(plan, state.refused.step, state.refused.errno)
    }
    return launched(state, {
      call,
      until,
      undoAll: () => undo(call, plan, state.succeeded),
      letGo,
      control,
      start,
      monitorPid: born.value,
    })
  }

  return {
    // The runtime has to know it as little as it can.
    kind: 'sim',
    call,
    batch: (calls) => {
      const outcomes: Outcome[] = []
      for (const [index, one] of calls.entries()) {
        const outcome = call(one)
        outcomes.push(outcome)
        if (isDenied(outcome)) return { outcomes, failed: index }
      }
      return { outcomes }
    },
    wait,
    launch,
    reopen: () => ({
      errno: 'ENOSYS',
      rule: 'reopen',
      sentence: 'a child that was parked cannot be taken up again here',
    }),
  }
}

interface Parts {
  readonly call: (given: Syscall) => Outcome
  readonly until: (happened: () => boolean) => Promise<void>
  readonly undoAll: () => void
  readonly letGo: () => void
  readonly control: readonly [number, number]
  readonly start: readonly [number, number]
  readonly monitorPid: number
}

function launched(state: Launch, parts: Parts): Launched {
  const { call, until } = parts
  const first = state.child!.run
  /** execve(2) has put another program in the place of the plan's steps. */
  const executed = () => state.child!.run !== first || !state.child!.alive
  let exited: Promise<ExitStatus> | undefined
  return {
    pid: state.childPid!,
    monitorPid: parts.monitorPid,
    progress: async (): Promise<Progress> => {
      await until(() => state.reports.length > 0 || executed())
      const report = state.reports.shift()
      if (report === undefined) return { state: 'executed' }
      if ('waiting' in report) return { state: 'waiting', at: report.waiting }
      await until(() => state.ending !== undefined)
      parts.undoAll()
      return { state: 'refused', failure: failureOf(state.plan, report.refused.step, report.refused.errno) }
    },
    release: () => void call({ name: 'write', fd: parts.start[1], buf: 's' }),
    park: () => {
      throw new Error('a child cannot be parked on the simulated machine')
    },
    cleaned: () => void call({ name: 'write', fd: parts.control[1], buf: 'C' }),
    take: (targetfd) => {
      const opened = call({ name: 'pidfd_open', pid: state.childPid!, flags: 0 })
      if (isDenied(opened)) return opened
      const got = call({ name: 'pidfd_getfd', pidfd: (opened as { value: number }).value, targetfd, flags: 0 })
      call({ name: 'close', fd: (opened as { value: number }).value })
      return got
    },
    get exited() {
      exited ??= (async () => {
        await until(() => state.ending !== undefined)
        const { status, oom } = state.ending!
        const signal = status & 127
        return { code: signal ? 128 + signal : (status >> 8) & 255, signal, oomKilled: oom }
      })()
      return exited
    },
    close: parts.letGo,
  }
}

function newThread(machine: Machine, runtime: Task): Task {
  const born = machine.call(runtime, { name: 'clone3', cl_args: { flags: threadFlags, exit_signal: 0 } })
  if (!born || isDenied(born)) throw new Error(`make a thread of the runtime: ${born?.errno}: ${born?.sentence}`)
  return machine.lastBorn!
}

function taken(task: Task, given: Syscall): Outcome {
  const outcome = task.finished
  task.finished = undefined
  if (outcome) return outcome
  if (!task.alive) throw new Error('the runtime was killed')
  throw new Error(`${given.name} waits for what can never happen on the simulated machine`)
}

function must(outcome: Outcome): Uint8Array {
  if ('errno' in outcome) throw new Error(`make a pipe: ${outcome.errno}`)
  return outcome.data!
}

function pipeOf(data: Uint8Array): readonly [number, number] {
  const ends = new DataView(data.buffer, data.byteOffset)
  return [ends.getInt32(0, true), ends.getInt32(4, true)]
}

/** A standard input that is at its end. */
function emptyPipe(call: (given: Syscall) => Outcome, opened: number[]): number {
  const [read, write] = pipeOf(must(call({ name: 'pipe2', pipefd: 8, flags: O_CLOEXEC })))
  call({ name: 'close', fd: write })
  opened.push(read)
  return read
}

function undo(call: (given: Syscall) => Outcome, plan: LaunchPlan, succeeded: ReadonlySet<number>): void {
  for (let index = plan.steps.length - 1; index >= 0; index--) {
    const step = plan.steps[index]!
    if (step.in === 'parent' && step.undo !== undefined && succeeded.has(index)) call(step.undo)
  }
}

/** In the words of the real kernel's executor. */
function failureOf(plan: LaunchPlan, step: number, errno: Errno): LaunchFailure {
  if (!(errno in errnoNumbers)) throw new Error(`no errno ${errno}`)
  const why = plan.steps[step]?.why ?? plan.program
  return { errno, step, message: `${why}: ${errno} (step ${step + 1} of ${plan.steps.length})` }
}

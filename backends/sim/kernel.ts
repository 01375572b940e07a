// The simulated kernel behind the door of the runtime. The runtime is a task of that machine: its calls are judged by its
// credentials and namespaces, and it may be killed.

import type { Kernel, Outcome } from '../../core/kernel.ts'
import { reopenWaiting } from '../../core/launch/report.ts'
import type { Syscall } from '../../core/syscall.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import { isDenied } from '../../sim/outcome.ts'
import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import { launchSimulated, type SimulatedParts } from './launch.ts'

/** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM: what pthread_create(3) asks for. */
const threadFlags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
const killed = 'the runtime was killed'
/** JavaScript that was told of something goes on before the machine does: so many turns without a call of it. */
const turns = 50

/** The JavaScript that makes calls on a machine: several runtimes may be on one. */
interface Callers {
  /** What it waits for. Who began first is told first, and does what it can before the next: so it replays. */
  readonly waiting: Set<() => boolean>
  /** Grows when one of them does something. */
  acts: number
}

const callers = new WeakMap<Machine, Callers>()

function callersOf(machine: Machine): Callers {
  const there = callers.get(machine) ?? { waiting: new Set(), acts: 0 }
  callers.set(machine, there)
  return there
}

/**
 * JavaScript that will make calls was told to begin: the machine does nothing more before it has had its turn, so that it begins at
 * the same virtual time however far the machine was let run.
 *
 * @returns to be called when it has begun
 */
export function awaitCaller(machine: Machine): () => void {
  const { waiting } = callersOf(machine)
  const begun = () => true
  waiting.add(begun)
  return () => waiting.delete(begun)
}

export interface SimulatedOptions {
  /**
   * A monitor is about to execute the cleanup command of a container whose caller was not there: its argv, and the task.
   * Where the program is `#!sim outside`, that task is a runtime's then.
   */
  readonly cleanUp?: (argv: readonly string[], task: Task) => void
  /** Waited for when nothing can happen on the machine: others whose JavaScript makes calls there may go on. */
  readonly meanwhile?: () => Promise<unknown> | undefined
  /** Others that wait in `meanwhile` look again: something has happened on the machine. */
  readonly nudge?: () => void
  /** Virtual time that is not passed before `meanwhile` has been asked; absent: none. */
  readonly limitNs?: () => number
}

/** @param runtime - the task that makes the runtime's calls; it has no program */
export function openSimulated(machine: Machine, runtime: Task, options: SimulatedOptions = {}): Kernel {
  /** Threads of the runtime for calls that wait, as a pool has them. */
  const idle: Task[] = []
  const known = callersOf(machine)

  const call = (given: Syscall): Outcome => {
    refuseNul(given)
    if (!runtime.alive) throw new Error(killed)
    known.acts += 1
    const answer = machine.call(runtime, given)
    if (!answer) runUntil(machine, () => runtime.finished !== undefined || !runtime.alive)
    options.nudge?.()
    return answer ?? taken(runtime, given)
  }

  /** Lets the machine run until something has happened that JavaScript waits for: this one, or another whose turn comes first. */
  const until = async (happened: () => boolean): Promise<void> => {
    const { waiting } = known
    const next = () => {
      for (const one of waiting) if (one()) return one
      return undefined
    }
    const anybody = () => next() !== undefined
    waiting.add(happened)
    try {
      for (;;) {
        for (let turn = 0, { acts } = known; turn < turns; turn++) {
          await undefined
          if (acts === known.acts) continue
          turn = 0
          acts = known.acts
        }
        if (next() === happened) return
        // Another who has long been told takes longer over it: a module is being loaded.
        if (anybody()) {
          options.nudge?.()
          await new Promise((resolve) => setTimeout(resolve))
        } else if (!runUntil(machine, anybody, options.limitNs?.())) {
          const others = options.meanwhile?.()
          if (others === undefined) throw new Error('nothing can happen any more on the simulated machine')
          await others
        }
      }
    } finally {
      waiting.delete(happened)
      known.acts += 1
      options.nudge?.()
    }
  }

  const wait = async (given: Syscall): Promise<Outcome> => {
    known.acts += 1
    const thread = idle.pop() ?? newThread(machine, runtime)
    const answer = machine.call(thread, given)
    options.nudge?.()
    try {
      if (answer) return answer
      await until(() => thread.finished !== undefined || !thread.alive)
      return taken(thread, given)
    } finally {
      if (thread.alive) idle.push(thread)
    }
  }

  const parts: SimulatedParts = {
    ...{ machine, call, wait },
    cleanUp: options.cleanUp ?? (() => undefined),
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
    launch: (plan, monitor) => launchSimulated(parts, plan, monitor),
    reopen: (directory) => reopenWaiting(parts, directory),
  }
}

/** No pointer to a string carries one: the kernel would read another string. */
function refuseNul(call: Syscall): void {
  const given = call as unknown as Readonly<Record<string, unknown>>
  for (const key in given) {
    const value = given[key]
    if (typeof value === 'string' && key !== 'buf' && value.includes('\0'))
      throw new Error(`${call.name}: ${key} has a NUL in it`)
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
  if (!task.alive) throw new Error(killed)
  throw new Error(`${given.name} waits for what can never happen on the simulated machine`)
}

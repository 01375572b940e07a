// The simulated kernel as a stage: a machine that has just been switched on, and a first task below its process 1.

import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../boot.ts'
import type { Config, Kernel } from '../kernel.ts'
import { isDenied, type Outcome } from '../outcome.ts'
import { isSuspended, type Task } from '../task.ts'
import { HostFiles } from './host/files.ts'
import { Guide } from './host/guide.ts'
import { type Assumption, firstOf, settle } from './host/start.ts'
import type { Line } from './scenario.ts'
import type { Actor, Answer, Ended, Newcomer, Stage, StageGuide } from './stage.ts'
import { furnish } from './world.ts'

/** A log that was made elsewhere. */
export interface Elsewhere {
  readonly lines: readonly Line[]
  readonly assumed: Assumption
  /** Paths that are known of that machine, besides of what the log tells. */
  readonly furnish?: (files: HostFiles, task: Task) => void
}

/** Answers a stage on a new machine. */
export function simulatedStage(config: Partial<Config> = {}, elsewhere?: Elsewhere): SimulatedStage {
  return new SimulatedStage(bootKernel({ ...config, ...(elsewhere && { machineCode: 'outside' }) }), elsewhere)
}

export class SimulatedStage implements Stage {
  readonly kernel: Kernel
  readonly kind = 'sim'
  readonly title: string
  readonly version: readonly [number, number]
  readonly first: Newcomer
  readonly #tasks: Task[] = []
  /** Calls of tasks that are stopped or frozen, made once those go on. */
  /** The call that each has made last; what it had come to when the log says that a signal interrupted it. */
  readonly #last = new Map<Actor, string>()
  readonly #owed = new Map<Actor, { readonly name: string; readonly outcome: Outcome }>()
  readonly #deferred = new Map<Actor, Syscall>()

  readonly guide?: StageGuide & { readonly files: HostFiles }

  constructor(kernel: Kernel, elsewhere?: Elsewhere) {
    this.kernel = kernel
    this.version = kernel.config.version
    this.title = `sim ${this.version.join('.')}`
    furnish(kernel.config.cgroups, (call) => this.#finished(kernel.init, call), elsewhere === undefined)
    if (elsewhere) {
      const first = firstOf(kernel, elsewhere.lines)
      const files = new HostFiles(kernel)
      elsewhere.furnish?.(files, first)
      settle(first, elsewhere.lines, files, elsewhere.assumed)
      this.first = this.#add(first)
      this.guide = this.#guided(new Guide(first, elsewhere.lines, files))
      return
    }
    this.#finished(kernel.init, { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } })
    this.first = this.#add(kernel.lastBorn ?? kernel.init)
    const task = this.#tasks[this.first.actor]!
    if (task !== kernel.init)
      this.#finished(task, { name: 'rt_sigaction', signum: 17, act: { handler: 0 }, oldact: 0, sigsetsize: 8 })
  }

  /** Who an actor is, as the kernel knows it. */
  task(actor: Actor): Task {
    return this.#tasks[actor]!
  }

  async call(actor: Actor, call: Syscall, waits: boolean): Promise<Answer> {
    const task = this.#tasks[actor]!
    if (ended(task)) return { kind: 'gone' }
    if (isSuspended(task)) {
      this.#deferred.set(actor, call)
      return { kind: 'waits' }
    }
    const owed = this.#owed.get(actor) ?? this.#untold(actor)
    this.#owed.delete(actor)
    task.finished = undefined
    if (owed && owed.name === call.name) return { kind: 'ended', outcome: owed.outcome }
    this.#last.set(actor, call.name)
    // A call that the log tells nothing more of has been left for another.
    if (task.blocked) this.kernel.scheduler.finish(task, interrupted)
    task.finished = undefined
    const before = this.kernel.lastBorn
    const outcome = this.kernel.call(task, call)
    const born = this.kernel.lastBorn === before ? undefined : this.kernel.lastBorn
    const child = born === undefined ? {} : { child: this.#add(born) }
    if (outcome) return ended(task) ? { kind: 'gone' } : { kind: 'ended', outcome, ...child }
    // A signal that had waited for the call's mask was its end.
    if (born === undefined && ended(task)) return { kind: 'gone' }
    if (waits || born !== undefined)
      return task.finished ? { ...this.#answer(task), ...child } : { kind: 'waits', ...child }
    return this.#answer(task)
  }

  async collect(actor: Actor): Promise<Answer> {
    const task = this.#tasks[actor]!
    const deferred = this.#deferred.get(actor)
    if (deferred !== undefined && !isSuspended(task)) {
      this.#deferred.delete(actor)
      return await this.call(actor, deferred, false)
    }
    return this.#answer(task)
  }

  async waiting(actor: Actor): Promise<boolean> {
    const task = this.#tasks[actor]!
    this.kernel.scheduler.settle()
    return this.#deferred.has(actor) || (!ended(task) && task.finished === undefined && task.blocked !== undefined)
  }

  async ended(actor: Actor): Promise<Ended | undefined> {
    const task = this.#tasks[actor]!
    this.kernel.scheduler.settle()
    if (!ended(task)) return undefined
    const { ending } = task.process
    return ending === undefined ? {} : ending
  }

  async compute(actors: readonly Actor[], milliseconds: number): Promise<void> {
    const { clock, cpu, scheduler } = this.kernel
    const untilNs = clock.nowNs + milliseconds * 1e6
    const tasks = actors.map((actor) => this.#tasks[actor]!)
    for (const task of tasks) {
      // More than there is time for on any number of processors.
      const reply = cpu?.consume(task, 1e9) ?? 0
      if (typeof reply === 'object' && 'again' in reply) scheduler.block(task, reply)
    }
    while ((clock.next() ?? Number.POSITIVE_INFINITY) <= untilNs) {
      clock.advance(untilNs)
      scheduler.settle()
    }
    clock.advance(untilNs)
    for (const task of tasks) {
      scheduler.finish(task, { value: 0 })
      task.finished = undefined
    }
    scheduler.settle()
  }

  async received(actor: Actor): Promise<readonly number[]> {
    const task = this.#tasks[actor]!
    // In a log, which thread of a process got a signal was chance.
    return this.guide ? [...task.process.tasks].flatMap(({ handled }) => handled) : task.handled
  }

  async close(): Promise<void> {}

  #guided(guide: Guide): StageGuide & { readonly files: HostFiles } {
    const task = (actor: Actor) => this.#tasks[actor]!
    return {
      files: guide.files,
      before: (actor, ...rest) => guide.before(task(actor), ...rest),
      widens: (actor, ...rest) => guide.widens(task(actor), ...rest),
      excuse: (actor, ...rest) => guide.excuse(task(actor), ...rest),
      standIn: (actor, ...rest) => guide.standIn(task(actor), ...rest),
      stoodIn: (actor, call) => guide.stoodIn(task(actor), call),
      outsider: (pid) => guide.outsider(this.kernel, pid),
      interrupted: (actor) => {
        const { scheduler } = this.kernel
        const untold = this.#untold(actor)
        if (untold) this.#owed.set(actor, untold)
        if (task(actor).blocked && !isSuspended(task(actor))) scheduler.finish(task(actor), interrupted)
        task(actor).finished = undefined
      },
      signalled: (actor, signal) => {
        if (task(actor).alive) this.kernel.sendSignal(task(actor), signal)
      },
    }
  }

  /** A child that was waited for here before the signal that, in the log, interrupted the call. */
  #untold(actor: Actor): { readonly name: string; readonly outcome: Outcome } | undefined {
    const { finished } = this.#tasks[actor]!
    const name = this.#last.get(actor)
    if (finished === undefined || isDenied(finished) || (name !== 'wait4' && name !== 'waitid')) return undefined
    return { name, outcome: finished }
  }

  #finished(task: Task, call: Syscall): Outcome {
    const outcome = this.kernel.call(task, call) ?? this.kernel.finish(task)
    return outcome ?? { errno: 'EIO', rule: call.name, sentence: `${call.name} does not end` }
  }

  #answer(task: Task): Answer {
    const outcome = this.#outcomeOf(task)
    if (outcome) return { kind: 'ended', outcome }
    return ended(task) ? { kind: 'gone' } : { kind: 'waits' }
  }

  /** In a log time passes for those that sleep: what others wait for is told by its lines. */
  #outcomeOf(task: Task): Outcome | undefined {
    if (!this.guide || task.blocked?.deadlineNs !== undefined) return this.kernel.finish(task)
    this.kernel.scheduler.settle()
    const { finished } = task
    task.finished = undefined
    return finished
  }

  #add(task: Task): Newcomer {
    this.#tasks.push(task)
    return { actor: this.#tasks.length - 1, pid: task.entry.numbers[0]! }
  }
}

const interrupted: Outcome = { errno: 'EINTR', rule: 'signal(7)', sentence: 'a signal has ended the call' }

const ended = (task: Task): boolean => task.state === 'zombie' || task.state === 'dead'

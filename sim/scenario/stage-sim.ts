// The simulated kernel as a stage: a machine that has just been switched on, and a first task below its process 1.

import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../boot.ts'
import type { Config, Kernel } from '../kernel.ts'
import type { Outcome } from '../outcome.ts'
import { isSuspended, type Task } from '../task.ts'
import type { Actor, Answer, Ended, Newcomer, Stage } from './stage.ts'
import { furnish } from './world.ts'

/** Answers a stage on a new machine. */
export function simulatedStage(config: Partial<Config> = {}): Stage & { readonly kernel: Kernel } {
  return new SimulatedStage(bootKernel(config))
}

class SimulatedStage implements Stage {
  readonly kernel: Kernel
  readonly kind = 'sim'
  readonly title: string
  readonly version: readonly [number, number]
  readonly first: Newcomer
  readonly #tasks: Task[] = []
  /** Calls of tasks that are stopped or frozen, made once those go on. */
  readonly #deferred = new Map<Actor, Syscall>()

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.version = kernel.config.version
    this.title = `sim ${this.version.join('.')}`
    furnish(kernel.config.cgroups, (call) => this.#finished(kernel.init, call))
    this.#finished(kernel.init, { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } })
    this.first = this.#add(kernel.lastBorn ?? kernel.init)
    const task = this.#tasks[this.first.actor]!
    if (task !== kernel.init)
      this.#finished(task, { name: 'rt_sigaction', signum: 17, act: { handler: 0 }, oldact: 0, sigsetsize: 8 })
  }

  async call(actor: Actor, call: Syscall, waits: boolean): Promise<Answer> {
    const task = this.#tasks[actor]!
    if (ended(task)) return { kind: 'gone' }
    if (isSuspended(task)) {
      this.#deferred.set(actor, call)
      return { kind: 'waits' }
    }
    const before = this.kernel.lastBorn
    const outcome = this.kernel.call(task, call)
    const born = this.kernel.lastBorn === before ? undefined : this.kernel.lastBorn
    const child = born === undefined ? {} : { child: this.#add(born) }
    if (outcome) return ended(task) ? { kind: 'gone' } : { kind: 'ended', outcome, ...child }
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

  async received(actor: Actor): Promise<readonly number[]> {
    return this.#tasks[actor]!.handled
  }

  async close(): Promise<void> {}

  #finished(task: Task, call: Syscall): Outcome {
    const outcome = this.kernel.call(task, call) ?? this.kernel.finish(task)
    return outcome ?? { errno: 'EIO', rule: call.name, sentence: `${call.name} does not end` }
  }

  #answer(task: Task): Answer {
    const outcome = this.kernel.finish(task)
    if (outcome) return { kind: 'ended', outcome }
    return ended(task) ? { kind: 'gone' } : { kind: 'waits' }
  }

  #add(task: Task): Newcomer {
    this.#tasks.push(task)
    return { actor: this.#tasks.length - 1, pid: task.entry.numbers[0]! }
  }
}

const ended = (task: Task): boolean => task.state === 'zombie' || task.state === 'dead'

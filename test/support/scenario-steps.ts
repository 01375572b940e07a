// Random scenarios: steps that are possible in every state, which are played on the simulated kernel and written down in
// strace's words, to be played again on a real one.

import fc from 'fast-check'
import type { Syscall } from '../../core/syscall.ts'
import type { Kernel } from '../../sim/kernel.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import { print } from '../../sim/scenario/print.ts'
import type { Answer, Newcomer } from '../../sim/scenario/stage.ts'
import { type SimulatedStage, simulatedStage } from '../../sim/scenario/stage-sim.ts'
import { isSuspended } from '../../sim/task.ts'
import type { OpenFile } from '../../sim/vfs/file.ts'
import { makers } from './random/all.ts'
import { drawing } from './random/draw.ts'
import { beginning, type Machine, sameMachine } from './random/machine.ts'
import { shown } from './random/shown.ts'

/** Numbers from which a call chooses who makes it and what it is about. */
export interface Step {
  readonly who: number
  readonly kind: string
  readonly numbers: readonly number[]
}

export interface Steps {
  readonly list: readonly (Step | null)[]
  /** Which values of each list of arguments the scenario does without. */
  readonly swarm: number
}

/** How many calls a scenario has at most. */
export const callsOfScenario = Number(process.env.VITRINE_CALLS ?? 30)

/** Swarm: each run has only some kinds of calls, and only some values of their arguments, so that rare mixes come up. */
export const steps: fc.Arbitrary<Steps> = fc.subarray(Object.keys(makers), { minLength: 6 }).chain((kinds) => {
  const step = fc.record({
    who: fc.nat(11),
    kind: fc.constantFrom(...kinds),
    numbers: fc.array(fc.nat(1023), { minLength: 8, maxLength: 8 }),
  })
  // Some make no call: births above the number of tasks, what is not modelled. What fails is made smaller by leaving steps out.
  const length = 3 * callsOfScenario
  return fc.record({
    list: fc.array(fc.option(step, { freq: 1_000_000 }), { minLength: length, maxLength: length }),
    swarm: fc.nat(0xffff),
  })
})

/** Tasks that a scenario keeps at once. */
const kept = 6

export interface Recorded {
  readonly text: string
  /** Calls that the simulated kernel has no answer for, and that are left out. */
  readonly notModelled: readonly string[]
  readonly calls: number
}

/**
 * Plays steps on a simulated machine that is like the one given, and writes down what happens. A step after which all are
 * dead or wait is left out, unless it is the last one.
 *
 * @param begun - told of the machine before the first call
 */
export async function record(steps: Steps, machine: Machine, begun?: (kernel: Kernel) => void): Promise<Recorded> {
  const without = new Set<number>()
  for (;;) {
    const recorder = new Recorder(simulatedStage({ version: machine.version, cpus: machine.cpus }))
    sameMachine(recorder.stage.kernel, machine)
    begun?.(recorder.stage.kernel)
    for (const call of beginning(machine)) await recorder.begin(call)
    const end = await recorder.play(steps, without)
    if (end === undefined)
      return { text: `${recorder.lines.join('\n')}\n`, notModelled: recorder.notModelled, calls: recorder.calls }
    without.add(end)
  }
}

interface Waiting {
  readonly who: Newcomer
  readonly call: Syscall
}

class Recorder {
  readonly stage: SimulatedStage
  readonly lines: string[] = []
  readonly notModelled: string[] = []
  calls = 0
  readonly #actors: Newcomer[]
  readonly #waiting: Waiting[] = []
  readonly #made = new WeakMap<OpenFile, string>()
  /** With which status a thread has ended, while its process goes on. */
  readonly #statuses = new Map<number, number>()
  readonly #results = new Map<string, number[]>()
  readonly #addresses = new Map<number, number[]>()

  constructor(stage: SimulatedStage) {
    this.stage = stage
    this.#actors = [stage.first]
  }

  async begin(call: Syscall, who = this.stage.first): Promise<void> {
    const answer = await this.stage.call(who.actor, call, false)
    if (answer.kind === 'ended') this.#write(who, shown(call, answer.outcome))
  }

  /** Answers the number of a step after which nobody is left, although there is more to do. */
  async play({ list, swarm }: Steps, without: ReadonlySet<number>): Promise<number | undefined> {
    for (const [index, step] of list.entries()) {
      if (this.calls >= callsOfScenario) break
      if (step === null || without.has(index)) continue
      await this.#step(step, swarm)
      if (this.#actors.length === 0 && this.calls < callsOfScenario) return index
    }
    return undefined
  }

  async #step({ who, kind, numbers }: Step, swarm: number): Promise<void> {
    const actor = this.#actors[who % this.#actors.length]!
    const call = makers[kind]!(drawing(numbers, swarm, this.#surroundings(actor)))
    const isBirth = /^(clone3?|v?fork)$/.test(call.name)
    if (isBirth && this.#actors.length + this.#waiting.length >= kept) return
    if (this.#changesMachine(actor, call)) return
    const answer = await this.stage.call(actor.actor, call, true)
    if (answer.kind === 'ended' && isDenied(answer.outcome) && answer.outcome.errno === 'ENOSYS') {
      this.notModelled.push(call.name)
      return
    }
    this.calls += 1
    await this.#took(actor, call, answer)
    await this.#sweep()
  }

  async #took(actor: Newcomer, call: Syscall, answer: Answer): Promise<void> {
    if (answer.kind === 'waits') {
      this.#write(actor, print(call, undefined))
      this.lines.push(`# waits: [pid ${actor.pid}]`)
      this.#actors.splice(this.#actors.indexOf(actor), 1)
      this.#waiting.push({ who: actor, call })
    } else if (answer.kind === 'gone') this.#write(actor, print(call, { value: 0 }).replace(/= 0$/, '= ?'))
    else {
      const { outcome, child } = answer
      const outside =
        child && 'value' in outcome && outcome.value !== child.pid ? ` /* ${child.pid} in strace's PID NS */` : ''
      this.#write(actor, `${shown(call, outcome, this.#file(actor, call))}${outside}`)
      this.#remember(actor, call, outcome)
    }
    if (call.name === 'exit' || call.name === 'exit_group') this.#statuses.set(actor.actor, Number(call.status) & 0xff)
    if (answer.kind === 'gone' || answer.child === undefined) return
    this.#actors.push(answer.child)
    // Its maker waits and has not told its number: who it is shows with its first call.
    if (answer.kind === 'waits') await this.begin({ name: 'getppid' }, answer.child)
    this.#addresses.set(answer.child.actor, [...(this.#addresses.get(actor.actor) ?? [])])
  }

  /** Calls that have ended meanwhile, and tasks that have. */
  async #sweep(): Promise<void> {
    for (const waiting of [...this.#waiting]) {
      const { actor } = waiting.who
      const deferred = await this.stage.waiting(actor)
      if (deferred && (isSuspended(this.stage.task(actor)) || this.stage.task(actor).blocked)) continue
      const answer = (await this.stage.ended(actor)) ? ({ kind: 'gone' } as const) : await this.stage.collect(actor)
      if (answer.kind === 'waits') continue
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      this.#actors.push(waiting.who)
      if (answer.kind === 'gone') continue
      const { name } = waiting.call
      const result = print({ name: 'getpid' }, answer.outcome).replace(/^getpid\(/, '')
      this.#write(waiting.who, `<... ${name === 'ioctl_int' ? 'ioctl' : name} resumed>${result}`)
      this.#remember(waiting.who, waiting.call, answer.outcome)
    }
    for (const other of [...this.#actors]) {
      const end = await this.stage.ended(other.actor)
      if (end === undefined) continue
      // Another thread has executed a program, and has its number now.
      if (this.#actors.some(({ actor }) => actor !== other.actor && this.#number(actor) === other.pid)) {
        this.#actors.splice(this.#actors.indexOf(other), 1)
        continue
      }
      this.#write(other, endOf(end.code === undefined ? { code: this.#statuses.get(other.actor) ?? 0, ...end } : end))
      this.#actors.splice(this.#actors.indexOf(other), 1)
    }
  }

  /** Before 6.15 all descriptors without a name have one inode, whose owner and mode are everybody's. */
  #changesMachine(actor: Newcomer, call: Syscall): boolean {
    const fd = 'dirfd' in call && 'pathname' in call && call.pathname === '' ? call.dirfd : undefined
    const file = fd === undefined ? this.#file(actor, call) : this.stage.task(actor.actor).files.get(Number(fd))?.file
    if (file?.inode.kind !== 'anonymous' || this.stage.kernel.since(6, 15)) return false
    return /^(fchmod|fchown|utimens)/.test(call.name)
  }

  #file({ actor }: Newcomer, call: Syscall): OpenFile | undefined {
    return 'fd' in call && typeof call.fd === 'number' ? this.stage.task(actor).files.get(call.fd)?.file : undefined
  }

  #number(actor: number): number {
    return this.stage.task(actor).entry.numbers[0]!
  }

  #write({ pid }: Newcomer, text: string): void {
    this.lines.push(`[pid ${pid}] ${text}`)
  }

  #surroundings({ actor }: Newcomer) {
    const { files } = this.stage.task(actor)
    return {
      descriptors: [...files.entries()].flatMap(([fd, { file }]) =>
        fd < 3 ? [] : [{ fd, made: this.#made.get(file) ?? 'unknown' }],
      ),
      pids: [...this.#actors, ...this.#waiting.map(({ who }) => who)].map(({ pid }) => pid),
      results: this.#results,
      addresses: this.#addresses.get(actor) ?? [],
    }
  }

  #remember({ actor }: Newcomer, call: Syscall, outcome: Outcome): void {
    if (isDenied(outcome)) return
    const { files } = this.stage.task(actor)
    for (const [, { file }] of files.entries()) if (!this.#made.has(file)) this.#made.set(file, madeBy(call))
    if (/^(msg|sem|shm)get$/.test(call.name))
      this.#results.set(call.name, [...(this.#results.get(call.name) ?? []), outcome.value])
    if (/^(mmap|mremap|shmat)$/.test(call.name))
      this.#addresses.set(actor, [...(this.#addresses.get(actor) ?? []), outcome.value])
  }
}

/** By which call a file was made, and where that says something: `openat cgroup`. */
function madeBy(call: Syscall): string {
  const path = 'pathname' in call ? (call.pathname ?? '') : ''
  const kind = path.includes('/ns/')
    ? ' ns '
    : path.includes('/cgroup/')
      ? ' cgroup'
      : /_map$|setgroups$|_adj$|comm$/.test(path)
        ? ' map'
        : path.startsWith('/proc/')
          ? ' proc'
          : ''
  return `${call.name}${kind}`
}

function endOf({ code, signal }: { code?: number; signal?: number }): string {
  if (!signal) return `+++ exited with ${code ?? 0} +++`
  const name = print({ name: 'kill', pid: 1, sig: signal }, { value: 0 }).replace(/^.*, (\w+)\).*$/, '$1')
  return `+++ killed by ${name} +++`
}

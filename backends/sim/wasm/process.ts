// A process that runs a guest. It is plain data: a program, a memory, some globals, and the call that it waits in; the live
// instance is made when it is needed. The machine asks it for its next step, as it asks programs that are generators.

import type { Syscall } from '../../../core/syscall.ts'
import { isDenied, type Outcome, restarting } from '../../../sim/outcome.ts'
import type { Program, ProgramCall, Step } from '../../../sim/program.ts'
import { isSuspended, type Task } from '../../../sim/task.ts'
import { type Answer, type Realloc, trap } from './calls.ts'
import { beginHandler, endHandler, type Handling, nextHandler } from './handlers.ts'
import type { GuestImage } from './image.ts'
import type { Host, Instance } from './instance.ts'
import { type Holder, Instances } from './instances.ts'
import { charge, giveBack } from './pages.ts'
import type { GuestProgram } from './program.ts'
import { faultOf } from './traps.ts'
import { refusedClone } from './unshared.ts'
import { newStandard, type Standard } from './wasi/resources.ts'

/** Instructions between two looks at the clock; one is a nanosecond. */
const sliceFuel = 100_000
/** What a call costs beside what its program does. */
const callFuel = 200
/** Debts of less are paid later. */
const debtFuel = 10_000
/** What `cabi_realloc` may take. */
const allocationFuel = 20_000_000
const SIGKILL = 9
const pageBytes = 65536

/** Thrown through the guest: nothing of it runs any more. */
class Ended extends Error {}

/** What execve(2) gives a program. */
export interface Given {
  readonly argv: readonly string[]
  readonly envp: readonly string[]
}

type Stage = 'new' | 'ready' | 'running' | 'unwinding' | 'unwound' | 'rewinding'

/** Calls that change who makes them, or end it: they are made when the guest stands still, and has paid for its time. */
const outside = new Set(['fork', 'clone3', 'execve', 'execveat', 'exit_group'])

export class GuestProcess implements Host, Holder {
  readonly #program: GuestProgram
  readonly #instances: Instances
  readonly #task: Task
  readonly #given: Given
  readonly standard: Standard = newStandard()
  #instance: Instance | undefined
  /** How it was when it was last put away, or copied. */
  #image: GuestImage | undefined
  /** The image is how it is now. */
  #isKept = false
  #stage: Stage = 'new'
  /** Which of the program's functions runs. */
  #entry = 0
  /** Made once the guest has unwound. */
  #call: Syscall | undefined
  /** It waits for the outcome of a call, not for time on a processor. */
  #asks = false
  /** What the call that it was suspended in answers. */
  #answer: Outcome | undefined
  /** The answer has been written already. */
  #isWritten = false
  /** Its handlers that are running, one on top of the other. */
  #handling: Handling[] = []
  #reentered = 0
  #debtFuel = 0
  #granted = 0
  #paying = false
  /** Once it has paid, it ends. */
  #end: IteratorResult<Step, number> | undefined
  #callsFuel = 0
  #isAllocating = false
  #isInKernel = false

  constructor(program: GuestProgram, instances: Instances, task: Task, given: Given) {
    this.#program = program
    this.#instances = instances
    this.#task = task
    this.#given = given
  }

  get argv(): readonly string[] {
    return this.#given.argv
  }

  get envp(): readonly string[] {
    return this.#given.envp
  }

  get handlesSignals(): true {
    return true
  }

  next(outcome: Outcome): IteratorResult<Step, number> {
    if (this.#paying) {
      this.#paying = false
      if (!isDenied(outcome)) this.#debtFuel += outcome.value * 1000
    } else if (this.#asks) {
      this.#asks = false
      this.#answer = outcome
    }
    return this.#due() ?? this.#go()
  }

  /** What has to be done before the guest runs. */
  #due(): IteratorResult<Step, number> | undefined {
    const ends = this.#end || this.#call?.name === 'exit_group'
    if (this.#debtFuel >= (ends ? 1 : debtFuel)) return { value: this.#pay() }
    if (this.#end) return this.#end
    if (this.#call) return this.#ask(this.#call)
    return undefined
  }

  /** Of the segments that execve(2) maps. Answers whether it has to wait, or has ended. */
  #pays(): IteratorResult<Step, number> | undefined {
    this.#stage = 'ready'
    const answer = charge(this.#task, this.#instances.firstBytes)
    if (!this.#task.alive || answer === undefined) return { value: { waits: true } }
    return isDenied(answer) ? { value: { fault: SIGKILL } } : undefined
  }

  #ask(call: Syscall): IteratorResult<Step, number> {
    this.#call = undefined
    this.#asks = true
    if (call.name !== 'fork' && call.name !== 'clone3') return { value: call }
    return { value: { ...call, child: (task: Task) => this.#copy(task) } as ProgramCall }
  }

  #pay(): Step {
    const computeUsec = this.#debtFuel / 1000
    this.#debtFuel = 0
    this.#paying = true
    return { computeUsec }
  }

  #go(): IteratorResult<Step, number> {
    try {
      const waits = this.#stage === 'new' && this.#pays()
      if (waits) return waits
      const instance = this.#live()
      this.#grant(sliceFuel)
      if (this.#stage === 'ready') this.#stage = 'running'
      else {
        this.#reentered = 0
        instance.startRewinding(instance.stack)
        this.#stage = 'rewinding'
      }
      for (;;) {
        const status = instance.entry(this.#program.entries[this.#entry]!)!()
        this.#take()
        if ((this.#stage as Stage) === 'unwinding') {
          instance.stopUnwinding()
          this.#stage = 'unwound'
          if (this.#asks || isSuspended(this.#task)) return { value: { waits: true } }
          return this.#due()!
        }
        if (this.#entry === this.#program.entries.length - 1) {
          this.#leave()
          return this.#ends({ done: true, value: status & 0xff })
        }
        this.#entry += 1
        this.#grant(sliceFuel)
      }
    } catch (error) {
      return this.#thrown(error)
    }
  }

  #thrown(error: unknown): IteratorResult<Step, number> {
    this.#leave(!(error instanceof Ended))
    if (error instanceof Ended) return { value: { waits: true } }
    const fault = this.#isInKernel ? undefined : faultOf(error)
    if (fault === undefined) throw error
    return this.#ends({ value: { fault } })
  }

  #ends(end: IteratorResult<Step, number>): IteratorResult<Step, number> {
    this.#end = end
    return this.#due()!
  }

  /** What a process of another task starts with: all that this one has. */
  #copy(task: Task): GuestProcess {
    if (this.#instance) this.#image = this.#instance.save()
    const copy = new GuestProcess(this.#program, this.#instances, task, this.#given)
    copy.#image = this.#image
    copy.#stage = 'unwound'
    copy.#entry = this.#entry
    copy.#answer = { value: 0 }
    copy.#handling = [...this.#handling]
    return copy
  }

  #live(): Instance {
    this.#isKept = false
    if (this.#instance) {
      this.#instances.use(this, this.#instance)
      return this.#instance
    }
    const instance = this.#instances.take(this, this.#image)
    instance.owner = this
    this.#instance = instance
    return instance
  }

  #leave(unknown = false): void {
    const instance = this.#instance
    this.#instance = undefined
    this.#image = undefined
    if (instance) this.#instances.giveBack(this, instance, { unknown })
  }

  get isOver(): boolean {
    return this.#task.run !== this
  }

  putAway(): void {
    const instance = this.#instance!
    if (!this.isOver) this.#image = instance.save()
    this.#instance = undefined
    this.#instances.giveBack(this, instance, { unknown: this.#stage !== 'unwound' })
  }

  /** Brings its image up to date, and answers the memory in it; undefined in the midst of a step. */
  kept(): readonly Uint8Array[] | undefined {
    if (this.#stage === 'running' || this.#stage === 'unwinding' || this.#stage === 'rewinding') return undefined
    if (this.#instance && !this.#isKept) this.#image = this.#instance.save()
    this.#isKept = true
    return this.#image?.memory ?? []
  }

  /** For the digest. */
  hidden(): object {
    return {
      ...{ stage: this.#stage, entry: this.#entry, call: this.#call, asks: this.#asks, answer: this.#answer },
      ...{ handling: this.#handling, debtFuel: this.#debtFuel, paying: this.#paying, end: this.#end },
      image: this.#instance?.save() ?? this.#image,
    }
  }

  #grant(fuel: number): void {
    this.#instance!.refuel(fuel)
    this.#granted = fuel * this.#instance!.modules
    this.#callsFuel = 0
  }

  /** What was burnt since the last look; answers what is left. */
  #take(): number {
    const left = this.#instance!.refuel(0)
    this.#debtFuel += this.#granted - left
    this.#granted = 0
    return left
  }

  allocate(realloc: Realloc, bytes: number): number {
    const left = this.#take()
    this.#isAllocating = true
    this.#grant(allocationFuel)
    const place = realloc(0, 0, 8, bytes) >>> 0
    this.#take()
    this.#isAllocating = false
    this.#grant(Math.max(0, Math.floor(left / this.#instance!.modules)))
    if (place === 0 || place + bytes > this.#instance!.bytes.length) trap('the guest finds no memory for an answer')
    return place
  }

  pause(): void {
    if (this.#isAllocating) trap('cabi_realloc does not end')
    if (this.#stage !== 'rewinding') this.#unwind()
    else this.#reenter(() => undefined)
  }

  resuming(): boolean {
    if (this.#isAllocating) trap('cabi_realloc makes a call')
    return this.#stage === 'rewinding'
  }

  resume(): Answer {
    return this.#reenter(() => {
      const answer = this.#answer
      this.#answer = undefined
      return answer
    })!
  }

  make(call: Syscall): Answer {
    this.#debtFuel += callFuel
    this.#callsFuel += callFuel
    // It is time for others, however little it does between its calls.
    if (this.#callsFuel > sliceFuel) this.#take()
    if (outside.has(call.name)) {
      const refusal = refusedClone(call)
      if (refusal) return refusal
      this.#call = call
      return this.#unwind()
    }
    const task = this.#task
    this.#isInKernel = true
    const answer = task.kernel.call(task, call)
    this.#isInKernel = false
    if (!task.alive) throw new Ended()
    if (answer) return task.handled.length === 0 && !isSuspended(task) ? answer : this.#settle(answer)!
    this.#asks = true
    return this.#unwind()
  }

  written(bytes: number): void {
    this.#debtFuel += bytes >> 6
    // Its memory grew for the answer, and that it has to wait for.
    if (!this.#task.blocked) return
    this.#isWritten = true
    this.#asks = true
    this.#unwind()
  }

  grow(pages: number): number {
    const count = pages >>> 0
    let answer: Answer | undefined = this.#stage === 'rewinding' ? this.resume() : 'again'
    while (answer === 'again') {
      if (this.#instance!.bytes.length / pageBytes + count > 65536) return -1
      answer = count === 0 ? { value: 0 } : charge(this.#task, count * pageBytes)
      if (!this.#task.alive) throw new Ended()
      if (answer) break
      if (this.#isAllocating) answer = { value: 0 }
      else {
        this.#asks = true
        this.#unwind()
        return -1
      }
    }
    if (answer === 'later' || answer === undefined || isDenied(answer)) return -1
    const before = this.#instance!.bytes.length / pageBytes
    try {
      this.#instance!.memory.grow(count)
    } catch {
      giveBack(this.#task, answer, count * pageBytes)
      return -1
    }
    return before
  }

  #unwind(): 'later' {
    this.#stage = 'unwinding'
    this.#instance!.startUnwinding(this.#instance!.stack)
    return 'later'
  }

  /** Goes back into a handler that was running when the guest was suspended, the outermost first, or to where it was suspended. */
  #reenter(outcome: () => Outcome | undefined): Answer | undefined {
    const frame = this.#handling[this.#reentered++]
    if (frame) return this.#settle(frame.answer, frame)
    this.#instance!.stopRewinding()
    this.#stage = 'running'
    const answer = outcome()
    if (!this.#isWritten) return this.#settle(answer)
    this.#isWritten = false
    return 'later'
  }

  /** Runs the guest's handlers of the signals that have come, on top of what it does, before a call answers. */
  #settle(answer: Outcome | undefined, going?: Handling): Answer | undefined {
    const task = this.#task
    for (let frame = going; ; frame = undefined) {
      frame ??= isSuspended(task) ? undefined : nextHandler(task, this.#handling)
      if (!frame) break
      if (frame !== going) {
        frame = beginHandler(task, frame, answer)
        this.#handling.push(frame)
      }
      this.#instance!.entry('deliver')?.(frame.signal)
      if (this.#stage === 'unwinding') return 'later'
      this.#handling.pop()
      endHandler(task, frame)
      if (!task.alive) throw new Ended()
    }
    if (isSuspended(task)) {
      this.#asks = answer !== undefined
      task.finished = answer
      return this.#unwind()
    }
    return answer === restarting ? 'again' : answer
  }
}

export interface GuestOptions {
  /** How many processes of the program have a live instance at a time; others are put away. */
  readonly liveMost?: number
}

/** What runs a guest, as machines take it; its parts are no part of the machines. */
export type GuestRunner = Program & { readonly parts: readonly [GuestProgram, Instances] }

export function guest(program: GuestProgram, { liveMost }: GuestOptions = {}): GuestRunner {
  const parts = [program, new Instances(program, liveMost)] as const
  const run: Program = (argv, envp, task) => new GuestProcess(...parts, task, { argv, envp })
  return Object.assign(run, { parts })
}

// A process that runs a guest. It is plain data: a program, a memory, some globals, and the call that it waits in; the live
// instance is made when it is needed. The machine asks it for its next step, as it asks programs that are generators.

import type { Syscall } from '../../../core/syscall.ts'
import { isDenied, type Outcome } from '../../../sim/outcome.ts'
import type { Program, ProgramCall, Step } from '../../../sim/program.ts'
import { isSuspended, type Task } from '../../../sim/task.ts'
import { guestImports } from './calls.ts'
import { type GuestImage, Instance } from './instance.ts'
import type { GuestProgram } from './program.ts'

/** Instructions between two looks at the clock; one is a nanosecond. */
const sliceFuel = 100_000
/** What a call costs beside what its program does. */
const callFuel = 200
/** Debts of less are paid later. */
const debtFuel = 10_000
const stackRoom = 64 * 1024
const pageBytes = 65536
const PROT_READ_WRITE = 3
/** MAP_PRIVATE, MAP_ANONYMOUS, MAP_POPULATE */
const populate = 0x2 | 0x20 | 0x8000
const SIGSEGV = 11

/** Thrown through the guest: nothing of it runs any more. */
class Ended extends Error {}

/** What execve(2) gives a program. */
export interface Given {
  readonly argv: readonly string[]
  readonly envp: readonly string[]
}

/** A handler of a signal runs where a call was to answer. */
interface Handling {
  readonly signal: number
  readonly answer: Outcome | undefined
}

type Stage = 'new' | 'running' | 'unwinding' | 'unwound' | 'rewinding'

/** Calls that change who makes them: they are made when the guest stands still. */
const outside = new Set(['fork', 'clone3', 'execve', 'execveat'])

export class GuestProcess {
  readonly #program: GuestProgram
  readonly #task: Task
  #instance: Instance | undefined
  #image: GuestImage | undefined
  #stage: Stage = 'new'
  /** Where the guest keeps its frames while it is suspended. */
  #stack = 0
  /** Made once the guest has unwound. */
  #call: Syscall | undefined
  /** It waits for the outcome of a call, not for time on a processor. */
  #asks = false
  /** What the call that it was suspended in answers. */
  #answer: Outcome | undefined
  /** Its handlers that are running, one on top of the other. */
  #handling: Handling[] = []
  #reentered = 0
  #debtFuel = 0
  #paying = false
  #granted = 0

  readonly #given: Given

  constructor(program: GuestProgram, task: Task, given: Given) {
    this.#program = program
    this.#task = task
    this.#given = given
  }

  next(outcome: Outcome): IteratorResult<Step, number> {
    if (this.#paying) {
      this.#paying = false
      if (!isDenied(outcome)) this.#debtFuel += outcome.value * 1000
    } else if (this.#asks) {
      this.#asks = false
      this.#answer = outcome
    }
    if (this.#debtFuel >= debtFuel) return { value: this.#pay() }
    return this.#go()
  }

  #go(): IteratorResult<Step, number> {
    try {
      const instance = this.#live()
      this.#give(sliceFuel)
      if (this.#stage === 'new') this.#start(instance)
      else {
        this.#reentered = 0
        instance.startRewinding(this.#stack)
        this.#stage = 'rewinding'
      }
      const status = instance.entry('start')!()
      this.#take()
      if ((this.#stage as Stage) !== 'unwinding') return { done: true, value: status & 0xff }
      instance.stopUnwinding()
      this.#stage = 'unwound'
      return this.#stopped()
    } catch (error) {
      this.#instance = undefined
      if (error instanceof Ended) return { value: { waits: true } }
      // A trap of the module, or the engine's own stack: the same to whoever waits for it.
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return { value: { fault: SIGSEGV } }
      throw error
    }
  }

  /** Why the guest stands still. */
  #stopped(): IteratorResult<Step, number> {
    const call = this.#call
    this.#call = undefined
    if (!call) return { value: this.#asks ? { waits: true } : this.#pay() }
    if (call.name !== 'fork' && call.name !== 'clone3') return { value: call }
    const image = this.#instance!.save()
    return { value: { ...call, child: (task: Task) => this.#copy(task, image) } as ProgramCall }
  }

  #pay(): Step {
    const computeUsec = this.#debtFuel / 1000
    this.#debtFuel = 0
    this.#paying = true
    return { computeUsec }
  }

  #copy(task: Task, image: GuestImage): GuestProcess {
    const copy = new GuestProcess(this.#program, task, this.#given)
    copy.#image = image
    copy.#stage = 'unwound'
    copy.#stack = this.#stack
    copy.#answer = { value: 0 }
    copy.#handling = [...this.#handling]
    return copy
  }

  #live(): Instance {
    if (this.#instance) return this.#instance
    const instance = new Instance(this.#program, {
      pause: () => this.#pause(),
      grow: (pages) => this.#grow(pages),
      overflow: () => {
        throw new RangeError('the stack of the guest is full')
      },
      imports: guestImports(
        () => instance,
        (call) => this.#make(call),
        (realloc, bytes) => this.#free(() => realloc(0, 0, 8, bytes)),
        this.#given,
      ),
    })
    this.#instance = instance
    if (this.#image) instance.restore(this.#image)
    this.#image = undefined
    return instance
  }

  #start(instance: Instance): void {
    this.#stage = 'running'
    // Of the segments that execve(2) maps.
    this.#charge(this.#program.memoryBytes)
    const realloc = instance.entry('cabi_realloc')!
    this.#stack = this.#free(() => realloc(0, 0, 16, stackRoom))
    instance.view.setUint32(this.#stack, this.#stack + 8, true)
    instance.view.setUint32(this.#stack + 4, this.#stack + stackRoom, true)
  }

  #give(fuel: number): void {
    this.#instance!.fuel = fuel
    this.#granted = fuel * this.#instance!.modules
  }

  /** What was burnt since the last look. */
  #take(): void {
    this.#debtFuel += this.#granted - this.#instance!.fuel
    this.#granted = this.#instance!.fuel
  }

  /** The guest's own code at the kernel's cost. */
  #free<T>(act: () => T): T {
    const { fuel } = this.#instance!
    this.#instance!.fuel = 0x7fffffff
    const result = act()
    this.#instance!.fuel = fuel
    return result
  }

  #pause(): void {
    if (this.#stage !== 'rewinding') {
      this.#unwind()
      return
    }
    const frame = this.#reenter()
    if (!frame) this.#resume()
    this.#handle(undefined, frame)
  }

  #make(call: Syscall): Outcome | undefined {
    if (this.#stage === 'rewinding') {
      const frame = this.#reenter()
      if (frame) return this.#handle(frame.answer, frame)
      this.#resume()
      const answer = this.#answer
      this.#answer = undefined
      return this.#handle(answer)
    }
    this.#debtFuel += callFuel
    if (outside.has(call.name)) {
      this.#call = call
      this.#asks = true
      this.#unwind()
      return undefined
    }
    const task = this.#task
    const answer = task.kernel.call(task, call)
    if (!task.alive) throw new Ended()
    if (answer && !isSuspended(task)) return task.handled.length > 0 ? this.#handle(answer) : answer
    task.finished ??= answer
    this.#asks = true
    this.#unwind()
    return undefined
  }

  #unwind(): void {
    this.#stage = 'unwinding'
    this.#instance!.startUnwinding(this.#stack)
  }

  #resume(): void {
    this.#instance!.stopRewinding()
    this.#stage = 'running'
  }

  /** A handler that was running when the guest was suspended, the outermost first; undefined: where it was suspended. */
  #reenter(): Handling | undefined {
    return this.#handling[this.#reentered++]
  }

  /** Runs the guest's handlers of the signals that have come, on top of what it does, before a call answers. */
  #handle(answer: Outcome | undefined, going?: Handling): Outcome | undefined {
    const { handled } = this.#task
    for (let frame = going; frame || handled.length > 0; frame = undefined) {
      if (!frame) {
        frame = { signal: handled.shift()!, answer }
        this.#handling.push(frame)
      }
      this.#instance!.entry('deliver')?.(frame.signal)
      if (this.#stage === 'unwinding') return undefined
      this.#handling.pop()
    }
    return answer
  }

  #charge(bytes: number): boolean {
    const task = this.#task
    const answer = task.kernel.call(task, {
      name: 'mmap',
      addr: 0,
      length: bytes,
      prot: PROT_READ_WRITE,
      flags: populate,
      fd: -1,
      offset: 0,
    })
    if (!task.alive) throw new Ended()
    return answer !== undefined && !isDenied(answer)
  }

  #grow(pages: number): number {
    const { memory } = this.#instance!
    const before = memory.buffer.byteLength / pageBytes
    const count = pages >>> 0
    if (count === 0) return before
    if (before + count > 65536 || !this.#charge(count * pageBytes)) return -1
    try {
      memory.grow(count)
    } catch {
      return -1
    }
    return before
  }
}

/** What runs a guest, as machines take it. */
export const guest =
  (program: GuestProgram): Program =>
  (argv, envp, task) =>
    new GuestProcess(program, task, { argv, envp })

// The trace of a machine as a short text: all calls of all tasks in their order, each with its time and its answer. The same
// configuration, seed and calls give the same one on every engine.

import type { Syscall } from '../core/syscall.ts'
import { Mix } from './mix.ts'
import { isDenied, type Outcome } from './outcome.ts'
import type { Task } from './task.ts'

/** Is told of each call (`Config.traced`): its answer is undefined where it waits. */
export type Traced = (task: Task, call: Syscall, answer: Outcome | undefined) => void

export class Trace {
  readonly #mix = new Mix()
  #calls = 0

  /** 16 hexadecimal digits that stand for all calls so far. */
  get hash(): string {
    return this.#mix.hex
  }

  /** How many calls were made. */
  get calls(): number {
    return this.#calls
  }

  readonly traced: Traced = (task, call, answer) => {
    const mix = this.#mix
    this.#calls += 1
    mix.number(task.kernel.clock.nowNs)
    mix.number(task.id)
    const given = call as unknown as Readonly<Record<string, unknown>>
    for (const name in given) {
      mix.word(name)
      this.#value(given[name])
    }
    if (!answer) mix.add(13)
    else if (isDenied(answer)) mix.word(answer.errno)
    else {
      mix.number(answer.value)
      if (answer.data) mix.bytes(answer.data)
    }
  }

  #value(value: unknown): void {
    const mix = this.#mix
    if (typeof value === 'number') mix.number(value)
    else if (typeof value === 'string') mix.text(value)
    else if (typeof value === 'bigint') mix.text(value.toString(36))
    else if (typeof value !== 'object' || value === null) mix.add(value === true ? 3 : value === null ? 7 : 5)
    else if (ArrayBuffer.isView(value)) mix.bytes(value)
    else {
      for (const [name, one] of Object.entries(value)) {
        mix.word(name)
        this.#value(one)
      }
      mix.add(17)
    }
  }
}

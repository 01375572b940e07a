// Children that a log does not follow (strace without -f, or with its other files elsewhere): they do what their parents
// learn of them, and nothing else.

import type { Syscall } from '../../../core/syscall.ts'
import type { Cast, Member } from '../cast.ts'
import { numberIn } from '../number.ts'
import type { CallLine, Expected, Line } from '../scenario.ts'
import type { Actor, Stage } from '../stage.ts'
import type { Value } from '../value.ts'

export class Silent {
  readonly #lines: readonly Line[]
  readonly #tasks: ReadonlySet<number>
  readonly #children = new Map<number, Actor>()

  constructor(lines: readonly Line[]) {
    this.#lines = lines
    this.#tasks = new Set(lines.flatMap((line) => ('task' in line && line.task !== undefined ? [line.task] : [])))
  }

  /** Whether the log follows a task of this number. */
  knows(task: number): boolean {
    return this.#tasks.has(task)
  }

  /** A child was born; one that no line is about ends at once, as its parent will be told. */
  async born(stage: Stage, actor: Actor, pid: number): Promise<void> {
    if (this.#tasks.has(pid)) return
    this.#children.set(pid, actor)
    const ending = this.#endingOf(pid)
    if (ending === undefined) return
    await stage.call(actor, ending, false)
  }

  /** Before a parent waits: nothing that it waits for is still to come. */
  async before(stage: Stage, _member: Member, call: Syscall, expected: Expected, _cast: Cast): Promise<void> {
    if (call.name !== 'wait4' && call.name !== 'waitid') return
    const pid = expected.kind === 'value' ? Number(expected.value) : 0
    const actor = this.#children.get(pid)
    if (actor === undefined) return
    this.#children.delete(pid)
    await stage.call(actor, { name: 'exit_group', status: 0 }, false)
  }

  /** By the wait(2) that returns it. */
  #endingOf(pid: number): Syscall | undefined {
    const line = this.#lines.find(
      (one): one is CallLine =>
        one.kind === 'call' &&
        /^wait/.test(one.name) &&
        one.expected.kind === 'value' &&
        one.expected.value === BigInt(pid),
    )
    const status = line?.args[1]
    if (status === undefined) return undefined
    const code = argumentOf(status, 'WEXITSTATUS')
    if (code !== undefined) return { name: 'exit_group', status: Number(code) }
    const signal = argumentOf(status, 'WTERMSIG')
    return signal === undefined ? { name: 'exit_group', status: 0 } : { name: 'kill', pid: 0, sig: Number(signal) }
  }
}

/** `WIFEXITED(s) && WEXITSTATUS(s) == 3`: the 3. */
function argumentOf(value: Value, macro: string): bigint | undefined {
  switch (value.kind) {
    case 'join': {
      const [left, right] = value.parts
      if (value.operator === '==' && left?.kind === 'apply' && left.name === macro) return right && numberIn(right)
      return value.parts.map((part) => argumentOf(part, macro)).find((found) => found !== undefined)
    }
    case 'list':
      return value.items.map((item) => argumentOf(item, macro)).find((found) => found !== undefined)
    case 'struct':
      return value.fields.map((field) => argumentOf(field.value, macro)).find((found) => found !== undefined)
    default:
      return undefined
  }
}

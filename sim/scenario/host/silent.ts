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

  /** Whether the log has the calls by which processes end. */
  readonly seesEnds: boolean

  constructor(lines: readonly Line[]) {
    this.seesEnds = lines.some((line) => (line.kind === 'call' || line.kind === 'begin') && line.name === 'exit_group')
    this.#lines = lines
    this.#tasks = new Set(lines.flatMap((line) => ('task' in line && line.task !== undefined ? [line.task] : [])))
  }

  /** Of a log that began in the midst (strace -p): tasks that were there already are children of the first. */
  async begin(stage: Stage, cast: Cast): Promise<void> {
    const first = this.#lines.find((one) => 'task' in one)
    const number = first && 'task' in first ? first.task : undefined
    if (first === undefined || !this.#attached) return
    const main = cast.of(number)
    for (const pid of this.#found(number)) if (main) await adopt(stage, main, pid, cast)
  }

  /** It does not begin with a program. */
  get #attached(): boolean {
    const first = this.#lines.find((line) => line.kind === 'call' || line.kind === 'begin')
    return first !== undefined && 'name' in first && !/^execve/.test(first.name)
  }

  /** Tasks that no call of the log has made; not where they have other numbers, in pid namespaces of their own. */
  #found(first: number | undefined): readonly number[] {
    const calls = this.#lines.filter((line) => line.kind === 'call' || line.kind === 'begin')
    if (calls.some(({ text }) => /CLONE_NEWPID/.test(text))) return []
    const made = new Set(
      calls.flatMap((line) =>
        line.kind === 'call' && /^(clone3?|v?fork)$/.test(line.name) && line.expected.kind === 'value'
          ? [Number(line.expected.value)]
          : [],
      ),
    )
    return [...this.#tasks].filter((task) => task !== first && !made.has(task))
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
  async before(stage: Stage, member: Member, call: Syscall, expected: Expected, cast: Cast): Promise<void> {
    if (call.name !== 'wait4' && call.name !== 'waitid') return
    const pid = expected.kind === 'value' ? Number(expected.value) : 0
    if (pid > 0 && this.#attached && !this.#tasks.has(pid) && !this.#children.has(pid)) {
      const child = await adopt(stage, member, pid, cast)
      if (child !== undefined) await this.born(stage, child, pid)
    }
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

const fork: Syscall = { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } }

/** A child that was there before the log. */
async function adopt(stage: Stage, parent: Member, pid: number, cast: Cast): Promise<Actor | undefined> {
  const answer = await stage.call(parent.actor, fork, false)
  if (answer.kind !== 'ended' || !answer.child) return undefined
  cast.born(parent, fork, answer.child, pid, pid)
  return answer.child.actor
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

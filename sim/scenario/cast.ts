// Who is who: the numbers before a scenario's lines, and the tasks of the stage that they stand for.

import type { Syscall } from '../../core/syscall.ts'
import { childNames } from './effects.ts'
import { firstNames, type Names } from './names.ts'
import type { Actor, Newcomer } from './stage.ts'

export interface Member {
  readonly actor: Actor
  /** Its number as strace, which is outside, sees it. */
  readonly pid: number
  readonly names: Names
  /** Signals that have a handler of the program's. */
  readonly handled: Set<number>
  /** The number before its lines; undefined until there is one. */
  task: number | undefined
  /** A number that its parent got for it, in the parent's own pid namespace. */
  readonly announced: number | undefined
  gone: boolean
}

export class Cast {
  readonly #members: Member[] = []
  readonly #byTask = new Map<number, Member>()

  /** @param elsewhere - the scenario is a log of another machine */
  constructor(first: Newcomer, elsewhere = false) {
    const names = firstNames()
    if (elsewhere) names.elsewhere = true
    // The parent of the first task is process 1, everywhere but in logs.
    else names.pids.bind(1n, 1n)
    this.#members.push({ ...first, names, handled: new Set(), task: undefined, announced: undefined, gone: false })
  }

  /**
   * A task has been born.
   *
   * @param announced - what its parent is told, as written
   * @param outside - its number before lines, where the scenario says that this is another
   */
  born(
    parent: Member,
    call: Syscall,
    child: Newcomer,
    announced: number | undefined,
    outside: number | undefined,
  ): void {
    const member: Member = {
      ...child,
      names: childNames(parent.names, call),
      handled: new Set(parent.handled),
      task: undefined,
      announced,
      gone: false,
    }
    this.#members.push(member)
    if (outside !== undefined) this.#call(member, outside)
  }

  /** Whose line it is; undefined when there is no such task. */
  of(task: number | undefined): Member | undefined {
    const main = this.#members[0]!
    if (task === undefined) {
      // strace leaves the number out while there is only one task.
      const living = this.#members.filter(({ gone }) => !gone)
      return main.gone && living.length === 1 ? living[0] : main
    }
    const known = this.#byTask.get(task)
    if (known) return known
    const unnamed = this.#members.filter((member) => member.task === undefined)
    const found =
      unnamed.findLast(({ announced }) => announced === task) ??
      (main.task === undefined ? main : undefined) ??
      // Of whom nobody has been told a number: vfork(2) tells it when the child has made use of it.
      unnamed.find(({ announced }) => announced === undefined) ??
      unnamed[0]
    if (found) this.#call(found, task)
    return found
  }

  named(task: number): Member | undefined {
    return this.#byTask.get(task)
  }

  #call(member: Member, task: number): void {
    member.task = task
    this.#byTask.set(task, member)
    this.#members[0]!.names.pids.bind(BigInt(task), BigInt(member.pid))
  }
}

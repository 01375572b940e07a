// Plays a scenario on a stage and compares every result with what is written.

import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../outcome.ts'
import { Cast, type Member } from './cast.ts'
import { constant, signalName } from './constants.ts'
import { type Output, type Translated, translate } from './data.ts'
import { givesDescriptor, note, notePidfd, stopsItself, waitsFor } from './effects.ts'
import { endText, includes, sameEnd, senderOf } from './ends.ts'
import { absentDescriptor } from './host/excuse.ts'
import { Silent } from './host/silent.ts'
import { isNetlinkAnswer } from './messages.ts'
import { print } from './print.ts'
import type { Played, Result, Verdict } from './result.ts'
import { sameOutputs, samePidText, sameResult } from './same.ts'
import type { BeginLine, CallLine, Difference, Expected, Line, Scenario } from './scenario.ts'
import { inAnyOrder } from './separate.ts'
import type { Answer, Guided, Stage } from './stage.ts'
import type { Value } from './value.ts'
import { holdsOn } from './version.ts'

export interface PlayOptions {
  /** Stops after so many calls. */
  readonly until?: number
  readonly onLine?: (played: Played) => void
  /** Stops after a line like this. */
  readonly stopAt?: (played: Played) => boolean
}

/** The stage must be new; who has opened it closes it. */
export async function play(scenario: Scenario, stage: Stage, options: PlayOptions = {}): Promise<Result> {
  const player = new Player(scenario, stage)
  const played: Played[] = []
  let calls = 0
  if (scenario.tasks) {
    await inAnyOrder({ lines: scenario.lines, tasks: scenario.tasks }, player, (result, line) => {
      played.push(result)
      options.onLine?.(result)
      if (line.kind === 'call') calls += 1
      return calls >= (options.until ?? Number.POSITIVE_INFINITY) || options.stopAt?.(result) === true
    })
    return { stage: stage.title, played }
  }
  for (const [index, line] of scenario.lines.entries()) {
    if (line.kind === 'call' && calls++ >= (options.until ?? Number.POSITIVE_INFINITY)) break
    const result = await player.line(line, index)
    if (result === undefined) continue
    played.push(result)
    options.onLine?.(result)
    if (options.stopAt?.(result)) break
  }
  return { stage: stage.title, played }
}

/** `partly`: why only something like it can be played. */
type Read = Translated & { readonly partly?: string }

/** A call that was begun, until the line where it ends. */
interface Begun {
  readonly translated: Read
  readonly answer: Answer | undefined
  /** Why it was not made. */
  readonly skip?: string
}

class Player {
  readonly #scenario: Scenario
  readonly #stage: Stage
  readonly #cast: Cast
  readonly #begun = new Map<number, Begun>()
  readonly #silent: Silent
  /** By task: its last call that a signal has interrupted, for restart_syscall(2). */
  readonly #interrupted = new Map<Member, Translated>()
  /** What the last call has read. */
  #data: Uint8Array = new Uint8Array(0)

  constructor(scenario: Scenario, stage: Stage) {
    this.#scenario = scenario
    this.#stage = stage
    this.#cast = new Cast(stage.first, stage.guide !== undefined)
    this.#silent = new Silent(scenario.lines)
  }

  async line(line: Line, index: number): Promise<Played | undefined> {
    switch (line.kind) {
      case 'call':
        return await this.#call(line, index)
      case 'begin':
        return await this.#begin(line, index)
      case 'end':
        return await this.#end(line)
      case 'signal':
        return await this.#signal(line)
      case 'waits': {
        const member = this.#cast.of(line.task)
        const waiting = member !== undefined && (await this.#stage.waiting(member.actor))
        return { line: line.line, written: line.text, ...check(waiting, 'it waits', 'its call has ended') }
      }
      case 'computes': {
        const members = line.tasks.flatMap((task) => this.#cast.of(task) ?? [])
        await this.#stage.compute(
          members.map(({ actor }) => actor),
          line.milliseconds,
        )
        return undefined
      }
      case 'between': {
        const text = new TextDecoder().decode(this.#data)
        const number = Number(text.split(/\s+/).at(text.split(/\s+/).indexOf(line.word) + 1))
        const fits = text.split(/\s+/).includes(line.word) && number >= line.least && number <= line.most
        return { line: line.line, written: line.text, ...check(fits, text, text) }
      }
      case 'contains': {
        const has = includes(this.#data, line.bytes)
        const text = new TextDecoder().decode(this.#data)
        return { line: line.line, written: line.text, ...check(has !== line.lacks, text, text) }
      }
      case 'unreadable':
        // What the programs of a log have printed themselves stands between its lines.
        if (this.#stage.guide && (!line.call || index === this.#scenario.lines.length - 1)) return undefined
        return { line: line.line, written: line.text, verdict: 'not modelled', actual: line.reason }
    }
  }

  /** Whether a call that was begun has not ended. */
  async waits(index: number): Promise<boolean> {
    const begun = this.#begun.get(index)
    const line = this.#scenario.lines[index]
    if (begun?.answer?.kind !== 'waits' || line === undefined || !('task' in line)) return false
    const member = this.#cast.of(line.task)
    return member !== undefined && (await this.#stage.waiting(member.actor))
  }

  async #begin(line: BeginLine, index: number): Promise<Played | undefined> {
    const member = this.#cast.of(line.task)
    if (member === undefined) return undefined
    const end = line.end === undefined ? undefined : (this.#scenario.lines[line.end] as CallLine)
    this.#outsiders(member, end?.args ?? line.args, end?.expected)
    const translated = this.#translate(member, line.name, end?.args ?? line.args)
    if ('unknown' in translated) {
      this.#begun.set(index, { translated, answer: undefined })
      return undefined
    }
    const guided = await this.#guide(member, translated, end?.expected ?? { kind: 'left out' }, index)
    if ('skip' in guided) {
      this.#begun.set(index, { translated, answer: undefined, skip: guided.skip })
      return undefined
    }
    const answer = await this.#stage.call(member.actor, guided.call, true)
    await this.#children(member, guided.call, answer, end?.expected)
    this.#begun.set(index, { translated: { ...translated, call: guided.call }, answer })
    return undefined
  }

  #translate(member: Member, name: string, args: readonly Value[]): Read {
    const interrupted = name === 'restart_syscall' ? this.#interrupted.get(member) : undefined
    const read = interrupted ?? translate(name, args, member.names)
    if (!('unknown' in read) || name !== 'mount' || this.#stage.guide === undefined) return read
    // What is mounted is there, if with other options.
    const without = translate(name, [...args.slice(0, 4), { kind: 'number', number: 0n }], member.names)
    return { ...without, partly: read.unknown }
  }

  /** Processes that a log knows by their numbers in /proc alone. */
  #outsiders(member: Member, args: readonly Value[], expected: Expected | undefined): void {
    const { guide } = this.#stage
    if (!guide || expected?.kind !== 'value' || member.names.pids.literal) return
    for (const arg of args) {
      if (arg.kind !== 'string' || arg.bytes.length > 200) continue
      const pid = /^\/proc\/(\d+)\//.exec(new TextDecoder().decode(arg.bytes))?.[1]
      if (pid === undefined || member.names.pids.actual(BigInt(pid)) !== undefined || this.#silent.knows(Number(pid)))
        continue
      member.names.pids.bind(BigInt(pid), BigInt(guide.outsider(Number(pid))))
    }
  }

  /** The call as it is to be made, or why it is not. */
  async #guide(
    member: Member,
    { call, outputs }: Extract<Translated, { call: Syscall }>,
    expected: Expected,
    index: number,
  ): Promise<Guided> {
    const { guide } = this.#stage
    if (guide === undefined) return { call }
    await this.#silent.before(this.#stage, member, call, expected, this.#cast)
    return guide.before(member.actor, waitsFor(call, expected, member.names), expected, outputs, index)
  }

  async #call(line: CallLine, index: number): Promise<Played> {
    const member = this.#cast.of(line.task)
    const shown = { line: line.line, written: line.text }
    if (member === undefined || member.gone)
      return { ...shown, verdict: 'skipped', actual: `task ${line.task ?? 'main'} is not there` }
    const begun = line.begun === undefined ? undefined : this.#begun.get(line.begun)
    // It gives a register of the program back, not an outcome.
    if (line.name === 'rt_sigreturn') return { ...shown, verdict: 'left out', actual: 'the end of a handler' }
    if (!begun) this.#outsiders(member, line.args, line.expected)
    const translated = begun?.translated ?? this.#translate(member, line.name, line.args)
    const unplayed = (why: string): Played => {
      this.#absent(member, line.name, line.expected)
      return { ...shown, verdict: 'not modelled', actual: why }
    }
    if ('unknown' in translated) return unplayed(translated.unknown)
    const guided: Guided =
      begun?.skip !== undefined
        ? { skip: begun.skip }
        : begun
          ? { call: translated.call }
          : await this.#guide(member, translated, line.expected, index)
    if ('skip' in guided) return unplayed(guided.skip)
    const { call } = guided
    const { outputs } = translated
    let answer = begun?.answer ?? (await this.#stage.call(member.actor, call, false))
    if (answer.kind === 'waits' && begun) {
      if (this.#stage.guide && line.expected.kind === 'left out') {
        const goes = /^(exit|exit_group)$/.test(call.name)
        if (!goes) this.#stage.guide.interrupted(member.actor)
      } else answer = await this.#stage.collect(member.actor)
    }
    if (!begun && this.#stage.guide) answer = await this.#again(member, call, line.expected, answer)
    if (!begun) await this.#children(member, call, answer, line.expected)
    // A child that the log does not follow has let go of its parent's memory by now.
    if (!begun && this.#stage.guide && answer.kind === 'waits' && answer.child)
      answer = await this.#stage.collect(member.actor)
    if (answer.kind === 'waits' && stopsItself(call)) answer = { kind: 'ended', outcome: { value: 0 } }
    if (answer.kind === 'gone') member.gone = true
    if (line.expected.kind === 'left out' && answer.kind !== 'gone') this.#interrupted.set(member, translated)
    if (answer.kind !== 'ended') {
      const actual = answer.kind === 'gone' ? 'the task has ended' : print(call, undefined)
      const why =
        line.expected.kind === 'left out'
          ? undefined
          : this.#stage.guide?.excuse(member.actor, call, line.expected, outputs, undefined)
      if (why !== undefined) return unplayed(`${actual}: ${why}`)
      // Its end came earlier here than there.
      if (answer.kind === 'gone' && this.#stage.guide && line.expected.kind !== 'left out') return unplayed(actual)
      if (this.#stage.guide && line.expected.kind !== 'left out') this.#absent(member, line.name, line.expected)
      return { ...shown, verdict: line.expected.kind === 'left out' ? 'left out' : 'differs', actual }
    }
    if (translated.partly !== undefined) {
      await this.#standIn(member, call, line.expected, answer.outcome)
      return unplayed(translated.partly)
    }
    const judged = this.#judge(line, index, member, call, outputs, answer.outcome)
    if (this.#stage.guide && (judged.verdict === 'differs' || judged.verdict === 'not modelled')) {
      const why = this.#stage.guide.excuse(member.actor, call, line.expected, outputs, answer.outcome)
      if (why !== undefined) return unplayed(`${judged.actual}: ${why}`)
      if (await this.#standIn(member, call, line.expected, answer.outcome)) return unplayed(judged.actual)
      this.#absent(member, call.name, line.expected)
    }
    return { ...shown, ...judged }
  }

  /** A file system that this machine does not have, or not so: another one stands for it. */
  async #standIn(member: Member, call: Syscall, expected: Expected, outcome: Outcome): Promise<boolean> {
    const { guide } = this.#stage
    if (!guide || call.name !== 'mount' || expected.kind !== 'value' || !isDenied(outcome)) return false
    const other = guide.standIn(member.actor, call, outcome)
    if (other === undefined) return false
    await this.#stage.call(member.actor, other, false)
    guide.stoodIn(member.actor, call)
    return true
  }

  /** What was refused for want of knowledge is tried again. */
  async #again(member: Member, call: Syscall, expected: Expected, first: Answer): Promise<Answer> {
    let answer = first
    for (let tries = 0; tries < 3 && answer.kind === 'ended'; tries++) {
      if (!this.#stage.guide?.widens(member.actor, call, expected, answer.outcome)) break
      answer = await this.#stage.call(member.actor, call, false)
    }
    return answer
  }

  /** In a log, a descriptor that a call has given and nobody here has: what is done with it later is not modelled either. */
  #absent({ names }: Member, name: string, expected: Expected): void {
    if (this.#stage.guide === undefined || expected.kind !== 'value' || expected.value < 0n) return
    if (givesDescriptor(name)) names.files.numbers.bind(expected.value, absentDescriptor + expected.value)
  }

  async #children(member: Member, call: Syscall, answer: Answer, expected: Expected | undefined): Promise<void> {
    if (answer.kind === 'gone' || answer.child === undefined) return
    const announced = expected?.kind === 'value' ? Number(expected.value) : undefined
    const outside = expected?.kind === 'value' ? expected.outside : undefined
    this.#cast.born(member, call, answer.child, announced, outside)
    // Bound at once: vfork(2) tells its caller only after the child has made use of the number.
    if (announced !== undefined && answer.kind === 'ended' && 'value' in answer.outcome)
      member.names.pids.bind(BigInt(announced), BigInt(answer.outcome.value))
    if (this.#stage.guide && announced !== undefined && outside === undefined && !member.names.childPids.literal)
      await this.#silent.born(this.#stage, answer.child.actor, announced)
  }

  #judge(
    line: CallLine,
    index: number,
    member: Member,
    call: Syscall,
    outputs: readonly Output[],
    outcome: Outcome,
  ): Omit<Played, 'line' | 'written'> {
    this.#data =
      'data' in outcome && outcome.data ? outcome.data.subarray(0, readLength(call, outcome)) : new Uint8Array(0)
    const actual = print(call, outcome)
    const why = isDenied(outcome) && outcome.rule !== '' ? { rule: outcome.rule, sentence: outcome.sentence } : {}
    if (this.#agrees(line, line.expected, member, call, outputs, outcome))
      return { verdict: line.expected.kind === 'left out' ? 'left out' : 'agrees', actual, ...why }
    const declared = this.#declared(index).find((difference) =>
      this.#agrees(line, difference.expected, member, call, outputs, outcome),
    )
    if (declared) return { verdict: 'declared', actual, declared, ...why }
    const unknown = this.#stage.kind === 'sim' && isDenied(outcome) && outcome.errno === 'ENOSYS'
    return { verdict: unknown ? 'not modelled' : 'differs', actual, ...why }
  }

  /** Differences of the line, and of the one where a waiting call began, that are about this kernel. */
  #declared(index: number): readonly Difference[] {
    const { differences, lines } = this.#scenario
    const line = lines[index] as CallLine
    const all = [...(differences.get(index) ?? []), ...(differences.get(line.begun ?? -1) ?? [])]
    return all.filter(({ on }) => holdsOn(on, this.#stage))
  }

  #agrees(
    line: CallLine,
    expected: Expected,
    member: Member,
    call: Syscall,
    outputs: readonly Output[],
    outcome: Outcome,
  ): boolean {
    if (isDenied(outcome))
      return expected.kind === 'left out' || (expected.kind === 'errno' && expected.errno === outcome.errno)
    if (expected.kind === 'left out') return true
    const { names } = member
    const actual = BigInt(outcome.value)
    if (expected.kind === 'errno') return false
    const anyLength = actual > 0n && expected.value > 0n && isNetlinkAnswer(outputs[0]?.written)
    const ofPids = samePidText(line, call, expected.value, actual, names)
    if (!anyLength && !ofPids && !sameResult(call, expected.value, actual, names)) return false
    note(names, call, line.args, { written: expected.value, actual }, (task) => this.#cast.named(task)?.names.pids)
    notePidfd(names, call, line.args, outcome.data)
    if (call.name === 'rt_sigaction' && call.act) {
      if (call.act.handler > 1) member.handled.add(Number(call.signum))
      else member.handled.delete(Number(call.signum))
    }
    return sameOutputs(line, expected, member, call, outputs, outcome)
  }

  async #end(line: Extract<Line, { kind: 'end' }>): Promise<Played> {
    const member = this.#cast.of(line.task)
    const shown = { line: line.line, written: line.text }
    if (member === undefined) return { ...shown, verdict: 'skipped', actual: 'no such task' }
    let ended = await this.#stage.ended(member.actor)
    if (ended === undefined && this.#stage.guide && line.code !== undefined) {
      // A log of some calls only (strace -e) does not have the one that ends its task.
      await this.#stage.call(member.actor, { name: 'exit_group', status: line.code }, false)
      ended = await this.#stage.ended(member.actor)
    }
    member.gone = true
    // Who has killed it is not in the log.
    if (ended === undefined && this.#stage.guide && line.signal !== undefined)
      return { ...shown, verdict: 'holds', actual: 'killed by somebody else' }
    if (ended === undefined) return { ...shown, verdict: 'fails', actual: 'it goes on living' }
    const signal = line.signal === undefined ? undefined : Number(constant(line.signal) ?? 0n)
    return { ...shown, ...check(sameEnd(ended, line.code, signal), endText(ended), endText(ended)) }
  }

  async #signal(line: Extract<Line, { kind: 'signal' }>): Promise<Played | undefined> {
    const member = this.#cast.of(line.task)
    const signal = Number(constant(line.signal) ?? 0n)
    // Only a handler can tell of it.
    if (member === undefined || !member.handled.has(signal)) return undefined
    let received = await this.#stage.received(member.actor)
    if (this.#stage.guide && !received.includes(signal)) {
      const sender = senderOf(line.info)
      if (sender !== undefined && this.#cast.named(sender)) {
        // Its sender is in the log: it is for the kernel that is played on to bring it.
      } else if (sender === 0) return undefined
      else {
        this.#stage.guide.signalled(member.actor, signal)
        received = await this.#stage.received(member.actor)
      }
    }
    const text = `received: ${received.map(signalName).join(' ') || 'nothing'}`
    return { line: line.line, written: line.text, ...check(received.includes(signal), text, text) }
  }
}

const check = (holds: boolean, yes: string, no: string): { verdict: Verdict; actual: string } =>
  holds ? { verdict: 'holds', actual: yes } : { verdict: 'fails', actual: no }

const readLength = (call: Syscall, { value }: { value: number }): number | undefined =>
  call.name === 'read' || call.name === 'pread64' ? value : undefined

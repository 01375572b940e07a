// Plays a scenario on a stage and compares every result with what is written.

import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../outcome.ts'
import { Cast, type Member } from './cast.ts'
import { agrees, samePids } from './compare.ts'
import { constant, signalName } from './constants.ts'
import { type Output, type Translated, translate } from './data.ts'
import { note, notePair, resultKind } from './effects.ts'
import { holdsPids } from './names.ts'
import { written } from './output.ts'
import { print } from './print.ts'
import type { Played, Result, Verdict } from './result.ts'
import type { BeginLine, CallLine, Difference, Expected, Line, Scenario } from './scenario.ts'
import type { Answer, Ended, Stage } from './stage.ts'
import { parseValue, type Value } from './value.ts'
import { holdsOn } from './version.ts'

export interface PlayOptions {
  /** Stops after so many calls. */
  readonly until?: number
  readonly onLine?: (played: Played) => void
}

/** The stage must be new; who has opened it closes it. */
export async function play(scenario: Scenario, stage: Stage, options: PlayOptions = {}): Promise<Result> {
  const player = new Player(scenario, stage)
  const played: Played[] = []
  let calls = 0
  for (const [index, line] of scenario.lines.entries()) {
    if (line.kind === 'call' && calls++ >= (options.until ?? Number.POSITIVE_INFINITY)) break
    const result = await player.line(line, index)
    if (result === undefined) continue
    played.push(result)
    options.onLine?.(result)
  }
  return { stage: stage.title, played }
}

/** A call that was begun, until the line where it ends. */
interface Begun {
  readonly translated: Translated
  readonly answer: Answer | undefined
}

class Player {
  readonly #scenario: Scenario
  readonly #stage: Stage
  readonly #cast: Cast
  readonly #begun = new Map<number, Begun>()
  /** What the last call has read. */
  #data: Uint8Array = new Uint8Array(0)

  constructor(scenario: Scenario, stage: Stage) {
    this.#scenario = scenario
    this.#stage = stage
    this.#cast = new Cast(stage.first)
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
      case 'contains': {
        const has = includes(this.#data, line.bytes)
        const text = new TextDecoder().decode(this.#data)
        return { line: line.line, written: line.text, ...check(has !== line.lacks, text, text) }
      }
      case 'unreadable':
        return { line: line.line, written: line.text, verdict: 'not modelled', actual: line.reason }
    }
  }

  async #begin(line: BeginLine, index: number): Promise<Played | undefined> {
    const member = this.#cast.of(line.task)
    if (member === undefined) return undefined
    const end = line.end === undefined ? undefined : (this.#scenario.lines[line.end] as CallLine)
    const translated = translate(line.name, end?.args ?? line.args, member.names)
    if ('unknown' in translated) {
      this.#begun.set(index, { translated, answer: undefined })
      return undefined
    }
    const answer = await this.#stage.call(member.actor, translated.call, true)
    this.#children(member, translated.call, answer, end?.expected)
    this.#begun.set(index, { translated, answer })
    return undefined
  }

  async #call(line: CallLine, index: number): Promise<Played> {
    const member = this.#cast.of(line.task)
    const shown = { line: line.line, written: line.text }
    if (member === undefined || member.gone)
      return { ...shown, verdict: 'skipped', actual: `task ${line.task ?? 'main'} is not there` }
    const begun = line.begun === undefined ? undefined : this.#begun.get(line.begun)
    const translated = begun?.translated ?? translate(line.name, line.args, member.names)
    if ('unknown' in translated) return { ...shown, verdict: 'not modelled', actual: translated.unknown }
    const { call, outputs } = translated
    let answer = begun?.answer ?? (await this.#stage.call(member.actor, call, false))
    if (answer.kind === 'waits' && begun) answer = await this.#stage.collect(member.actor)
    if (!begun) this.#children(member, call, answer, line.expected)
    if (answer.kind === 'gone') member.gone = true
    if (answer.kind !== 'ended') {
      const actual = answer.kind === 'gone' ? 'the task has ended' : print(call, undefined)
      const expected = line.expected.kind === 'left out'
      return { ...shown, verdict: expected ? 'left out' : 'differs', actual }
    }
    return { ...shown, ...this.#judge(line, index, member, call, outputs, answer.outcome) }
  }

  #children(member: Member, call: Syscall, answer: Answer, expected: Expected | undefined): void {
    if (answer.kind === 'gone' || answer.child === undefined) return
    const announced = expected?.kind === 'value' ? Number(expected.value) : undefined
    this.#cast.born(member, call, answer.child, announced, expected?.kind === 'value' ? expected.outside : undefined)
    // Bound at once: vfork(2) tells its caller only after the child has made use of the number.
    if (announced !== undefined && answer.kind === 'ended' && 'value' in answer.outcome)
      member.names.pids.bind(BigInt(announced), BigInt(answer.outcome.value))
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
    if (!sameResult(call, expected.value, actual, names.pids)) return false
    note(names, call, line.args, { written: expected.value, actual }, (task) => this.#cast.named(task)?.names.pids)
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
    const ended = await this.#stage.ended(member.actor)
    member.gone = true
    if (ended === undefined) return { ...shown, verdict: 'fails', actual: 'it goes on living' }
    const signal = line.signal === undefined ? undefined : Number(constant(line.signal) ?? 0n)
    return { ...shown, ...check(sameEnd(ended, line.code, signal), endText(ended), endText(ended)) }
  }

  async #signal(line: Extract<Line, { kind: 'signal' }>): Promise<Played | undefined> {
    const member = this.#cast.of(line.task)
    const signal = Number(constant(line.signal) ?? 0n)
    // Only a handler can tell of it.
    if (member === undefined || !member.handled.has(signal)) return undefined
    const received = await this.#stage.received(member.actor)
    const text = `received: ${received.map(signalName).join(' ') || 'nothing'}`
    return { line: line.line, written: line.text, ...check(received.includes(signal), text, text) }
  }
}

const check = (holds: boolean, yes: string, no: string): { verdict: Verdict; actual: string } =>
  holds ? { verdict: 'holds', actual: yes } : { verdict: 'fails', actual: no }

function sameResult(call: Syscall, expected: bigint, actual: bigint, pids: Member['names']['pids']): boolean {
  switch (resultKind(call)) {
    case 'fd':
      return expected >= 0n
    case 'pid':
      return expected <= 0n || actual <= 0n ? expected === actual : pids.same(expected, actual)
    case 'address':
      return expected !== -1n
    case 'number':
      return expected === actual
  }
}

function sameOutputs(
  line: CallLine,
  expected: Expected,
  { names }: Member,
  call: Syscall,
  outputs: readonly Output[],
  outcome: Extract<Outcome, { value: number }>,
): boolean {
  // Of a call with several outputs, only the first one's bytes come back.
  const [output] = outputs
  const value = outcome.data && written(call, outcome.value, outcome.data)
  if (call.name === 'ppoll' || (call.name as string) === 'poll')
    return value === undefined || agrees(polled(expected), value, names)
  if (output === undefined || value === undefined || numbersOnly(output.written)) return true
  if (/^(pipe2?|socketpair)$/.test(call.name)) {
    notePair(names, output.written, value)
    return true
  }
  const path = 'fd' in call && typeof line.args[0] === 'object' ? pathOf(line.args[0], names) : undefined
  if ((call.name === 'read' || call.name === 'pread64') && holdsPids(path))
    return samePids(output.written, value, names)
  return agrees(output.written, value, names)
}

/** An address instead of what lies there: strace was not asked, or the call has failed. */
const numbersOnly = (value: Value): boolean => value.kind === 'number' || value.kind === 'name'

function pathOf(fd: Value, names: Member['names']): string | undefined {
  return fd.kind === 'number' ? names.files.paths.get(fd.number) : undefined
}

/** `= 1 ([{fd=3, revents=POLLIN}])`; a note of another kind says nothing of descriptors. */
function polled(expected: Expected): Value {
  const text = expected.kind === 'value' ? /^\[.*?\](?=$|, left)/.exec(expected.note ?? '')?.[0] : undefined
  return text === undefined ? { kind: 'anything' } : parseValue(text)
}

const readLength = (call: Syscall, { value }: { value: number }): number | undefined =>
  call.name === 'read' || call.name === 'pread64' ? value : undefined

function sameEnd(ended: Ended, code: number | undefined, signal: number | undefined): boolean {
  if (ended.code === undefined && ended.signal === undefined) return true
  return signal === undefined ? ended.code === code && !ended.signal : ended.signal === signal
}

function endText({ code, signal }: Ended): string {
  if (signal) return `killed by ${signalName(signal)}`
  return code === undefined ? 'it has ended' : `exited with ${code}`
}

function includes(data: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at + part.length <= data.length; at++)
    if (part.every((byte, index) => data[at + index] === byte)) return true
  return false
}

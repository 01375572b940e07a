// Classic BPF for seccomp: decisions by system call number as a tree of ranges, comparisons of arguments as its leaves.

import type { Condition, Rule } from './rules.ts'

/** struct sock_filter: what to do, how many instructions to skip when true and when false, the operand. */
export type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number]

/** An action, or rules of which the first that holds decides, else `otherwise`. */
export type Decision = number | { readonly rules: readonly Rule[]; readonly otherwise: number }

/** From `start` on, up to the next range's start, all numbers are decided alike. */
export interface Range {
  readonly start: number
  readonly decision: Decision
}

// linux/bpf_common.h
const load = 0x20
const and = 0x54
const jump = 0x05
const jumpEqual = 0x15
const jumpGreater = 0x25
const jumpGreaterOrEqual = 0x35
const give = 0x06
const farthest = 255

/** Offsets in struct seccomp_data. */
const numberOffset = 0
const architectureOffset = 4
const argumentsOffset = 16

export const loadNumber: Instruction = [load, 0, 0, numberOffset]
export const loadArchitecture: Instruction = [load, 0, 0, architectureOffset]

export function giveAction(action: number): Instruction {
  return [give, 0, 0, action]
}

/** An instruction whose targets are still words: the next one, or where the test is answered. */
type Target = 'next' | 'yes' | 'no'
type Draft = readonly [code: number, whenTrue: Target, whenFalse: Target, operand: number]

/** Both halves are compared, the high one first; a half that the mask hides is not. Narrow: the low half alone. */
function drafts(condition: Condition, narrow: boolean): readonly Draft[] {
  const { test, high, low, maskHigh, maskLow } = condition
  const lowOffset = argumentsOffset + 8 * condition.index
  const loaded = (offset: number, mask: number): Draft[] => [
    [load, 'next', 'next', offset],
    ...(mask === 0xffffffff ? [] : [[and, 'next', 'next', mask] as const]),
  ]
  const lowTest = { equal: jumpEqual, greater: jumpGreater, greaterOrEqual: jumpGreaterOrEqual }[test]
  const out: Draft[] = []
  if (!narrow && maskHigh !== 0) {
    out.push(...loaded(lowOffset + 4, maskHigh))
    if (test !== 'equal') out.push([jumpGreater, 'yes', 'next', high])
    out.push([jumpEqual, maskLow === 0 ? 'yes' : 'next', 'no', high])
  }
  if (maskLow !== 0) out.push(...loaded(lowOffset, maskLow), [lowTest, 'yes', 'no', low])
  return out
}

/** A condition whose mask hides everything that is compared always holds. */
export function isTrivial(condition: Condition, narrow: boolean): boolean {
  return condition.maskLow === 0 && (narrow || condition.maskHigh === 0)
}

/** One rule: falls through to what follows it when a condition does not hold. */
function ruleInstructions(rule: Rule, narrow: boolean): Instruction[] {
  const parts = rule.conditions.map((condition) => drafts(condition, narrow))
  const failed = parts.reduce((sum, part) => sum + part.length, 0) + 1
  const out: Instruction[] = []
  for (const [index, part] of parts.entries()) {
    const passed = out.length + part.length
    const holdsWhen = rule.conditions[index]!.holdsWhen
    for (const [code, whenTrue, whenFalse, operand] of part) {
      const skip = (target: Target) =>
        target === 'next' ? 0 : ((target === 'yes') === holdsWhen ? passed : failed) - out.length - 1
      out.push([code, skip(whenTrue), skip(whenFalse), operand])
    }
  }
  out.push(giveAction(rule.action))
  return out
}

function leaf(decision: Decision, narrow: boolean): Instruction[] {
  if (typeof decision === 'number') return [giveAction(decision)]
  return [...decision.rules.flatMap((rule) => ruleInstructions(rule, narrow)), giveAction(decision.otherwise)]
}

/** Skips `body` unless the accumulator passes the test. */
function guarded(code: number, operand: number, body: readonly Instruction[], passes: boolean): Instruction[] {
  if (body.length <= farthest)
    return [passes ? [code, 0, body.length, operand] : [code, body.length, 0, operand], ...body]
  // Conditional jumps count in eight bits; an unconditional one carries the rest of the way.
  return [passes ? [code, 1, 0, operand] : [code, 0, 1, operand], [jump, 0, 0, body.length], ...body]
}

/** A binary search over the ranges for the number in the accumulator. The first range must start at 0. */
export function rangeTree(ranges: readonly Range[], isNarrow: (start: number) => boolean): Instruction[] {
  const build = (from: number, to: number): Instruction[] => {
    const first = ranges[from]!
    if (to - from === 1) return leaf(first.decision, isNarrow(first.start))
    const middle = (from + to) >> 1
    const lower = build(from, middle)
    const upper = build(middle, to)
    return guarded(jumpGreaterOrEqual, ranges[middle]!.start, lower, false).concat(upper)
  }
  return build(0, ranges.length)
}

/** `body` for one architecture, which must end in a return; others skip it. The accumulator has the architecture. */
export function forArchitecture(audit: number, body: readonly Instruction[]): Instruction[] {
  return guarded(jumpEqual, audit, body, true)
}

/** The bytes that seccomp(2) takes: little-endian struct sock_filter. */
export function encodeInstructions(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [index, [code, whenTrue, whenFalse, operand]] of instructions.entries()) {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, whenTrue)
    view.setUint8(index * 8 + 3, whenFalse)
    view.setUint32(index * 8 + 4, operand, true)
  }
  return bytes
}

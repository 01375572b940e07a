// Classic BPF for seccomp: decisions by system call number as a search over ranges, comparisons of arguments as its leaves.

import type { Condition, Rule } from './rules.ts'

/** struct sock_filter: what to do, how many instructions to skip when true and when false, the operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number]

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
/** Conditional jumps count in eight bits; two are left for instructions that come between. */
const farthest = 253

/** Offsets in struct seccomp_data. */
const numberOffset = 0
const architectureOffset = 4
const argumentsOffset = 16

/** Where a jump leads: an instruction, by its distance from the program's end, or a return of an action. */
export type Target = number | { readonly action: number }

/** A program that is written from its end to its start, so that every jump leads to what is already there. */
export class Assembler {
  readonly #reversed: Instruction[] = []
  /** The latest return of each action: nearby jumps share it. */
  readonly #returns = new Map<number, number>()

  #push(code: number, whenTrue: number, whenFalse: number, operand: number): number {
    return this.#reversed.push([code, whenTrue, whenFalse, operand])
  }

  #give(action: number): number {
    const at = this.#push(give, 0, 0, action)
    this.#returns.set(action, at)
    return at
  }

  /** A place that the next instruction can reach and that leads to `target`. */
  #near(target: Target): number {
    const last = this.#reversed.length
    // An unconditional jump has 32 bits and carries the rest of the way.
    if (typeof target === 'number') return last - target <= farthest ? target : this.#push(jump, 0, 0, last - target)
    const shared = this.#returns.get(target.action)
    return shared !== undefined && last - shared <= farthest ? shared : this.#give(target.action)
  }

  #branch(code: number, operand: number, whenTrue: Target, whenFalse: Target): number {
    const yes = this.#near(whenTrue)
    const no = this.#near(whenFalse)
    const last = this.#reversed.length
    return this.#push(code, last - yes, last - no, operand)
  }

  /** Loads, masks and compares a half of an argument. */
  #compare(offset: number, mask: number, code: number, operand: number, whenTrue: Target, whenFalse: Target): number {
    this.#branch(code, operand, whenTrue, whenFalse)
    if (mask !== 0xffffffff) this.#push(and, 0, 0, mask)
    return this.#push(load, 0, 0, offset)
  }

  /** Both halves are compared, the high one first; a half that the mask hides is not. Narrow: the low half alone. */
  #condition(condition: Condition, narrow: boolean, holds: Target, fails: Target): Target {
    const { test, high, low, maskHigh, maskLow } = condition
    const offset = argumentsOffset + 8 * condition.index
    const [yes, no] = condition.holdsWhen ? [holds, fails] : [fails, holds]
    const lowTest = { equal: jumpEqual, greater: jumpGreater, greaterOrEqual: jumpGreaterOrEqual }[test]
    const lower = maskLow === 0 ? yes : this.#compare(offset, maskLow, lowTest, low, yes, no)
    if (narrow || maskHigh === 0) return lower
    if (test === 'equal') return this.#compare(offset + 4, maskHigh, jumpEqual, high, lower, no)
    const equal = this.#branch(jumpEqual, high, lower, no)
    return this.#compare(offset + 4, maskHigh, jumpGreater, high, yes, equal)
  }

  #decision(decision: Decision, narrow: boolean): Target {
    if (typeof decision === 'number') return { action: decision }
    let entry: Target = { action: decision.otherwise }
    for (const rule of decision.rules.toReversed()) {
      const fails = entry
      entry = { action: rule.action }
      for (const condition of rule.conditions.toReversed()) entry = this.#condition(condition, narrow, entry, fails)
    }
    return entry
  }

  /** A binary search over ranges for the call's number; the first must start at the least number there is. */
  #search(ranges: readonly Range[], from: number, to: number, isNarrow: (start: number) => boolean): Target {
    const middle = (from + to) >> 1
    if (middle === from) return this.#decision(ranges[from]!.decision, isNarrow(ranges[from]!.start))
    const upper = this.#search(ranges, middle, to, isNarrow)
    const lower = this.#search(ranges, from, middle, isNarrow)
    return this.#branch(jumpGreaterOrEqual, ranges[middle]!.start, upper, lower)
  }

  /** Puts before the program: a call of this architecture is decided by `ranges`, another by `others`. */
  architecture(audit: number, ranges: readonly Range[], isNarrow: (start: number) => boolean, others: Target): Target {
    const search = this.#search(ranges, 0, ranges.length, isNarrow)
    // A load goes on with what follows it: that must be where the search starts.
    if (typeof search !== 'number') this.#give(search.action)
    else if (search !== this.#reversed.length) this.#push(jump, 0, 0, this.#reversed.length - search)
    const number = this.#push(load, 0, 0, numberOffset)
    return this.#branch(jumpEqual, audit, number, others)
  }

  /**
   * The bytes that seccomp(2) takes: struct sock_filter in the order of this machine's bytes, which is that of every
   * machine compiled for. The last `architecture` is asked first.
   */
  finish(): Uint8Array {
    this.#push(load, 0, 0, architectureOffset)
    const length = this.#reversed.length
    const words = new Uint32Array(length * 2)
    for (let index = 0; index < length; index++) {
      const [code, whenTrue, whenFalse, operand] = this.#reversed[length - 1 - index]!
      words[index * 2] = code | (whenTrue << 16) | (whenFalse << 24)
      words[index * 2 + 1] = operand
    }
    return new Uint8Array(words.buffer)
  }
}

/** A condition whose mask hides everything that is compared always holds. */
export function isTrivial(condition: Condition, narrow: boolean): boolean {
  return condition.maskLow === 0 && (narrow || condition.maskHigh === 0)
}

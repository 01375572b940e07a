// Where a function may be suspended: its calls that may not come back at once, numbered from 1 on, and the blocks that are around
// them. Instructions that are never reached are left out.

import { Reader } from './binary.ts'
import type { Body } from './function-body.ts'
import { type Instruction, op } from './instructions.ts'

/** Sites that stand beside each other in a list of instructions: a call, or a block with all that are in it. */
export interface Place {
  readonly first: number
  readonly last: number
}

/** By its parts: the body of a block or loop, or the two branches of an `if`. */
export interface Parts {
  readonly main: Place[]
  readonly other: Place[]
}

export interface Sites {
  /** Those that are reached, and where each ends. */
  readonly instructions: readonly Instruction[]
  readonly ends: readonly number[]
  readonly count: number
  /** By number of a call among `instructions`. */
  readonly calls: ReadonlyMap<number, number>
  /** By number of what begins it among `instructions`; for blocks that have some. -1 is the function. */
  readonly blocks: ReadonlyMap<number, Parts>
}

const jumps = new Set<number>([op.unreachable, op.br, op.brTable, op.return, op.returnCall, op.returnCallIndirect])
export const begins = (code: number): boolean => code === op.block || code === op.loop || code === op.if

/** Without what stands behind a jump, up to the end of the block. */
function reached({ instructions, end }: Body): { instructions: Instruction[]; ends: number[] } {
  const found: Instruction[] = []
  const ends: number[] = []
  let dead = false
  let inside = 0
  for (const [at, instruction] of instructions.entries()) {
    const { code } = instruction
    if (dead && begins(code)) inside += 1
    else if (dead && inside > 0) inside -= code === op.end ? 1 : 0
    else if (!dead || code === op.end || code === op.else) {
      found.push(instruction)
      ends.push(instructions[at + 1]?.start ?? end)
      dead = jumps.has(code)
    }
  }
  return { instructions: found, ends }
}

/** @param suspends - whether a call may not come back at once */
export function sitesOf(body: Body, suspends: (call: Instruction) => boolean): Sites {
  const { instructions, ends } = reached(body)
  const calls = new Map<number, number>()
  const blocks = new Map<number, Parts>()
  const open: { at: number; first: number; parts: Parts; part: Place[] }[] = []
  let count = 0
  const begin = (at: number) => {
    const parts: Parts = { main: [], other: [] }
    open.push({ at, first: count + 1, parts, part: parts.main })
  }
  begin(-1)
  for (const [at, instruction] of instructions.entries()) {
    const { code } = instruction
    const inner = open.at(-1)!
    if (begins(code)) begin(at)
    else if (code === op.else) inner.part = inner.parts.other
    else if (code === op.end) {
      open.pop()
      if (count < inner.first) continue
      blocks.set(inner.at, inner.parts)
      open.at(-1)?.part.push({ first: inner.first, last: count })
    } else if (code >= op.call && code <= op.returnCallIndirect && suspends(instruction)) {
      count += 1
      calls.set(at, count)
      inner.part.push({ first: count, last: count })
    }
  }
  return { instructions, ends, count, calls, blocks }
}

/** The type that an indirect call has. */
export const typeOfCall = (bytes: Uint8Array, { immediates }: Instruction): number =>
  new Reader(bytes, immediates).u32()

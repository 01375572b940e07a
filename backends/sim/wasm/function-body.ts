// One function of a module, taken apart: its local variables, its instructions, and the straight runs that these fall into.

import { ModuleError, Reader } from './binary.ts'
import { type Instruction, op, readInstruction } from './instructions.ts'

export interface Body {
  readonly bytes: Uint8Array
  /** Its own locals, as they are written, without the number of groups. */
  readonly groups: Uint8Array
  readonly groupCount: number
  /** Parameters and locals. */
  readonly locals: number
  readonly instructions: readonly Instruction[]
  /** Where the last instruction ends. */
  readonly end: number
}

/** @errors ModuleError for what is refused by name */
export function readBody(bytes: Uint8Array, start: number, end: number, parameters: number): Body {
  const reader = new Reader(bytes, start, end)
  const groupCount = reader.u32()
  const groupsStart = reader.position
  let locals = parameters
  for (let count = groupCount; count > 0; count--) {
    locals += reader.u32()
    reader.byte()
  }
  // As much as engines take.
  if (locals > 50_000) throw new ModuleError('a function of the module has more than 50000 local variables')
  const groups = bytes.subarray(groupsStart, reader.position)
  const instructions: Instruction[] = []
  while (!reader.done) {
    const instruction: Instruction = { code: 0, number: 0, start: 0, immediates: 0, index: 0 }
    readInstruction(reader, instruction)
    instructions.push(instruction)
  }
  if (instructions.at(-1)?.code !== op.end) throw new ModuleError('a function of the module has no end')
  return { bytes, groups, groupCount, locals, instructions, end }
}

export interface Runs {
  /** Instructions before the first place that is jumped to or from. */
  readonly first: number
  /** By the instruction that such a place is: how many follow it up to the next one. */
  readonly behind: ReadonlyMap<number, number>
}

/** What has run when a straight run begins will have run to its end, so that each is counted once, at its beginning. */
export function runsOf(instructions: readonly Instruction[]): Runs {
  const behind = new Map<number, number>()
  const meetings = meetingsOf(instructions)
  let place = -1
  let count = 0
  let first: number | undefined
  for (const [at, { code }] of instructions.entries()) {
    count += 1
    if (!parts.has(code) && !meetings.has(at)) continue
    if (place < 0) first = count
    else behind.set(place, count)
    place = at
    count = 0
  }
  if (place < 0) first = count
  else behind.set(place, count)
  return { first: first!, behind }
}

const parts = new Set<number>([
  op.loop,
  op.if,
  op.else,
  op.br,
  op.brIf,
  op.brTable,
  op.return,
  op.unreachable,
  op.returnCall,
  op.returnCallIndirect,
])

/** The `end`s at which different ways meet: of every `if`, and of blocks that are branched out of. */
function meetingsOf(instructions: readonly Instruction[]): Set<number> {
  const found = new Set<number>()
  const open: { loop: boolean; met: boolean }[] = [{ loop: false, met: true }]
  for (const [at, { code, index }] of instructions.entries()) {
    if (code === op.block || code === op.loop || code === op.if)
      open.push({ loop: code === op.loop, met: code === op.if })
    else if (code === op.br || code === op.brIf) {
      const label = open.at(-1 - index)
      if (label && !label.loop) label.met = true
    } else if (code === op.brTable) {
      for (const label of open) if (!label.loop) label.met = true
    } else if (code === op.end && open.pop()?.met) found.add(at)
  }
  return found
}

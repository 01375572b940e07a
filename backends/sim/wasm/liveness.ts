// Which local variables of a function are read again behind a call that it may be suspended in, as far as the way there can be
// told: the others need not be kept. From the end to the beginning; a loop twice, for what its beginning reads is read behind
// its end.

import { Reader } from './binary.ts'
import { type Instruction, op } from './instructions.ts'
import { begins, type Sites } from './sites.ts'

/** Functions with blocks in more blocks than this keep everything. */
const nestingMost = 500

/** One bit for each variable. */
type Bits = Uint32Array

const unite = (to: Bits, from: Bits) => {
  for (let at = 0; at < to.length; at++) to[at]! |= from[at]!
}

/** @param count - of the variables. Answers the numbers of those that are kept. */
export function liveLocals(bytes: Uint8Array, sites: Sites, count: number): Set<number> {
  const { instructions } = sites
  const blocks = blocksOf(instructions)
  if (!blocks) return new Set(Array(count).keys())
  const none = () => new Uint32Array((count + 31) >> 5)
  const kept = none()
  /** What is read behind each label. */
  const labels: Bits[] = []

  const inside = (label: Bits, first: number, end: number, live: Bits, last: boolean): void => {
    labels.push(label)
    back(first, end, live, last)
    labels.pop()
  }
  /** From `end` to `first`, changing `live`. @param last - the labels are known: what calls need is found out */
  const back = (first: number, end: number, live: Bits, last: boolean): void => {
    for (let at = end - 1; at >= first; at--) {
      const instruction = instructions[at]!
      const { code, index } = instruction
      if (code === op.localGet) live[index >> 5]! |= 1 << index
      else if (code === op.localSet || code === op.localTee) live[index >> 5]! &= ~(1 << index)
      else if (code === op.end) {
        const [begin, middle] = blocks.get(at)!
        around(begin, middle, at, live, last)
        at = begin
      } else if (code === op.brIf) unite(live, labels.at(-1 - index)!)
      else if (code === op.br) live.set(labels.at(-1 - index)!)
      else if (code === op.brTable) branches(instruction, live)
      else if (code === op.return || code === op.unreachable) live.fill(0)
      else if (code === op.returnCall || code === op.returnCallIndirect) live.fill(0)
      if (last && sites.calls.has(at)) unite(kept, live)
    }
  }
  const around = (begin: number, middle: number | undefined, end: number, live: Bits, last: boolean): void => {
    const { code } = instructions[begin]!
    const behind = live.slice()
    if (code === op.loop) {
      inside(none(), begin + 1, end, live, false)
      if (last) inside(live, begin + 1, end, behind, true)
    } else if (code === op.block) inside(behind, begin + 1, end, live, last)
    else {
      const other = live.slice()
      if (middle !== undefined) inside(behind, middle + 1, end, other, last)
      inside(behind, begin + 1, middle ?? end, live, last)
      unite(live, other)
    }
  }
  const branches = ({ immediates }: Instruction, live: Bits): void => {
    live.fill(0)
    const reader = new Reader(bytes, immediates)
    for (let more = reader.u32(); more >= 0; more--) unite(live, labels.at(-1 - reader.u32())!)
  }
  inside(none(), 0, instructions.length - 1, none(), true)
  return new Set([...Array(count).keys()].filter((local) => kept[local >> 5]! & (1 << local)))
}

/** By number of its `end`: what begins a block, and its `else`. */
function blocksOf(instructions: readonly Instruction[]): Map<number, [number, number | undefined]> | undefined {
  const found = new Map<number, [number, number | undefined]>()
  const open: [number, number | undefined][] = [[-1, undefined]]
  for (const [at, { code }] of instructions.entries()) {
    if (begins(code)) open.push([at, undefined])
    else if (code === op.else) open.at(-1)![1] = at
    else if (code === op.end) found.set(at, open.pop()!)
    if (open.length > nestingMost) return undefined
  }
  return found
}

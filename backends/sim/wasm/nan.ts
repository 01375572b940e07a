// Which values may be a NaN whose bits depend on the processor, and where those bits could be seen: there they are made
// canonical. WebAssembly 2.0, section 4.3.3 (NaN propagation) leaves them open. A local variable may hold such a NaN; whoever
// looks at its bits gets a canonical one.

import { type Instruction, op } from './instructions.ts'

export type Shape = 'f32' | 'f64' | 'f32x4' | 'f64x2'

/** ceil to nearest, sqrt to max of both widths, and demote and promote. */
const isScalar32 = (code: number) => (code >= 0x8d && code <= 0x97) || code === 0xb6
const isScalar64 = (code: number) => (code >= 0x9b && code <= 0xa5) || code === 0xbb

const vectors32 = new Set([0x67, 0x68, 0x69, 0x6a, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0x5e])
const vectors64 = new Set([0x74, 0x75, 0x7a, 0x94, 0xef, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0x5f])

/** The shape of a result that may be such a NaN; undefined for all others. */
function uncertainShape({ code, number }: Instruction): Shape | undefined {
  if (isScalar32(code)) return 'f32'
  if (isScalar64(code)) return 'f64'
  if (code !== op.vector) return undefined
  return vectors32.has(number) ? 'f32x4' : vectors64.has(number) ? 'f64x2' : undefined
}

/** Values that a plain instruction takes; undefined for those that are not followed. */
export function taken(code: number): number | undefined {
  if (code === op.localGet || code === op.globalGet || (code >= op.i32Const && code <= op.f64Const)) return 0
  // Loads.
  if (code >= 0x28 && code <= 0x35) return 1
  if (code === 0x45 || code === 0x50) return 1
  if (code >= 0x46 && code <= 0x66) return 2
  if (code < 0x67 || code > 0xc4) return undefined
  const unary =
    code <= 0x69 ||
    (code >= 0x79 && code <= 0x7b) ||
    (code >= 0x8b && code <= 0x91) ||
    (code >= 0x99 && code <= 0x9f) ||
    code >= 0xa7
  return unary ? 1 : 2
}

/** Comparisons and conversions to whole numbers: a NaN is a NaN to them. */
const looksAtNoBits = (code: number) =>
  (code >= 0x5b && code <= 0x66) || (code >= 0xa8 && code <= 0xab) || (code >= 0xae && code <= 0xb1)

/**
 * Whether the result of instruction `at` goes straight into one that does not look at its bits, and whose own result is made
 * canonical where it may be one again.
 */
function goesIntoArithmetic(instructions: readonly Instruction[], at: number): boolean {
  let above = 0
  for (let next = at + 1; next < instructions.length; next++) {
    const instruction = instructions[next]!
    const { code } = instruction
    const takes = taken(code)
    if (takes === undefined) return false
    if (takes > above) return uncertainShape(instruction) !== undefined || looksAtNoBits(code)
    above += 1 - takes
  }
  return false
}

/** By instruction: the shape of its result, which has to be made canonical at once. */
export function uncertainResults(instructions: readonly Instruction[]): Map<number, Shape> {
  const found = new Map<number, Shape>()
  if (!instructions.some((instruction) => uncertainShape(instruction))) return found
  const held = uncertainLocals(instructions)
  for (const [at, instruction] of instructions.entries()) {
    const shape = shapeOf(instruction, held)
    const next = instructions[at + 1]?.code
    if (shape && next !== op.localSet && next !== op.localTee && !goesIntoArithmetic(instructions, at))
      found.set(at, shape)
  }
  return found
}

const shapeOf = (instruction: Instruction, held: ReadonlyMap<number, Shape>): Shape | undefined =>
  instruction.code === op.localGet || instruction.code === op.localTee
    ? held.get(instruction.index)
    : uncertainShape(instruction)

/** Local variables that may hold such a NaN, since one was put into them, or what another one held. */
function uncertainLocals(instructions: readonly Instruction[]): Map<number, Shape> {
  const held = new Map<number, Shape>()
  for (let before = -1; before !== held.size; ) {
    before = held.size
    for (const [at, { code, index }] of instructions.entries()) {
      if ((code !== op.localSet && code !== op.localTee) || at === 0 || held.has(index)) continue
      const shape = shapeOf(instructions[at - 1]!, held)
      if (shape) held.set(index, shape)
    }
  }
  return held
}

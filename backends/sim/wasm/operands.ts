// What plain instructions take from the stack of operands, and leave on it: the module is valid, so that how many they take is all
// that has to be known. WebAssembly 2.0, section 3.3

import { Reader } from './binary.ts'
import { type Instruction, op } from './instructions.ts'

export const valueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, funcref: 0x70, externref: 0x6f }
const { i32, i64, f32, f64, v128 } = valueType

/** Types of what is not on the stack itself, by number. */
export interface Around {
  readonly locals: readonly number[]
  readonly globals: readonly { readonly type: number }[]
  readonly tables: readonly { readonly type: number }[]
}

type Effect = readonly [takes: number, leaves: number]
const none = 0

/** By code, up to and with the first number. */
const plain: readonly (readonly [last: number, takes: number, leaves: number])[] = [
  [0x45, 1, i32],
  [0x4f, 2, i32],
  [0x50, 1, i32],
  [0x66, 2, i32],
  [0x69, 1, i32],
  [0x78, 2, i32],
  [0x7b, 1, i64],
  [0x8a, 2, i64],
  [0x91, 1, f32],
  [0x98, 2, f32],
  [0x9f, 1, f64],
  [0xa6, 2, f64],
  [0xab, 1, i32],
  [0xb1, 1, i64],
  [0xb6, 1, f32],
  [0xbb, 1, f64],
  [0xbc, 1, i32],
  [0xbd, 1, i64],
  [0xbe, 1, f32],
  [0xbf, 1, f64],
  [0xc1, 1, i32],
  [0xc4, 1, i64],
]

const effects: readonly (Effect | undefined)[] = Array.from({ length: 256 }, (_, code): Effect | undefined => {
  if (code === op.drop) return [1, none]
  if (code === op.nop) return [0, none]
  if (code >= 0x28 && code <= 0x35) return [1, [i32, i64, f32, f64][code - 0x28] ?? (code < 0x30 ? i32 : i64)]
  if (code >= 0x36 && code <= 0x3e) return [2, none]
  if (code === 0x3f) return [0, i32]
  if (code === op.memoryGrow) return [1, i32]
  if (code >= op.i32Const && code <= op.f64Const) return [0, [i32, i64, f32, f64][code - op.i32Const]!]
  if (code === 0xd1) return [1, i32]
  if (code === op.refFunc) return [0, valueType.funcref]
  const range = code < 0x45 ? undefined : plain.find(([last]) => code <= last)
  return range && [range[1], range[2]]
})

/** Of a vector, by number: those that take one operand, and those whose result is none. */
const unary = [
  ...[...Array(11).keys(), 15, 16, 17, 18, 19, 20, 77, 92, 93, 94, 95, 96, 97, 98, 103, 104, 105, 106, 116, 117, 122],
  ...[
    124, 125, 126, 127, 128, 129, 135, 136, 137, 138, 148, 160, 161, 167, 168, 169, 170, 192, 193, 199, 200, 201, 202,
  ],
  ...[224, 225, 227, 236, 237, 239, 248, 249, 250, 251, 252, 253, 254, 255],
]
const toNumber = new Map<number, number>([
  ...[21, 22, 24, 25, 27, 83, 99, 100, 131, 132, 163, 164, 195, 196].map((number) => [number, i32] as const),
  [29, i64],
  [31, f32],
  [33, f64],
])
const vectors: readonly Effect[] = Array.from({ length: 256 }, (_, number): Effect => {
  if (number === 11 || (number >= 88 && number <= 91)) return [2, none]
  if (number === 12) return [0, v128]
  if (number === 82) return [3, v128]
  const leaves = toNumber.get(number)
  return leaves ? [1, leaves] : [unary.includes(number) ? 1 : 2, v128]
})

/** Behind op.more: conversions, then memory and tables. */
function more(number: number): Effect {
  if (number < 8) return [1, number < 4 ? i32 : i64]
  return number === 9 ? [0, none] : number === 16 ? [0, i32] : [3, none]
}

/** Does with the types on the stack what the instruction does with the values; not for those of control, or calls. */
export function apply(instruction: Instruction, bytes: Uint8Array, stack: number[], around: Around): void {
  const { code, index, number } = instruction
  if (code === op.localGet) stack.push(around.locals[index]!)
  else if (code === op.localSet || code === op.globalSet) stack.pop()
  else if (code === op.globalGet) stack.push(around.globals[index]!.type)
  // The two values that are chosen from have one type.
  else if (code === 0x1b || code === 0x1c) stack.length -= 2
  else if (code === 0x25) stack[stack.length - 1] = around.tables[new Reader(bytes, instruction.immediates).u32()]!.type
  else if (code === 0xd0) stack.push(bytes[instruction.immediates]!)
  else if (code !== op.localTee) {
    const [takes, leaves] = code === op.more ? more(number) : code === op.vector ? vectors[number]! : effects[code]!
    stack.length -= takes
    if (leaves !== none) stack.push(leaves)
  }
}

// What a suspended function keeps of itself in memory: the number of the call that it stopped in, and its variables. Frames lie one
// behind the other, that of the innermost function first; two numbers before them say where the next one goes and where room ends.

import { ModuleError, type Writer } from './binary.ts'
import { op } from './instructions.ts'
import { valueType } from './operands.ts'

/** What the global says is going on. */
export const going = { plain: 0, unwinding: 1, rewinding: 2 } as const

export interface Frame {
  /** Globals: what is going on, and the address of the two numbers. */
  readonly state: number
  readonly frames: number
  /** The function that says that there is no room. */
  readonly overflow: number | undefined
  /** Local variables: the number of the call, and one for an address. */
  readonly resume: number
  readonly place: number
  /** Those that are kept, and their types. */
  readonly locals: readonly (readonly [local: number, type: number])[]
  /** Of the function: stands last in its frame, where a module has tail calls. */
  readonly named: number | undefined
}

interface Kept {
  readonly bytes: number
  readonly load: readonly number[]
  readonly store: readonly number[]
  readonly zero: readonly number[]
}

const { i32, i64, f32, f64, v128 } = valueType
const kept: ReadonlyMap<number, Kept> = new Map([
  [i32, { bytes: 4, load: [0x28], store: [0x36], zero: [op.i32Const, 0] }],
  [i64, { bytes: 8, load: [0x29], store: [0x37], zero: [op.i64Const, 0] }],
  [f32, { bytes: 4, load: [0x2a], store: [0x38], zero: [op.f32Const, 0, 0, 0, 0] }],
  [f64, { bytes: 8, load: [0x2b], store: [0x39], zero: [op.f64Const, 0, 0, 0, 0, 0, 0, 0, 0] }],
  [v128, { bytes: 16, load: [op.vector, 0], store: [op.vector, 11], zero: [op.vector, 12, ...Array(16).fill(0)] }],
])

function keptAs(type: number): Kept {
  const known = kept.get(type)
  if (!known) throw new ModuleError('a function of the module holds a reference while it waits, which cannot be saved')
  return known
}

const bytesOf = ({ locals, named }: Frame) =>
  locals.reduce((bytes, [, type]) => bytes + keptAs(type).bytes, named === undefined ? 4 : 8)

/** Something of a type: a number, or a reference to nothing. */
export const zeroOf = (type: number): readonly number[] => kept.get(type)?.zero ?? [0xd0, type]

/** Addresses are multiples of 4. */
const aligned = 2

/** At the beginning of a function: it takes back its frame when everything goes on. */
export function writeRewinding(frame: Frame, code: Writer): void {
  const { state, frames, resume, place, locals } = frame
  code.byte(op.globalGet).u32(state).byte(op.i32Const, going.rewinding, 0x46, op.if, 0x40)
  code.byte(op.globalGet).u32(frames).byte(op.globalGet).u32(frames).byte(0x28, aligned, 0)
  code.byte(op.i32Const).s32(bytesOf(frame)).byte(op.i32Sub, op.localTee).u32(place).byte(0x36, aligned, 0)
  code.byte(op.localGet).u32(place).byte(0x28, aligned, 0, op.localSet).u32(resume)
  let offset = 4
  for (const [local, type] of locals) {
    const { bytes, load } = keptAs(type)
    code
      .byte(op.localGet)
      .u32(place)
      .byte(...load, aligned)
    code.u32(offset).byte(op.localSet).u32(local)
    offset += bytes
  }
  code.byte(op.end)
}

/** At its end, where the number of the call is on the stack: it keeps its frame, and returns something. */
export function writeUnwinding(frame: Frame, results: Uint8Array, code: Writer): void {
  const { frames, overflow, resume, place, locals, named } = frame
  code.byte(op.localSet).u32(resume)
  code.byte(op.globalGet).u32(frames).byte(0x28, aligned, 0, op.localTee).u32(place)
  code.byte(op.i32Const).s32(bytesOf(frame)).byte(op.i32Add)
  code.byte(op.globalGet).u32(frames).byte(0x28, aligned, 4, op.i32GtU, op.if, 0x40)
  if (overflow !== undefined) code.byte(op.call).u32(overflow)
  code.byte(op.unreachable, op.end)
  code.byte(op.localGet).u32(place).byte(op.localGet).u32(resume).byte(0x36, aligned, 0)
  let offset = 4
  for (const [local, type] of locals) {
    const { bytes, store } = keptAs(type)
    code
      .byte(op.localGet)
      .u32(place)
      .byte(op.localGet)
      .u32(local)
      .byte(...store, aligned)
    code.u32(offset)
    offset += bytes
  }
  if (named !== undefined)
    code.byte(op.localGet).u32(place).byte(op.i32Const).s32(named).byte(0x36, aligned).u32(offset)
  code.byte(op.globalGet).u32(frames).byte(op.localGet).u32(place)
  code.byte(op.i32Const).s32(bytesOf(frame)).byte(op.i32Add, 0x36, aligned, 0)
  for (const type of results) code.byte(...zeroOf(type))
}

// Which memory a function writes to: each store sets the bit of the 64 KiB that it falls into, or of those before them, in a
// number of 64 bits that begins anew behind as many chunks. So that what has not changed need not be looked at.

import { Reader, type Writer } from './binary.ts'
import { bulk, type Instruction, op } from './instructions.ts'
import { taken } from './nan.ts'

export const chunkShift = 16

/** A store: its address is on the stack behind an instruction. */
export interface Mark {
  /** What is to be added to the address, of which the lower bits do not matter. */
  readonly offset: number
  /** The address is in a local variable. */
  readonly local?: number
  /** The address is known. */
  readonly address?: number
  /** The address is under a value of this type. */
  readonly under?: number
}

const isStore = ({ code, number }: Instruction): boolean =>
  (code >= 0x36 && code <= 0x3e) || (code === op.vector && (number === 11 || (number >= 88 && number <= 91)))

export const isBulk = ({ code, number }: Pick<Instruction, 'code' | 'number'>): boolean =>
  code === op.more && (number === bulk.memoryInit || number === bulk.memoryCopy || number === bulk.memoryFill)

/** What it takes and leaves, where it is plain. */
function needs({ code }: Instruction): readonly [number, number] | undefined {
  if (code === op.localTee) return [1, 1]
  if (code === op.localSet || code === op.drop || code === op.globalSet) return [1, 0]
  if (code === 0x1b) return [3, 1]
  const takes = taken(code)
  return takes === undefined ? undefined : [takes, 1]
}

/** The instruction behind which the address of a store is on top of the stack. */
function addressOf(instructions: readonly Instruction[], store: number): number | undefined {
  let wanted = 1
  for (let at = store - 1; at > 0; at--) {
    const [takes, leaves] = needs(instructions[at]!) ?? []
    if (takes === undefined) return undefined
    wanted += takes - leaves!
    if (wanted > 0) continue
    const before = needs(instructions[at - 1]!)
    return before?.[1] === 1 ? at - 1 : undefined
  }
  return undefined
}

const i32 = 0x7f
const valueTypes = [i32, 0x7e, 0x7d, 0x7c, i32, i32, 0x7e, 0x7e, 0x7e]

/** By the instruction behind which, or with `under` before which, they are set. */
export function marksOf(
  bytes: Uint8Array,
  instructions: readonly Instruction[],
  isBoundary: (at: number) => boolean,
): Map<number, Mark> {
  const found = new Map<number, Mark>()
  for (const [at, instruction] of instructions.entries()) {
    if (!isStore(instruction)) continue
    const reader = new Reader(bytes, instruction.immediates)
    reader.u32()
    const offset = (reader.u32() & ~0xffff) >>> 0
    const place = addressOf(instructions, at)
    if (place === undefined) {
      found.set(at, { offset, under: instruction.code === op.vector ? 0x7b : valueTypes[instruction.code - 0x36]! })
      continue
    }
    const { code, index, immediates } = instructions[place]!
    if (code === op.localGet) found.set(place, { offset, local: index })
    else if (code === op.i32Const) {
      const whole = new Reader(bytes, instruction.immediates)
      whole.u32()
      found.set(place, { offset: 0, address: ((new Reader(bytes, immediates).s32() >>> 0) + whole.u32()) % 2 ** 32 })
    } else found.set(place, { offset })
  }
  return withoutDoubles(instructions, found, isBoundary)
}

/** What was marked since the last place that is jumped to or from, or since the last call, need not be marked anew. */
function withoutDoubles(
  instructions: readonly Instruction[],
  marks: Map<number, Mark>,
  isBoundary: (at: number) => boolean,
): Map<number, Mark> {
  const known = new Map<number, Set<number>>()
  for (const [at, { code, index }] of instructions.entries()) {
    if (isBoundary(at)) known.clear()
    else if (code === op.localSet || code === op.localTee) known.delete(index)
    const mark = marks.get(at)
    if (!mark) continue
    const key = mark.local ?? (mark.address === undefined ? undefined : -1)
    if (key === undefined) continue
    const what = mark.address === undefined ? mark.offset : mark.address >>> chunkShift
    const those = known.get(key)
    if (those?.has(what)) marks.delete(at)
    else if (those) those.add(what)
    else known.set(key, new Set([what]))
  }
  return marks
}

/** Sets bits of the number: of a local variable, where a loop sets them, or of the global at once. */
export class Marker {
  readonly #code: Writer
  readonly #global: number
  readonly #local: number | undefined

  constructor(code: Writer, global: number, local: number | undefined) {
    this.#code = code
    this.#global = global
    this.#local = local
  }

  #get(): Writer {
    return this.#local === undefined
      ? this.#code.byte(op.globalGet).u32(this.#global)
      : this.#code.byte(op.localGet).u32(this.#local)
  }

  #or(): void {
    this.#code.byte(op.i64Or)
    if (this.#local === undefined) this.#code.byte(op.globalSet).u32(this.#global)
    else this.#code.byte(op.localSet).u32(this.#local)
  }

  #bit(address: number, offset: number): void {
    this.#code.byte(op.i64Const, 1, op.localGet).u32(address)
    if (offset !== 0)
      this.#code
        .byte(op.i32Const)
        .s32(offset | 0)
        .byte(op.i32Add)
    this.#code.byte(op.i32Const, chunkShift, op.i32ShrU, op.i64ExtendI32U, op.i64Shl)
  }

  at(address: number): void {
    this.#get().byte(op.i64Const, 1, op.i64Const, (address >>> chunkShift) & 63, op.i64Shl)
    this.#or()
  }

  behind(local: number, offset: number): void {
    this.#get()
    this.#bit(local, offset)
    this.#or()
  }

  /** Many bytes: if they are more than a chunk, whatever there is. */
  range(local: number, length: number): void {
    this.#get().byte(op.i64Const, 0x7f)
    this.#bit(local, 0)
    this.#code
      .byte(op.localGet)
      .u32(length)
      .byte(op.i32Const)
      .s32(1 << chunkShift)
      .byte(op.i32GtU, 0x1b)
    this.#or()
  }

  /** Before others look. */
  flush(): void {
    if (this.#local === undefined) return
    this.#code.byte(op.globalGet).u32(this.#global).byte(op.localGet).u32(this.#local)
    this.#code.byte(op.i64Or, op.globalSet).u32(this.#global)
  }

  /** They have looked. */
  begin(): void {
    if (this.#local !== undefined) this.#code.byte(op.i64Const, 0, op.localSet).u32(this.#local)
  }
}

// Calls in the place of a return. They take no room, however many follow each other, so the caller keeps no frame: when it is
// called again because everything goes on, what it had called last is called in its place, which the topmost frame names.

import type { Writer } from './binary.ts'
import { type Instruction, op } from './instructions.ts'
import { listedFunctions } from './listed-functions.ts'
import type { FunctionType, Module } from './sections.ts'
import { zeroOf } from './suspend-frame.ts'

export const isTailCall = ({ code }: Pick<Instruction, 'code'>): boolean =>
  code === op.returnCall || code === op.returnCallIndirect

/** Tells of a tail call whether it may stay one: an import has no frame that would name it. */
export function tailCallsThatStay(module: Module): (call: Instruction) => boolean {
  const listed = listedFunctions(module)
  const isImport = (index: number) => index < module.importedFunctions
  const mayListImport = !listed || [...listed].some(isImport)
  return ({ code, index }) => (code === op.returnCall ? !isImport(index) : !mayListImport)
}

/** Functions with the same results, which can be called in the place of each other. */
export interface TailKind {
  readonly results: Uint8Array
  /** By their number, from low to high. */
  readonly functions: readonly number[]
}

/** @param typeOf - of a function by its number */
export function tailKinds(
  { importedFunctions, functions }: Module,
  typeOf: (index: number) => FunctionType,
  hasTailCalls: boolean,
): TailKind[] {
  const kinds = new Map<string, { results: Uint8Array; functions: number[] }>()
  for (let index = importedFunctions; hasTailCalls && index < importedFunctions + functions.length; index++) {
    const { results } = typeOf(index)
    const known = kinds.get(results.join())
    if (known) known.functions.push(index)
    else kinds.set(results.join(), { results, functions: [index] })
  }
  return [...kinds.values()]
}

/** The number of the function whose frame is the topmost one: what stands last in it. */
export function writeTopmost(frames: number, code: Writer): void {
  code.byte(op.globalGet).u32(frames).byte(0x28, 2, 0, op.i32Const, 4, op.i32Sub, 0x28, 2, 0)
}

/** The body of a function that calls, of its kind, the one whose frame is the topmost. */
export function writeGoOn(
  { functions }: TailKind,
  frames: number,
  typeOf: (index: number) => FunctionType,
  code: Writer,
): void {
  const write = (first: number, end: number) => {
    code.byte(op.localGet, 0, op.i32Const).s32(functions[(first + end) >> 1]!)
    if (end - first === 1) {
      code.byte(notEqual, op.if, 0x40, op.unreachable, op.end)
      for (const type of typeOf(functions[first]!).parameterTypes) code.byte(...zeroOf(type))
      code.byte(op.returnCall).u32(functions[first]!)
    } else {
      code.byte(lessThan, op.if, 0x40)
      write(first, (first + end) >> 1)
      code.byte(op.end)
      write((first + end) >> 1, end)
    }
  }
  code.byte(1, 1, 0x7f)
  writeTopmost(frames, code)
  code.byte(op.localSet, 0)
  write(0, functions.length)
  code.byte(op.end)
}

const [notEqual, lessThan] = [0x47, 0x49]

// Modules that can stop in the midst of a call and go on later, perhaps as a copy: a pass over a module that is metered already. Each
// function that may stop in a call keeps what it knows in a frame in memory, and takes it back (suspend-function.ts).
//
// What it adds are five exports, those that binaryen's asyncify has: `asyncify_start_unwind(frames)`, `asyncify_stop_unwind()`,
// `asyncify_start_rewind(frames)`, `asyncify_stop_rewind()`, `asyncify_get_state()`. `frames` is the address of two numbers:
// where the next frame goes, and where the room for them ends.

import { ModuleError, Reader, Writer } from './binary.ts'
import { op } from './instructions.ts'
import { meterImports } from './meter.ts'
import { valueType } from './operands.ts'
import { copyItems, countOf, type Module, parseModule, sectionOrder } from './sections.ts'
import { going } from './suspend-frame.ts'
import { type Suspension, suspendFunction } from './suspend-function.ts'
import { hasSuspendingTailCalls, suspendingCalls } from './suspending-calls.ts'
import { type TailKind, tailKinds, writeGoOn } from './tail-calls.ts'

const { i32 } = valueType

/** The functions that are added: their name, their type among those that are added, and the state that they set. */
const switches = [
  ['asyncify_start_unwind', 0, going.unwinding],
  ['asyncify_start_rewind', 0, going.rewinding],
  ['asyncify_stop_unwind', 1, going.plain],
  ['asyncify_stop_rewind', 1, going.plain],
  ['asyncify_get_state', 2, undefined],
] as const

interface Whole extends Suspension {
  readonly kinds: readonly TailKind[]
}

/**
 * Adds suspension to a metered module. Every import may suspend.
 *
 * @errors ModuleError when something that cannot be saved would have to be
 */
export function makeSuspendable(bytes: Uint8Array): Uint8Array {
  const module = parseModule(bytes)
  const { types, imports, importedFunctions, functions, globals, sections } = module
  const overflow = imports.findIndex(({ from, name }) => from === meterImports && name === 'overflow')
  const typeOf = (index: number) => types[imports[index]?.type ?? functions[index - importedFunctions]!]!
  const suspends = suspendingCalls(module)
  const hasTailCalls = hasSuspendingTailCalls(module, suspends)
  const kinds = tailKinds(module, typeOf, hasTailCalls)
  const first = importedFunctions + functions.length + switches.length
  const suspension: Whole = {
    module,
    state: globals.length,
    frames: globals.length + 1,
    overflow: overflow < 0 ? undefined : overflow,
    suspends,
    typeOf,
    goesOn: hasTailCalls
      ? (type) => first + kinds.findIndex(({ results }) => results.join() === type.results.join())
      : undefined,
    kinds,
  }
  const out = new Writer(bytes.length * 4).copy(bytes, 0, 8)
  for (const id of sectionOrder) {
    const section = sections.get(id)
    const write = writers[id]
    if (write) out.byte(id).sized((writer) => write(suspension, writer))
    else if (section)
      out
        .byte(id)
        .u32(section.end - section.start)
        .copy(bytes, section.start, section.end)
  }
  return out.bytes.slice()
}

/** Each says how many items there are, copies those that were there, and adds some. */
const items = (id: number, more: number, { bytes, sections }: Module, writer: Writer): Writer => {
  writer.u32(countOf({ bytes, sections }, id) + more)
  copyItems(bytes, sections.get(id), writer)
  return writer
}

const writers: Readonly<Record<number, (suspension: Whole, writer: Writer) => void>> = {
  1: ({ module, kinds }, writer) => {
    items(1, 3 + kinds.length, module, writer).byte(0x60, 1, i32, 0, 0x60, 0, 0, 0x60, 0, 1, i32)
    for (const { results } of kinds) writer.byte(0x60, 0).u32(results.length).copy(results)
  },
  3: ({ module, kinds }, writer) => {
    items(3, switches.length + kinds.length, module, writer)
    for (const [, type] of switches) writer.u32(module.types.length + type)
    for (const at of kinds.keys()) writer.u32(module.types.length + 3 + at)
  },
  6: ({ module }, writer) => {
    items(6, 2, module, writer)
    for (let count = 0; count < 2; count++) writer.byte(i32, 1, op.i32Const, 0, op.end)
  },
  7: ({ module }, writer) => {
    items(7, switches.length, module, writer)
    const first = module.importedFunctions + module.functions.length
    for (const [at, [name]] of switches.entries())
      writer
        .name(name)
        .byte(0)
        .u32(first + at)
  },
  10: writeCode,
}

function writeCode(suspension: Whole, writer: Writer): void {
  const { module, state, frames, kinds, typeOf } = suspension
  const { bytes, functions, importedFunctions, sections } = module
  writer.u32(functions.length + switches.length + kinds.length)
  const section = sections.get(10)
  if (section) {
    const reader = new Reader(bytes, section.start, section.end)
    if (reader.u32() !== functions.length) throw new ModuleError('the module has functions without code')
    for (const at of functions.keys()) {
      const size = reader.u32()
      const start = reader.position
      reader.skip(size)
      suspendFunction([start, start + size], importedFunctions + at, suspension, writer)
    }
  }
  for (const [, type, value] of switches)
    writer.sized((part) => {
      part.u32(0)
      if (type === 0) part.byte(op.localGet, 0, op.globalSet).u32(frames)
      if (value === undefined) part.byte(op.globalGet).u32(state)
      else part.byte(op.i32Const, value, op.globalSet).u32(state)
      part.byte(op.end)
    })
  for (const kind of kinds) writer.sized((part) => writeGoOn(kind, frames, typeOf, part))
}

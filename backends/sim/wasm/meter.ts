// The metering pass: a module that counts what it does. Fuel is taken for each straight run of instructions, `memory.grow` asks
// first, calls that go too deep end, and NaNs have the same bits everywhere. It is applied to everything that runs.
//
// What it adds, all under the name `vitrine:meter`: the imports `pause` (fuel has run out), `grow` (pages -> pages before, or -1)
// and `overflow`; the exported globals `meter:fuel`, `meter:depth` (i32) and `meter:dirty` (i64: where it has written to), and
// every mutable global as `meter:N`.

import { ModuleError, Reader, Writer } from './binary.ts'
import { type Instruction, op, readInstruction } from './instructions.ts'
import { type Added, meterFunction } from './meter-function.ts'
import { copyItems, countOf, type Module, parseModule, sectionOrder } from './sections.ts'
import { tailCallsThatStay } from './tail-calls.ts'

export interface Metered {
  readonly bytes: Uint8Array
  /** Bytes of its memory at the start; undefined when it brings none. */
  readonly memoryBytes: number | undefined
  /** Exports that hold what has to be saved beside memory. */
  readonly globals: readonly string[]
  /** It has a start function: call this export before all others. */
  readonly start: string | undefined
}

export const meterImports = 'vitrine:meter'
export const fuelExport = 'meter:fuel'
export const depthExport = 'meter:depth'
export const dirtyExport = 'meter:dirty'

/** So many entries fit into all tables of a module. */
const tableEntriesMost = 1_000_000
const i32 = 0x7f
const i64 = 0x7e
const v128 = 0x7b

/** @errors ModuleError */
export function meterModule(bytes: Uint8Array): Metered {
  const module = parseModule(bytes)
  checkTables(module)
  const types = new Types(module)
  const first = module.importedFunctions
  const added: Added = {
    pause: first,
    grow: first + 1,
    overflow: first + 2,
    fuel: module.globals.length,
    depth: module.globals.length + 1,
    dirty: module.globals.length + 2,
    functionIndex: (index) => (index < first ? index : index + 3),
    blockType: (results, out) => types.block(results, out),
    staysTail: tailCallsThatStay(module),
  }
  // First, since it finds the types that blocks need.
  const code = writeCode(module, added)
  const saved = module.globals.flatMap(({ mutable, imported, type }, index) => {
    if (!mutable || imported) return []
    if (type === v128 || type === 0x70 || type === 0x6f)
      throw new ModuleError('the module has a mutable global that is no number, which cannot be saved')
    return [index]
  })
  const start = startOf(module)
  const out = new Writer(bytes.length * 2).copy(bytes, 0, 8)
  const put = (id: number, write: (section: Writer) => void) => out.byte(id).sized(write)
  for (const id of sectionOrder) {
    const section = module.sections.get(id)
    if (id === 1) put(id, (w) => types.write(w))
    else if (id === 2) put(id, (w) => writeImports(module, w, types))
    else if (id === 6) put(id, (w) => writeGlobals(module, w, added))
    else if (id === 7) put(id, (w) => writeExports(module, w, added, saved, start))
    else if (id === 9 && section) put(id, (w) => writeElements(module, w, added))
    else if (id === 10 && section) put(id, (w) => w.copy(code.bytes))
    // Its start is called by name, so that it can be interrupted.
    else if (id !== 8 && section)
      out
        .byte(id)
        .u32(section.end - section.start)
        .copy(bytes, section.start, section.end)
  }
  return {
    bytes: out.bytes.slice(),
    memoryBytes: module.memory && module.memory.min * 65536,
    globals: [...saved.map((index) => `meter:${index}`), depthExport],
    start: start === undefined ? undefined : 'meter:start',
  }
}

function checkTables({ tables }: Module): void {
  const entries = tables.reduce((sum, { limits, imported }) => sum + (imported ? 0 : limits.min), 0)
  if (entries > tableEntriesMost)
    throw new ModuleError(`the module has tables of ${entries} entries; ${tableEntriesMost} are allowed`)
}

/** The module's types, those of the added imports, and those of blocks with several results. */
class Types {
  readonly #module: Module
  readonly #more: Uint8Array[] = []
  readonly pause: number
  readonly grow: number

  constructor(module: Module) {
    this.#module = module
    this.pause = module.types.length
    this.grow = module.types.length + 1
  }

  block(results: Uint8Array, out: Writer): void {
    if (results.length === 0) out.byte(0x40)
    else if (results.length === 1) out.byte(results[0]!)
    else {
      let index = this.#more.findIndex((known) => known.join() === results.join())
      if (index < 0) index = this.#more.push(results) - 1
      out.s32(this.#module.types.length + 2 + index)
    }
  }

  write(writer: Writer): void {
    const { bytes, sections, types } = this.#module
    writer.u32(types.length + 2 + this.#more.length)
    copyItems(bytes, sections.get(1), writer)
    writer.byte(0x60, 0, 0).byte(0x60, 1, i32, 1, i32)
    for (const results of this.#more) writer.byte(0x60, 0).u32(results.length).copy(results)
  }
}

function writeImports(module: Module, writer: Writer, types: Types): void {
  writer.u32(countOf(module, 2) + 3)
  copyItems(module.bytes, module.sections.get(2), writer)
  writer.name(meterImports).name('pause').byte(0).u32(types.pause)
  writer.name(meterImports).name('grow').byte(0).u32(types.grow)
  writer.name(meterImports).name('overflow').byte(0).u32(types.pause)
}

function writeGlobals(module: Module, writer: Writer, added: Added): void {
  const section = module.sections.get(6)
  writer.u32(countOf(module, 6) + 3)
  if (section) {
    const reader = new Reader(module.bytes, section.start, section.end)
    for (let count = reader.u32(); count > 0; count--) {
      writer.byte(reader.byte(), reader.byte())
      writeExpression(reader, writer, added)
    }
  }
  // Without fuel nothing runs: whoever starts it gives it some.
  for (let count = 0; count < 2; count++) writer.byte(i32, 1, op.i32Const, 0, op.end)
  writer.byte(i64, 1, op.i64Const, 0, op.end)
}

function writeExpression(reader: Reader, writer: Writer, added: Added): void {
  const instruction: Instruction = { code: 0, number: 0, start: 0, immediates: 0, index: 0 }
  do {
    readInstruction(reader, instruction)
    if (instruction.code === op.refFunc) writer.byte(op.refFunc).u32(added.functionIndex(instruction.index))
    else writer.copy(reader.bytes, instruction.start, reader.position)
  } while (instruction.code !== op.end)
}

function writeExports(
  module: Module,
  writer: Writer,
  added: Added,
  saved: readonly number[],
  start: number | undefined,
): void {
  const section = module.sections.get(7)
  writer.u32(countOf(module, 7) + saved.length + 3 + (start === undefined ? 0 : 1))
  if (section) {
    const reader = new Reader(module.bytes, section.start, section.end)
    for (let count = reader.u32(); count > 0; count--) {
      const name = reader.name()
      if (name.startsWith('meter:')) throw new ModuleError(`the module exports ${name}, a name that is not free`)
      const kind = reader.byte()
      const index = reader.u32()
      writer
        .name(name)
        .byte(kind)
        .u32(kind === 0 ? added.functionIndex(index) : index)
    }
  }
  for (const index of saved) writer.name(`meter:${index}`).byte(3).u32(index)
  writer.name(fuelExport).byte(3).u32(added.fuel)
  writer.name(depthExport).byte(3).u32(added.depth)
  writer.name(dirtyExport).byte(3).u32(added.dirty)
  if (start !== undefined) writer.name('meter:start').byte(0).u32(added.functionIndex(start))
}

function startOf({ bytes, sections }: Module): number | undefined {
  const section = sections.get(8)
  return section && new Reader(bytes, section.start, section.end).u32()
}

function writeElements(module: Module, writer: Writer, added: Added): void {
  const { start, end } = module.sections.get(9)!
  const reader = new Reader(module.bytes, start, end)
  const count = reader.u32()
  writer.u32(count)
  for (let at = 0; at < count; at++) {
    const flags = reader.u32()
    writer.u32(flags)
    // Bits: passive or declared; a table's number or what kind; expressions instead of numbers. Section 5.5.12
    if ((flags & 1) === 0) {
      if (flags & 2) writer.u32(reader.u32())
      writeExpression(reader, writer, added)
    }
    if (flags & 3) writer.byte(reader.byte())
    const items = reader.u32()
    writer.u32(items)
    for (let item = 0; item < items; item++)
      if (flags & 4) writeExpression(reader, writer, added)
      else writer.u32(added.functionIndex(reader.u32()))
  }
}

function writeCode(module: Module, added: Added): Writer {
  const out = new Writer(module.bytes.length * 2)
  const section = module.sections.get(10)
  if (!section) return out
  const reader = new Reader(module.bytes, section.start, section.end)
  const count = reader.u32()
  if (count !== module.functions.length) throw new ModuleError('the module has functions without code')
  out.u32(count)
  for (const type of module.functions) {
    const size = reader.u32()
    const start = reader.position
    reader.skip(size)
    meterFunction(module.bytes, [start, start + size], module.types[type]!, added, out)
  }
  return out
}

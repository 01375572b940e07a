// A module's sections, taken apart as far as a pass over it has to know them. WebAssembly 2.0, section 5.5

import { ModuleError, Reader, type Writer } from './binary.ts'
import { type Instruction, op, readInstruction } from './instructions.ts'

export const sectionOrder = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11] as const

export interface Section {
  readonly start: number
  readonly end: number
}

export interface FunctionType {
  readonly parameters: number
  /** Value types, as they are written. */
  readonly parameterTypes: Uint8Array
  readonly results: Uint8Array
}

export interface ImportedFunction {
  readonly from: string
  readonly name: string
  readonly type: number
}

export interface Limits {
  readonly min: number
  readonly max: number | undefined
}

export interface GlobalKind {
  readonly type: number
  readonly mutable: boolean
  readonly imported: boolean
}

export interface Module {
  readonly bytes: Uint8Array
  readonly sections: ReadonlyMap<number, Section>
  readonly types: readonly FunctionType[]
  readonly imports: readonly ImportedFunction[]
  readonly importedFunctions: number
  readonly globals: readonly GlobalKind[]
  /** Types of the functions that are defined here. */
  readonly functions: readonly number[]
  /** Its own; undefined when it has none, or imports it. */
  readonly memory: Limits | undefined
  readonly importsMemory: boolean
  readonly tables: readonly TableKind[]
}

export interface TableKind {
  readonly type: number
  readonly limits: Limits
  readonly imported: boolean
}

const magic = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** @errors ModuleError for what is no module, and for what is refused by name */
export function parseModule(bytes: Uint8Array): Module {
  if (magic.some((byte, at) => bytes[at] !== byte)) throw new ModuleError('this is no WebAssembly module')
  const sections = sectionsOf(bytes)
  const read = <T>(id: number, each: (reader: Reader) => T): T[] => {
    const section = sections.get(id)
    if (!section) return []
    const reader = new Reader(bytes, section.start, section.end)
    const items: T[] = []
    for (let count = reader.u32(); count > 0; count--) items.push(each(reader))
    return items
  }
  const types = read(1, readType)
  const globals: GlobalKind[] = []
  const tables: TableKind[] = []
  const imports: ImportedFunction[] = []
  let memory: Limits | undefined
  let memories = 0
  read(2, (reader) => {
    const [from, name] = [reader.name(), reader.name()]
    const kind = reader.byte()
    if (kind === 0) imports.push({ from, name, type: reader.u32() })
    else if (kind === 1) tables.push({ ...readTable(reader), imported: true })
    else if (kind === 2) {
      readMemory(reader)
      memories += 1
    } else if (kind === 3) globals.push({ ...readGlobalType(reader), imported: true })
    else throw new ModuleError('the module imports exceptions, which processes of the simulated kernel do not have')
  })
  const functions = read(3, (reader) => reader.u32())
  for (const type of [...functions, ...imports.map((imported) => imported.type)])
    if (!types[type]) throw new ModuleError('a function of the module has no type')
  read(4, (reader) => tables.push({ ...readTable(reader), imported: false }))
  read(5, (reader) => {
    memory = readMemory(reader)
    memories += 1
  })
  if (memories > 1) throw new ModuleError('the module has several memories, and a process has one')
  read(6, (reader) => {
    globals.push({ ...readGlobalType(reader), imported: false })
    skipExpression(reader)
  })
  if (sections.has(13))
    throw new ModuleError('the module uses exceptions, which processes of the simulated kernel do not have')
  const importsMemory = memories > 0 && !memory
  const importedFunctions = imports.length
  return { bytes, sections, types, imports, importedFunctions, globals, functions, memory, importsMemory, tables }
}

function sectionsOf(bytes: Uint8Array): Map<number, Section> {
  const sections = new Map<number, Section>()
  const reader = new Reader(bytes, magic.length)
  while (!reader.done) {
    const id = reader.byte()
    const size = reader.u32()
    const start = reader.position
    reader.skip(size)
    // Names and other notes are of no use here.
    if (id === 0) continue
    if (sections.has(id)) throw new ModuleError(`the module has two sections ${id}`)
    sections.set(id, { start, end: reader.position })
  }
  return sections
}

function readType(reader: Reader): FunctionType {
  if (reader.byte() !== 0x60)
    throw new ModuleError(
      'the module uses garbage collected types, which processes of the simulated kernel do not have',
    )
  const readTypes = () => {
    const count = reader.u32()
    const start = reader.position
    reader.skip(count)
    return reader.bytes.subarray(start, start + count)
  }
  const parameterTypes = readTypes()
  return { parameters: parameterTypes.length, parameterTypes, results: readTypes() }
}

function readLimits(reader: Reader): Limits {
  const flags = reader.byte()
  if (flags & 2) throw new ModuleError('the module uses threads, which processes of the simulated kernel do not have')
  if (flags & 4) throw new ModuleError('the module has a memory of 64 bits; those of processes have 32')
  if (flags & ~1) throw new ModuleError('the module has limits of a kind that WebAssembly 2.0 does not know')
  const min = reader.u32()
  return { min, max: flags & 1 ? reader.u32() : undefined }
}

function readMemory(reader: Reader): Limits {
  const limits = readLimits(reader)
  if (limits.min > 65536) throw new ModuleError('the module has a memory of more than 4 GiB')
  return limits
}

function readTable(reader: Reader): { type: number; limits: Limits } {
  const type = reader.byte()
  if (type !== 0x70 && type !== 0x6f) throw new ModuleError('the module has a table of typed references')
  return { type, limits: readLimits(reader) }
}

function readGlobalType(reader: Reader): { type: number; mutable: boolean } {
  const type = reader.byte()
  return { type, mutable: reader.byte() === 1 }
}

/** Passes over a constant expression. */
export function skipExpression(reader: Reader): void {
  const instruction: Instruction = { code: 0, number: 0, start: 0, immediates: 0, index: 0 }
  do readInstruction(reader, instruction)
  while (instruction.code !== op.end)
}

/** What follows the number of items of a section. */
export function copyItems(bytes: Uint8Array, section: Section | undefined, writer: Writer): void {
  if (!section) return
  const reader = new Reader(bytes, section.start, section.end)
  reader.u32()
  writer.copy(bytes, reader.position, section.end)
}

/** How many items a section has. */
export const countOf = ({ bytes, sections }: Pick<Module, 'bytes' | 'sections'>, id: number): number => {
  const section = sections.get(id)
  return section ? new Reader(bytes, section.start, section.end).u32() : 0
}

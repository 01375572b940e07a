// How a component links its modules: read from its binary into a plan, which is plain data. Only what components made of modules
// and imports of functions need. https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md

import { ModuleError, Reader } from './binary.ts'

/** Where something that a module imports comes from: what another instance exports, or a function from outside. */
export type Source = { readonly instance: number; readonly name: string } | Outside

export interface Outside {
  /** As it is imported, with its version. */
  readonly interface: string
  readonly function: string
  readonly memory?: Source
  readonly realloc?: Source
}

/** Of a module, with the instances that it imports from by name; or names for what others export. */
export type PlannedInstance =
  | { readonly module: number; readonly imports: readonly (readonly [string, number])[] }
  | { readonly exports: readonly (readonly [string, Source])[] }

export interface ComponentPlan {
  readonly modules: readonly Uint8Array[]
  readonly instances: readonly PlannedInstance[]
  /** Names of imported instances, with their versions. */
  readonly imports: readonly string[]
}

type Named = { readonly instance: string; readonly name: string }

interface Spaces {
  /** Functions, tables, memories, globals and tags of modules. */
  readonly core: readonly Source[][]
  readonly modules: Uint8Array[]
  readonly coreInstances: PlannedInstance[]
  /** Imported instances by their name; undefined for those that the component makes itself. */
  readonly instances: (string | undefined)[]
  readonly functions: (Named | undefined)[]
  readonly types: (Named | undefined)[]
  readonly imports: string[]
}

const coreInstance = 0x12
const componentVersion = 0x0d

/** It is a component, not a module. */
export const isComponent = (bytes: Uint8Array): boolean => bytes[4] === componentVersion && bytes[6] === 1

/** @errors ModuleError for what is no component, or one with more than modules and imported instances of functions */
export function readComponent(bytes: Uint8Array): ComponentPlan {
  if (!isComponent(bytes)) throw new ModuleError('this is no component')
  const spaces: Spaces = {
    core: [[], [], [], [], []],
    modules: [],
    coreInstances: [],
    instances: [],
    functions: [],
    types: [],
    imports: [],
  }
  const reader = new Reader(bytes, 8)
  while (!reader.done) {
    const id = reader.byte()
    const length = reader.u32()
    const start = reader.position
    reader.skip(length)
    const section = new Reader(bytes, start, start + length)
    if (id === 1) spaces.modules.push(bytes.subarray(start, start + length))
    else if (id in readers) for (let count = section.u32(); count > 0; count--) readers[id]!(section, spaces)
    else if (id === 7) for (let count = section.u32(); count > 0; count--) spaces.types.push(undefined)
  }
  return { modules: spaces.modules, instances: spaces.coreInstances, imports: spaces.imports }
}

const readers: Readonly<Record<number, (section: Reader, spaces: Spaces) => void>> = {
  2: readCoreInstance,
  5: readInstance,
  6: readAlias,
  8: readCanonical,
  10: readImport,
  11: readExport,
}

/** @errors ModuleError for an index that nothing has */
function at<T>(space: readonly T[], index: number, what: string): T {
  if (index >= space.length) throw new ModuleError(`the component has no ${what} ${index}`)
  return space[index]!
}

function readCoreInstance(section: Reader, { core, modules, coreInstances }: Spaces): void {
  const made = section.byte() === 0
  if (made) {
    const module = section.u32()
    at(modules, module, 'module')
    const imports: [string, number][] = []
    for (let count = section.u32(); count > 0; count--) {
      const name = section.name()
      if (section.byte() !== coreInstance) throw new ModuleError('a module gets something that is no instance')
      const instance = section.u32()
      at(coreInstances, instance, 'instance of a module')
      imports.push([name, instance])
    }
    coreInstances.push({ module, imports })
    return
  }
  const exports: [string, Source][] = []
  for (let count = section.u32(); count > 0; count--) {
    const name = section.name()
    const sort = section.byte()
    exports.push([name, at(at(core, sort, 'sort'), section.u32(), 'item of a module')])
  }
  coreInstances.push({ exports })
}

/** Components in the component do nothing but rename its exports: they are not made. */
function readInstance(section: Reader, { instances }: Spaces): void {
  const made = section.byte() === 0
  if (made) section.u32()
  for (let count = section.u32(); count > 0; count--) {
    if (made) section.name()
    else externalName(section)
    skipSort(section)
    section.u32()
  }
  instances.push(undefined)
}

function readAlias(section: Reader, { core, modules, instances, functions, types, coreInstances }: Spaces): void {
  const sort = section.byte()
  const coreSort = sort === 0 ? section.byte() : 0
  const target = section.byte()
  const first = section.u32()
  if (target === 2) throw new ModuleError('the component refers to what is around it')
  const name = section.name()
  if (target === 1) {
    at(coreInstances, first, 'instance of a module')
    at(core, coreSort, 'sort').push({ instance: first, name })
    return
  }
  const instance = at(instances, first, 'instance')
  const named = instance === undefined ? undefined : { instance, name }
  if (sort === 1) functions.push(named)
  else if (sort === 3) types.push(named)
  else if (sort === 5) instances.push(undefined)
  else if (sort === 0) throw new ModuleError(`the component takes a module from outside, beside its ${modules.length}`)
}

function readCanonical(section: Reader, { core, functions, types }: Spaces): void {
  const kind = section.byte()
  if (kind === 0) {
    section.byte()
    section.u32()
    readOptions(section, core)
    section.u32()
    functions.push(undefined)
  } else if (kind === 1) {
    section.byte()
    const named = at(functions, section.u32(), 'function')
    if (!named) throw new ModuleError('the component calls a function that it does not import')
    core[0]!.push({ interface: named.instance, function: named.name, ...readOptions(section, core) })
  } else if (kind === 3) {
    const named = at(types, section.u32(), 'type')
    if (!named) throw new ModuleError('the component has resources of its own')
    core[0]!.push({ interface: named.instance, function: `[resource-drop]${named.name}` })
  } else throw new ModuleError(`the component uses the built-in function ${kind}, which processes do not have`)
}

function readOptions(section: Reader, core: readonly Source[][]): { memory?: Source; realloc?: Source } {
  const options: { memory?: Source; realloc?: Source } = {}
  for (let count = section.u32(); count > 0; count--) {
    const kind = section.byte()
    if (kind === 3) options.memory = at(core[2]!, section.u32(), 'memory')
    else if (kind === 4) options.realloc = at(core[0]!, section.u32(), 'function')
    else if (kind === 5) section.u32()
    else if (kind !== 0)
      throw new ModuleError('the component has strings that are not UTF-8, or calls that are not answered at once')
  }
  return options
}

function readImport(section: Reader, { instances, types, functions, imports }: Spaces): void {
  const name = externalName(section)
  const sort = readDescription(section)
  imports.push(name)
  if (sort === 5) instances.push(name)
  else if (sort === 3) types.push(undefined)
  else if (sort === 1) functions.push({ instance: '', name })
}

/** What is exported has another index from then on. */
function readExport(section: Reader, { instances, functions, types }: Spaces): void {
  externalName(section)
  const sort = skipSort(section)
  const index = section.u32()
  if (sort === 1) functions.push(functions[index])
  else if (sort === 3) types.push(types[index])
  else if (sort === 5) instances.push(instances[index])
  if (section.byte() === 1) readDescription(section)
}

function externalName(section: Reader): string {
  if (section.byte() > 1) throw new ModuleError('the component has a name of an unknown kind')
  return section.name()
}

function skipSort(section: Reader): number {
  const sort = section.byte()
  if (sort === 0) section.byte()
  return sort
}

/** Answers the sort of what is described. */
function readDescription(section: Reader): number {
  const sort = section.byte()
  if (sort === 0) section.byte()
  if (sort === 3 && section.byte() === 1) return sort
  section.u32()
  return sort
}

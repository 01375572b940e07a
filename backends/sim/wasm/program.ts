// What is executed: the modules of a component, metered and suspendable, and how they are linked. Made once, shared by all processes
// that run it.

import { ModuleError } from './binary.ts'
import { flatTypes } from './calls.ts'
import type { PlannedInstance } from './component.ts'
import { meterImports } from './meter.ts'
import { entriesOf, linkStandard, type MakeImport } from './standard.ts'

/** A component, as it is kept. */
export interface Prepared {
  readonly modules: Readonly<Record<string, PreparedModule>>
  /** How it links its modules, which are in this order. */
  readonly plan: readonly PlannedInstance[]
}

export interface PreparedModule {
  readonly bytes: Uint8Array
  /** Exports that have to be saved; absent for modules that only link others, which hold nothing. */
  readonly globals?: readonly string[]
  readonly memoryBytes?: number
}

type InstantiateCore = (module: WebAssembly.Module, imports: object) => { exports: WebAssembly.Exports }

export interface GuestProgram {
  /** Of its memory at the start. */
  readonly memoryBytes: number
  readonly globals: ReadonlyMap<WebAssembly.Module, readonly string[]>
  /** What is called, one behind the other: the start function, and `start`, whose answer is the exit status. */
  readonly entries: readonly string[]
  /** The only module that has code, and imports nothing but the contract: nothing else has to be linked. */
  readonly direct: WebAssembly.Module | undefined
  /** Links it by its plan. */
  readonly link: (make: MakeImport, instantiateCore: InstantiateCore) => void
}

/** Compiles it. @errors ModuleError for a component that is no program */
export function load({ plan, modules }: Prepared): GuestProgram {
  const { compiled, globals, memoryBytes } = compile(modules)
  const codes = [...compiled.values()]
  const exported = codes.flatMap((code) => WebAssembly.Module.exports(code).map(({ name }) => name))
  const entries = entriesOf(exported)
  if (!entries) throw new ModuleError('the component does not export wasi:cli/run')
  return {
    memoryBytes,
    globals,
    entries,
    direct: directOf([...globals.keys()]),
    link: (make, instantiateCore) => linkStandard(plan, codes, make, instantiateCore),
  }
}

function compile(modules: Prepared['modules']) {
  const compiled = new Map<string, WebAssembly.Module>()
  const globals = new Map<WebAssembly.Module, readonly string[]>()
  let memoryBytes = 0
  for (const [name, module] of Object.entries(modules)) {
    const code = new WebAssembly.Module(module.bytes as Uint8Array<ArrayBuffer>)
    compiled.set(name, code)
    if (module.globals) globals.set(code, module.globals)
    memoryBytes += module.memoryBytes ?? 0
  }
  return { compiled, globals, memoryBytes }
}

function directOf(modules: readonly WebAssembly.Module[]): WebAssembly.Module | undefined {
  const [module] = modules
  if (modules.length !== 1 || !module) return undefined
  const isKnown = ({ module: from, name, kind }: { module: string; name: string; kind: string }) =>
    kind === 'function' && (from === meterImports || flatTypes(from.replace(/@.*$/, ''), name) !== undefined)
  return WebAssembly.Module.imports(module).every(isKnown) ? module : undefined
}

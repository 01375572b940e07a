// What is executed: the modules of a component, metered and suspendable, and the glue that jco has made to link them. Made once,
// shared by all processes that run it.

import { ModuleError } from './binary.ts'
import { flatTypes } from './calls.ts'
import { isComponent, type PlannedInstance, readComponent } from './component.ts'
import { packageName } from './contract.ts'
import { planOf, preparedModule, prepareForeign } from './foreign.ts'
import { meterImports } from './meter.ts'
import { entriesOf, linkStandard, type MakeImport } from './standard.ts'

/** What jco's glue exports as `instantiate`. */
export type Link = (
  getCoreModule: (path: string) => WebAssembly.Module,
  imports: Readonly<Record<string, object>>,
  instantiateCore: (module: WebAssembly.Module, imports: object) => { exports: WebAssembly.Exports },
) => unknown

/** A component, as it is kept: text of the glue, and its modules by the name that the glue calls them. */
export interface Prepared {
  readonly glue: string
  readonly modules: Readonly<Record<string, PreparedModule>>
  /** How it links its modules, which are in this order, by itself; the glue is empty then. */
  readonly plan?: readonly PlannedInstance[]
}

export interface PreparedModule {
  readonly bytes: Uint8Array
  /** Exports that have to be saved; absent for modules of the glue itself, which hold nothing. */
  readonly globals?: readonly string[]
  readonly memoryBytes?: number
}

export interface GuestProgram {
  /** Of its memory at the start. */
  readonly memoryBytes: number
  readonly globals: ReadonlyMap<WebAssembly.Module, readonly string[]>
  /** What is called, one behind the other: the start function, and `start`, whose answer is the exit status. */
  readonly entries: readonly string[]
  /** The only module that has code, and imports nothing but the contract: no glue is needed to link it. */
  readonly direct: WebAssembly.Module | undefined
  /** It is linked by its plan. */
  readonly standard?: (
    make: MakeImport,
    instantiateCore: (module: WebAssembly.Module, imports: object) => { exports: WebAssembly.Exports },
  ) => void
  readonly link: (
    imports: Readonly<Record<string, object>>,
    instantiateCore: (module: WebAssembly.Module, imports: object) => { exports: WebAssembly.Exports },
  ) => void
}

/**
 * From a component to what can be executed. jco is loaded for this alone, and only where glue is needed.
 *
 * @errors ModuleError for what is no component, or asks for what processes do not have
 */
export async function prepare(component: Uint8Array): Promise<Prepared> {
  if (!isComponent(component) || !asksForContract(component)) return prepareForeign(component)
  // What it asks for beside the contract is refused by its name.
  planOf(component)
  const { transpileBytes } = await import('@bytecodealliance/jco-transpile')
  const { files } = await transpileBytes(component, {
    name: 'guest',
    instantiation: 'sync',
    importBindings: 'direct-optimized',
    nodejsCompat: false,
    tlaCompat: false,
  }).catch((error) => {
    throw new ModuleError(`the component cannot be read: ${String(error?.message ?? error).split('\n')[0]}`)
  })
  let glue = ''
  const modules: Record<string, PreparedModule> = {}
  for (const [name, bytes] of Object.entries(files)) {
    if (name.endsWith('.js')) glue = withoutDoubles(new TextDecoder().decode(bytes))
    if (!name.endsWith('.wasm')) continue
    modules[name] = preparedModule(bytes)
  }
  return { glue, modules }
}

/** It is made for the contract, not for WASI. */
const asksForContract = (component: Uint8Array) =>
  readComponent(component).imports.some((name) => name.startsWith(`${packageName}/`))

/**
 * jco 1.35 declares each trampoline twice in this mode: once as a variable to be filled, once as a function that lowers by
 * itself. The second goes.
 */
function withoutDoubles(glue: string): string {
  return glue.replaceAll(
    /\n {2}let trampoline\d+ = _trampoline(\d+)\.manuallyAsync \?[\s\S]*?importFn: _trampoline\1,\n {2}\},\n {2}\)\)\) : [\s\S]*?importFn: _trampoline\1,\n {2}\},\n {2}\);/g,
    '',
  )
}

/** Compiles it. The glue is a module of JavaScript without imports. */
export async function load(prepared: Prepared): Promise<GuestProgram> {
  const { glue, modules, plan } = prepared
  if (plan) return linkedByPlan({ plan, modules })
  const url = `data:text/javascript,${encodeURIComponent(glue)}`
  const { instantiate } = (await import(url)) as { instantiate: Link }
  return linked(instantiate, modules)
}

/** The same where the glue has been loaded already. */
export function linked(instantiate: Link, modules: Prepared['modules']): GuestProgram {
  const { compiled, globals, memoryBytes } = compile(modules)
  const direct = directOf([...globals.keys()])
  const exported = new Set(
    [...globals.keys()].flatMap((code) => WebAssembly.Module.exports(code).map(({ name }) => name)),
  )
  // Without glue nobody else calls what wants to be called first.
  const first = direct ? ['meter:start', '_initialize'] : ['meter:start']
  return {
    memoryBytes,
    globals,
    entries: [...first.filter((name) => exported.has(name)), 'start'],
    direct,
    link: (imports, instantiateCore) => void instantiate((name) => compiled.get(name)!, imports, instantiateCore),
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

/** Compiles what needs no glue. @errors ModuleError for a component that is no program */
export function linkedByPlan({ plan = [], modules }: Pick<Prepared, 'plan' | 'modules'>): GuestProgram {
  const { compiled, globals, memoryBytes } = compile(modules)
  const codes = [...compiled.values()]
  const exported = codes.flatMap((code) => WebAssembly.Module.exports(code).map(({ name }) => name))
  const entries = entriesOf(exported)
  if (!entries) throw new ModuleError('the component does not export wasi:cli/run')
  return {
    memoryBytes,
    globals,
    entries,
    direct: undefined,
    standard: (make, instantiateCore) => linkStandard(plan, codes, make, instantiateCore),
    link: () => {},
  }
}

function directOf(modules: readonly WebAssembly.Module[]): WebAssembly.Module | undefined {
  const [module] = modules
  if (modules.length !== 1 || !module) return undefined
  const isKnown = ({ module: from, name, kind }: { module: string; name: string; kind: string }) =>
    kind === 'function' && (from === meterImports || flatTypes(from.replace(/@.*$/, ''), name) !== undefined)
  return WebAssembly.Module.imports(module).every(isKnown) ? module : undefined
}

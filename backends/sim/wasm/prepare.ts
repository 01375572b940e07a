// From a file of WebAssembly to what can be executed: components of WASI 0.2 or of the contract, and modules of WASI 0.1. They are
// linked as their own binary says. All that can be refused is refused before anything is made of them.

import { ModuleError } from './binary.ts'
import { flatTypes } from './calls.ts'
import { type ComponentPlan, isComponent, type Outside, readComponent } from './component.ts'
import { packageName, packageVersion } from './contract.ts'
import { type Metered, meterModule } from './meter.ts'
import type { Prepared, PreparedModule } from './program.ts'
import { makeSuspendable } from './suspension.ts'
import { isStandard, standardFunction } from './wasi/import.ts'
import { moduleFunction, moduleInterface } from './wasi/module-import.ts'

/** @errors ModuleError that names what is wrong with it, or what it asks for and processes do not have */
export function prepare(file: Uint8Array): Prepared {
  const { modules, instances } = planOf(file)
  const prepared = modules.map((bytes, index) => [`module${index}.wasm`, preparedModule(bytes)] as const)
  return { modules: Object.fromEntries(prepared), plan: instances }
}

/** How it links its modules. @errors ModuleError for what it asks for and processes do not have */
export const planOf = (file: Uint8Array): ComponentPlan => (isComponent(file) ? componentPlan(file) : modulePlan(file))

/** Modules that are added to link others: a table of functions, and what fills it. They have no memory and no code to meter. */
const onlyLinks = ({ memoryBytes, globals }: Metered, bytes: Uint8Array) =>
  memoryBytes === undefined && globals.length <= 1 && bytes.length < 16_384

/** What is executed of it. @errors ModuleError */
export function preparedModule(bytes: Uint8Array): PreparedModule {
  if (!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>))
    throw new ModuleError('the component has a module that is not valid')
  const metered = meterModule(bytes)
  if (onlyLinks(metered, bytes)) return { bytes }
  const { globals, memoryBytes } = metered
  return { bytes: makeSuspendable(metered.bytes), globals, ...(memoryBytes === undefined ? {} : { memoryBytes }) }
}

const contractName = new RegExp(`^${packageName}/[a-z]+@${packageVersion.replaceAll('.', '\\.')}$`)

function componentPlan(file: Uint8Array): ComponentPlan {
  const plan = readComponent(file)
  for (const name of plan.imports)
    if (!isStandard(name) && !isContract(name))
      throw new ModuleError(`the component imports ${name}, which processes do not have`)
  for (const instance of plan.instances)
    for (const [, source] of 'exports' in instance ? instance.exports : [])
      if ('interface' in source && !isServed(source))
        throw new ModuleError(
          `the component calls ${source.function} of ${source.interface}, which processes do not have`,
        )
  return plan
}

/** Its types and functions; those of `types` are only records. */
const isContract = (name: string) => contractName.test(name)

/** What a process has behind an import. */
export function isServed({ interface: name, function: called }: Outside): boolean {
  if (name === moduleInterface) return moduleFunction(called) !== undefined
  if (isContract(name)) return flatTypes(name.replace(/@.*$/, ''), called) !== undefined
  return standardFunction(name, called) !== undefined
}

/** A module of WASI 0.1 is linked as a component of this one module would be. */
function modulePlan(file: Uint8Array): ComponentPlan {
  if (!WebAssembly.validate(file as Uint8Array<ArrayBuffer>)) throw new ModuleError('the module is not valid')
  const code = new WebAssembly.Module(file as Uint8Array<ArrayBuffer>)
  const exports: [string, Outside][] = []
  for (const { module, name, kind } of WebAssembly.Module.imports(code)) {
    const outside = { interface: module, function: name }
    if (module === 'wasi_unstable')
      throw new ModuleError('the module is made for WASI of before 2020 (wasi_unstable): compile it for wasm32-wasip1')
    if (kind !== 'function' || module !== moduleInterface || !isServed(outside))
      throw new ModuleError(`the module imports ${name} of ${module}, which processes do not have`)
    exports.push([name, outside])
  }
  const names = WebAssembly.Module.exports(code).map(({ name }) => name)
  if (!names.includes('_start'))
    throw new ModuleError('the module exports no _start: it is a library, and no program of WASI')
  if (!names.includes('memory')) throw new ModuleError('the module exports no memory, which WASI needs')
  return { modules: [file], instances: [{ exports }, { module: 0, imports: [[moduleInterface, 0]] }], imports: [] }
}

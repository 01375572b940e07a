// Components of WASI 0.2, `wasi:cli/command`: prepared, and linked as their own binary says. No glue is needed for that.

import { ModuleError } from './binary.ts'
import type { Realloc } from './calls.ts'
import { type ComponentPlan, type Outside, type PlannedInstance, readComponent, type Source } from './component.ts'
import { isStandard, standardFunction } from './wasi/import.ts'

/** A function from outside, as modules import it. @param realloc - what answers are put into, once it is there */
export type MakeImport = (outside: Outside, realloc?: () => Realloc) => object

type InstantiateCore = (module: WebAssembly.Module, imports: object) => { exports: WebAssembly.Exports }

/** @errors ModuleError that names what the component asks for and processes do not have */
export function standardPlan(component: Uint8Array): ComponentPlan {
  const plan = readComponent(component)
  for (const name of plan.imports)
    if (!isStandard(name)) throw new ModuleError(`the component imports ${name}, which processes do not have`)
  const sources = plan.instances.flatMap((instance) => ('exports' in instance ? instance.exports : []))
  for (const [, source] of sources)
    if ('interface' in source && !standardFunction(source.interface, source.function))
      throw new ModuleError(
        `the component calls ${source.function} of ${source.interface}, which processes do not have`,
      )
  return plan
}

/** The export of a module that `run` of wasi:cli/run is. */
export const isRun = (name: string): boolean => /^wasi:cli\/run@0\.2\.\d+#run$/.test(name)

/** Instantiates modules in the order of the plan. */
export function linkStandard(
  instances: readonly PlannedInstance[],
  modules: readonly WebAssembly.Module[],
  make: MakeImport,
  instantiateCore: InstantiateCore,
): void {
  const made: Record<string, object>[] = []
  const find = (source: Source): object => {
    if ('instance' in source) return made[source.instance]![source.name]!
    const { realloc } = source
    return make(source, realloc && (() => find(realloc) as unknown as Realloc))
  }
  for (const instance of instances) {
    if ('exports' in instance)
      made.push(
        Object.fromEntries(instance.exports.map(([name, source]) => [name, find(source)])) as Record<string, object>,
      )
    else {
      const imports = Object.fromEntries(instance.imports.map(([name, index]) => [name, made[index]!]))
      made.push(instantiateCore(modules[instance.module]!, imports).exports as Record<string, object>)
    }
  }
}

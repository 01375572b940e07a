// Programs that are linked as their own binary says.

import type { Realloc } from './calls.ts'
import type { Outside, PlannedInstance, Source } from './component.ts'

/** A function from outside, as modules import it. @param realloc - what answers are put into, once it is there */
export type MakeImport = (outside: Outside, realloc?: () => Realloc) => object

type InstantiateCore = (module: WebAssembly.Module, imports: object) => { exports: WebAssembly.Exports }

/** The exports that are called to run a program, one behind the other; undefined when it is none. */
export function entriesOf(exported: readonly string[]): readonly string[] | undefined {
  const run =
    // `run` of wasi:cli/run; what a module of WASI 0.1 has; what one of the contract has.
    exported.find((name) => /^wasi:cli\/run@0\.2\.\d+#run$/.test(name)) ??
    ['_start', 'start'].find((name) => exported.includes(name))
  if (run === undefined) return undefined
  const before = run === 'start' ? ['meter:start', '_initialize'] : ['meter:start']
  return [...before.filter((name) => exported.includes(name)), run]
}

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

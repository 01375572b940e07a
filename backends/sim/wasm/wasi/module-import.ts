// WASI 0.1 as a module imports it: what compilers call wasm32-wasi or wasm32-wasip1, with no component around it.

import { type Caller, trap } from '../calls.ts'
import type { Memory } from '../words.ts'
import { advance } from './import.ts'
import { type ModuleFunction, type ModuleFunctions, moduleContext } from './module-context.ts'
import { fileFunctions } from './module-files.ts'
import { socketFunctions } from './module-sockets.ts'
import { systemFunctions } from './module-system.ts'

export const moduleInterface = 'wasi_snapshot_preview1'

const functions: ModuleFunctions = { ...fileFunctions, ...systemFunctions, ...socketFunctions }

/** Undefined when WASI 0.1 has no such function. */
export const moduleFunction = (name: string): ModuleFunction | undefined =>
  Object.hasOwn(functions, name) ? functions[name] : undefined

/** A function as a module imports it. */
export function moduleImport(
  name: string,
  memory: () => Memory,
  caller: () => Caller,
): (...flat: (number | bigint)[]) => number | undefined {
  const { types, run } = moduleFunction(name)!
  let known = false
  return (...flat) => {
    if (!known && flat.length !== types.length) trap(`${name} is called with arguments that it does not have`)
    if (!known && flat.some((value, at) => (typeof value === 'bigint') !== (types[at] === 'I')))
      trap(`${name} is called with arguments that it does not have`)
    known = true
    const asking = caller()
    const ended = advance(asking, name, () => run(moduleContext(asking, memory), ...flat))
    return ended?.value ?? 0
  }
}

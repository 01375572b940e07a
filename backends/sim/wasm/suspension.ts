// Modules that can stop in the midst of a call and go on later, perhaps as a copy: asyncify, a pass of binaryen, applied to a
// module that is metered already. https://github.com/WebAssembly/binaryen/blob/main/src/passes/Asyncify.cpp

import { ModuleError } from './binary.ts'

/**
 * Adds suspension to a metered module. Every import may suspend. binaryen is loaded for this alone.
 *
 * @errors ModuleError when binaryen cannot read it
 */
export async function makeSuspendable(bytes: Uint8Array): Promise<Uint8Array> {
  const { default: binaryen } = await import('binaryen')
  let module: ReturnType<typeof binaryen.readBinary>
  try {
    module = binaryen.readBinary(bytes)
  } catch (error) {
    throw new ModuleError(`the module cannot be read: ${String(error)}`)
  }
  try {
    module.setFeatures(binaryen.Features.All)
    binaryen.setOptimizeLevel(3)
    binaryen.setShrinkLevel(0)
    module.runPasses(['asyncify'])
    module.optimize()
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}

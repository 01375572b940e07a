// Modules of WebAssembly from their text.

import binaryen from 'binaryen'

export function fromText(text: string): Uint8Array {
  const module = binaryen.parseText(text)
  module.setFeatures(binaryen.Features.All)
  const bytes = module.emitBinary()
  module.dispose()
  return bytes
}

// What this room uses of the JavaScript interface of WebAssembly, which every engine has. https://webassembly.github.io/spec/js-api/

declare namespace WebAssembly {
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean
  type Exports = Record<string, unknown>
  type Imports = Record<string, Record<string, unknown>>

  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Exports
  }

  class Memory {
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }

  class Global {
    value: unknown
  }

  class RuntimeError extends Error {}

  var Module: {
    new (bytes: Uint8Array<ArrayBuffer>): Module
    imports(module: Module): { module: string; name: string; kind: string }[]
    exports(module: Module): { name: string; kind: string }[]
  }
}

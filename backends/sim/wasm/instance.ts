// A live instance of a guest: the modules of its component, linked. It is a cache: what a process is stands in its image, from
// which another instance can be made at any time.

import { fuelExport, meterImports } from './meter.ts'
import type { GuestProgram } from './program.ts'

/** What the added code and the contract ask of whoever runs it. */
export interface Host {
  readonly pause: () => void
  /** Answers the pages before, or -1. */
  readonly grow: (pages: number) => number
  readonly overflow: () => never
  /** The imports of the component, as the glue wants them. */
  readonly imports: Readonly<Record<string, object>>
}

/** Everything that an instance holds, as plain data. */
export interface GuestImage {
  readonly memory: Uint8Array
  /** Of each module, in the order in which they are made. */
  readonly globals: readonly (readonly (number | bigint)[])[]
}

interface Core {
  readonly exports: WebAssembly.Exports
  readonly globals: readonly WebAssembly.Global[]
  readonly fuel: WebAssembly.Global | undefined
}

const number = (core: Core, name: string) => core.exports[name] as (argument: number) => void

export class Instance {
  readonly #cores: Core[] = []
  #memory: WebAssembly.Memory | undefined
  #bytes = new Uint8Array(0)
  #view = new DataView(new ArrayBuffer(0))

  constructor(program: GuestProgram, host: Host) {
    const meter = { pause: host.pause, grow: host.grow, overflow: host.overflow }
    program.link(host.imports, (module, imports) => {
      const { exports } = new WebAssembly.Instance(module, { ...imports, [meterImports]: meter } as WebAssembly.Imports)
      const names = program.globals.get(module)
      if (names) {
        this.#cores.push({
          exports,
          globals: names.map((name) => exports[name] as WebAssembly.Global),
          fuel: exports[fuelExport] as WebAssembly.Global,
        })
        for (const value of Object.values(exports)) if (value instanceof WebAssembly.Memory) this.#memory ??= value
      }
      return { exports }
    })
  }

  /** A function that some module exports. */
  entry(name: string): ((...given: number[]) => number) | undefined {
    for (const { exports } of this.#cores) {
      const found = exports[name]
      if (typeof found === 'function') return found as (...given: number[]) => number
    }
    return undefined
  }

  get memory(): WebAssembly.Memory {
    return this.#memory!
  }

  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#look()
    return this.#bytes
  }

  get view(): DataView {
    if (this.#view.buffer !== this.memory.buffer) this.#look()
    return this.#view
  }

  #look(): void {
    this.#bytes = new Uint8Array(this.memory.buffer)
    this.#view = new DataView(this.memory.buffer)
  }

  get fuel(): number {
    return this.#cores.reduce((sum, { fuel }) => sum + (fuel ? Number(fuel.value) : 0), 0)
  }

  /** What each module may burn until it pauses. */
  set fuel(count: number) {
    for (const { fuel } of this.#cores) if (fuel) fuel.value = count
  }

  get modules(): number {
    return this.#cores.length
  }

  startUnwinding(stack: number): void {
    for (const core of this.#cores) number(core, 'asyncify_start_unwind')(stack)
  }

  stopUnwinding(): void {
    for (const core of this.#cores) (core.exports.asyncify_stop_unwind as () => void)()
  }

  startRewinding(stack: number): void {
    for (const core of this.#cores) number(core, 'asyncify_start_rewind')(stack)
  }

  stopRewinding(): void {
    for (const core of this.#cores) (core.exports.asyncify_stop_rewind as () => void)()
  }

  save(): GuestImage {
    return {
      memory: this.bytes.slice(),
      globals: this.#cores.map(({ globals }) => globals.map(({ value }) => value as number | bigint)),
    }
  }

  restore({ memory, globals }: GuestImage): void {
    const missing = memory.length - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(missing / 65536)
    this.bytes.set(memory)
    for (const [at, core] of this.#cores.entries())
      for (const [index, global] of core.globals.entries()) global.value = globals[at]![index]
  }
}

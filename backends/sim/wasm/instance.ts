// A live instance of a guest: the modules of its component, linked. It is a cache: what a process is stands in its image, from
// which another instance can be made at any time; and an instance that nobody needs any more serves another process.

import { type Caller, guestImport, type Realloc, trap } from './calls.ts'
import type { Outside } from './component.ts'
import { packageName } from './contract.ts'
import { type GuestImage, restoreMemory, saveMemory } from './image.ts'
import { dirtyExport, fuelExport, meterImports } from './meter.ts'
import type { GuestProgram } from './program.ts'
import { standardImport } from './wasi/import.ts'
import { moduleImport, moduleInterface } from './wasi/module-import.ts'
import { Written } from './written.ts'

/** What the added code and the contract ask of the process that runs in an instance. */
export interface Host extends Caller {
  pause(): void
  /** Answers the pages before, or -1. */
  grow(pages: number): number
}

interface Core {
  readonly exports: WebAssembly.Exports
  readonly globals: readonly WebAssembly.Global[]
  readonly fuel: WebAssembly.Global
  readonly dirty: WebAssembly.Global
}

const stackBytes = 64 * 1024
/** Instructions that may run while modules are linked. */
const linkingFuel = 10_000_000

const call = (core: Core, name: string, argument?: number): unknown =>
  (core.exports[name] as (argument?: number) => unknown)(argument)

export class Instance {
  readonly #cores: Core[] = []
  readonly #entries = new Map<string, ((...given: number[]) => number) | undefined>()
  /** Where the guest keeps its frames while it is suspended. */
  readonly stack: number
  /** Whom it serves. */
  owner: Host | undefined
  #memory: WebAssembly.Memory | undefined
  /** What it was when it was last saved or restored, and where it may be something else by now. */
  #base: GuestImage | undefined
  readonly #written = new Written()
  /** Whoever writes to its memory says so; of WASI that is not asked. */
  readonly #isTracked: boolean
  #bytes = new Uint8Array(0)
  #view = new DataView(new ArrayBuffer(0))

  constructor(program: GuestProgram) {
    this.#isTracked = program.direct !== undefined
    const host = () => this.owner ?? trap('the guest makes a call while it is linked')
    const meter = {
      // Nothing can suspend it before it is there.
      pause: () => (this.owner ?? trap('the guest does not end while it is linked')).pause(),
      grow: (pages: number) => (this.owner ? this.owner.grow(pages) : this.memory.grow(pages)),
      overflow: () => trap('the stack of the guest is full'),
    }
    const instantiate = (module: WebAssembly.Module, imports: object) => {
      const { exports } = new WebAssembly.Instance(module, { ...imports, [meterImports]: meter } as WebAssembly.Imports)
      const names = program.globals.get(module)
      if (!names) return { exports }
      const fuel = exports[fuelExport] as WebAssembly.Global
      fuel.value = linkingFuel
      const dirty = exports[dirtyExport] as WebAssembly.Global
      this.#cores.push({ exports, fuel, dirty, globals: names.map((name) => exports[name] as WebAssembly.Global) })
      for (const value of Object.values(exports)) if (value instanceof WebAssembly.Memory) this.#memory ??= value
      return { exports }
    }
    const realloc = () => (this.entry('cabi_realloc') ?? trap('the guest has no memory for answers')) as Realloc
    if (program.direct) {
      const imports: WebAssembly.Imports = {}
      for (const { module, name } of WebAssembly.Module.imports(program.direct)) {
        if (module === meterImports) continue
        imports[module] ??= {}
        imports[module][name] = guestImport(withoutVersion(module), name, () => this, host, realloc)
      }
      instantiate(program.direct, imports)
    } else program.link((outside, found) => planned(outside, () => this, host, found ?? realloc), instantiate)
    if (!this.#memory) trap('the guest has no memory')
    // Components of WASI need not have a cabi_realloc: a page behind all others does as well.
    const isBare = !this.entry('cabi_realloc')
    this.stack = isBare ? this.memory.grow(stackBytes / 65536) * 65536 : realloc()(0, 0, 16, stackBytes) >>> 0
    if (this.stack === 0 || this.stack + stackBytes > this.bytes.length)
      trap('the guest finds no memory for its frames')
    this.view.setUint32(this.stack, this.stack + 8, true)
    this.view.setUint32(this.stack + 4, this.stack + stackBytes, true)
  }

  /** A function that some module exports. */
  entry(name: string): ((...given: number[]) => number) | undefined {
    if (!this.#entries.has(name)) {
      const found = this.#cores.map(({ exports }) => exports[name]).find((value) => typeof value === 'function')
      this.#entries.set(name, found as ((...given: number[]) => number) | undefined)
    }
    return this.#entries.get(name)
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

  /** Gives each module so much, and answers what they had before together, less than nothing where one had too little. */
  refuel(count: number): number {
    let before = 0
    for (const { fuel } of this.#cores) {
      before += fuel.value as number
      fuel.value = count
    }
    return before
  }

  get modules(): number {
    return this.#cores.length
  }

  /** It runs as ever: it is not being suspended or resumed. */
  get isPlain(): boolean {
    return this.#cores.every((core) => call(core, 'asyncify_get_state') === 0)
  }

  startUnwinding(stack: number): void {
    for (const core of this.#cores) call(core, 'asyncify_start_unwind', stack)
  }

  stopUnwinding(): void {
    this.mark(this.stack, this.view.getUint32(this.stack, true) - this.stack)
    for (const core of this.#cores) call(core, 'asyncify_stop_unwind')
  }

  startRewinding(stack: number): void {
    this.mark(stack, 8)
    for (const core of this.#cores) call(core, 'asyncify_start_rewind', stack)
  }

  stopRewinding(): void {
    for (const core of this.#cores) call(core, 'asyncify_stop_rewind')
  }

  /** These bytes of memory were written from outside. */
  mark(start: number, bytes: number): void {
    this.#written.addRange(start, bytes)
  }

  /** It is as at the beginning, when it was saved first. */
  isLike(image: GuestImage): void {
    this.#look()
    this.#base = image
    this.#clear()
  }

  #collect(): void {
    if (!this.#isTracked) this.#written.addAll()
    for (const { dirty } of this.#cores) this.#written.addMarks(dirty.value as bigint)
  }

  #clear(): void {
    this.#written.clear()
    for (const { dirty } of this.#cores) dirty.value = 0n
  }

  /** An image, which has in common with the one before it what has not changed. */
  save(): GuestImage {
    this.#collect()
    const base = this.#base
    const globals = this.#cores.map(({ globals }) => globals.map(({ value }) => value as number | bigint))
    const memory = saveMemory(this.bytes, base?.memory ?? [], this.#written)
    this.#base = { memory, globals }
    this.#clear()
    return this.#base
  }

  /** Everything that was there before is gone: memory and globals are all that a guest can change. */
  restore(image: GuestImage): void {
    const { memory, globals } = image
    this.#collect()
    const missing = memory.length * 65536 - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(missing / 65536)
    restoreMemory(this.bytes, memory, this.#base?.memory ?? [], this.#written)
    for (const [at, core] of this.#cores.entries())
      for (const [index, global] of core.globals.entries()) global.value = globals[at]![index]
    this.#base = image
    this.#clear()
  }
}

/** An import of a program that is linked by its plan: of the contract, of WASI 0.1 or 0.2. */
function planned(outside: Outside, instance: () => Instance, host: () => Host, realloc: () => Realloc): object {
  const name = withoutVersion(outside.interface)
  if (name.startsWith(`${packageName}/`)) return guestImport(name, outside.function, instance, host, realloc)
  if (name === moduleInterface) return moduleImport(outside.function, instance, host)
  return standardImport(outside, instance, host, realloc)
}

const withoutVersion = (name: string) => name.replace(/@.*$/, '')

// Modules that nobody has written: metered, and suspended wherever they can be, they give what they give plain.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import binaryen from 'binaryen'
import { afterAll, describe, expect, it } from 'vitest'
import { depthExport, fuelExport, meterImports, meterModule } from '../../../backends/sim/wasm/meter.ts'
import { makeSuspendable } from '../../../backends/sim/wasm/suspension.ts'
import { fromText } from '../../support/modules.ts'
import { repository } from '../../support/source.ts'

const place = mkdtempSync(join(tmpdir(), 'vitrine-modules-'))
afterAll(() => rmSync(place, { recursive: true, force: true }))

const features = ['bulk-memory', 'sign-ext', 'nontrapping-float-to-int', 'multivalue', 'mutable-globals']
const laterFeatures = ['tail-call', 'extended-const', 'simd']

/** What binaryen makes of random bytes: terminating functions that log what they compute, without NaNs. */
function randomModule(seed: number, more: readonly string[] = []): Uint8Array {
  let state = seed
  const bytes = Uint8Array.from({ length: 6000 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
  const [input, output] = [join(place, `${seed}.bytes`), join(place, `${seed}.wasm`)]
  writeFileSync(input, bytes)
  const options = [
    '-ttf',
    input,
    '-o',
    output,
    '--denan',
    '--mvp-features',
    ...[...features, ...more].map((name) => `--enable-${name}`),
  ]
  execFileSync(join(repository, 'node_modules/.bin/wasm-opt'), options, { stdio: 'ignore' })
  const module = binaryen.readBinary(new Uint8Array(readFileSync(output)))
  module.setFeatures(binaryen.Features.All)
  module.addMemoryExport('0', 'memory')
  const made = module.emitBinary()
  module.dispose()
  return made
}

type Function = (...given: number[]) => unknown

/** Calls every export; what they log and answer. Suspended: at each pause and each import it unwinds, and rewinds. */
function run(bytes: Uint8Array, { suspended = false, sliceFuel = 2 ** 30 } = {}) {
  const log: string[] = []
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)
  const exports: Record<string, unknown> = {}
  const call = (name: string, ...given: number[]) => (exports[name] as Function)(...given)
  let frames = 0
  let pauses = 0
  /** Whether the import does what it does now. */
  const passes = (): boolean => {
    if (!suspended) return true
    if (call('asyncify_get_state') === 2) {
      call('asyncify_stop_rewind')
      return false
    }
    call('asyncify_start_unwind', frames)
    return true
  }
  const meter = {
    pause: () => {
      pauses += 1
      if (passes()) (exports[fuelExport] as { value: number }).value = sliceFuel
    },
    grow: (pages: number) => {
      try {
        return (exports.memory as WebAssembly.Memory).grow(pages >>> 0)
      } catch {
        return -1
      }
    },
    overflow: () => {
      throw new Error('too deep')
    },
  }
  const imports: WebAssembly.Imports = { [meterImports]: meter }
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from === meterImports) continue
    imports[from] ??= {}
    imports[from][name] = (...given: unknown[]) => {
      if (passes()) log.push(`${name} ${given.map(String).join()}`)
    }
  }
  Object.assign(exports, new WebAssembly.Instance(module, imports).exports)
  const fuel = exports[fuelExport] as { value: number } | undefined
  if (fuel) fuel.value = sliceFuel
  if (suspended) {
    const { buffer } = exports.memory as WebAssembly.Memory
    frames = buffer.byteLength - 60_000
    new DataView(buffer).setUint32(frames, frames + 8, true)
    new DataView(buffer).setUint32(frames + 4, frames + 59_000, true)
  }
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value !== 'function' || /^(asyncify|meter)/.test(name)) continue
    try {
      let answer = call(name, ...Array(value.length).fill(3))
      while (suspended && call('asyncify_get_state') === 1) {
        call('asyncify_stop_unwind')
        call('asyncify_start_rewind', frames)
        answer = call(name, ...Array(value.length).fill(3))
      }
      log.push(`${name} answers ${String(answer)}`)
    } catch (error) {
      // Which of two traps comes first, an optimizer may choose.
      log.push(`${name} ${error instanceof WebAssembly.RuntimeError ? 'traps' : String(error)}`)
      const depth = exports[depthExport] as { value: number } | undefined
      if (depth) depth.value = 0
    }
  }
  return { log, pauses }
}

const seed = Number(process.env.VITRINE_SEED ?? 1) % 1_000_000

describe('a random module', () => {
  const runs = Number(process.env.VITRINE_RUNS ?? 2)
  const compare = (plain: Uint8Array, seed: number) => {
    const metered = meterModule(plain)
    const suspendable = makeSuspendable(metered.bytes)
    const { log } = run(plain)
    expect(log.length).toBeGreaterThan(0)
    for (const sliceFuel of [1, 7, 100, 2 ** 30]) {
      expect(run(metered.bytes, { sliceFuel }).log, `seed ${seed}, slices of ${sliceFuel}`).toEqual(log)
      expect(run(suspendable, { suspended: true, sliceFuel }).log, `suspended, seed ${seed}`).toEqual(log)
    }
  }

  it.each(Array.from({ length: runs }, (_, more) => more))('does the same metered and suspended (seed + %d)', (more) =>
    compare(randomModule(seed + more), seed + more),
  )

  it('of later features does the same, or is refused in a sentence', () => {
    let accepted = 0
    for (let more = 0; accepted < runs && more < 10 * runs; more++) {
      try {
        compare(randomModule(seed + more, laterFeatures), seed + more)
        accepted += 1
      } catch (error) {
        if ((error as Error).name !== 'ModuleError') throw error
      }
    }
    expect(accepted).toBe(runs)
  })

  it('of tail calls does the same', () => {
    const text = (table: string) => `(module (import "host" "log" (func $log (param i32)))
      (memory (export "memory") 1) (type $step (func (param i32 i64) (result i32))) ${table}
      (func $sum (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
        (i32.add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
      (func $even (param i32 i64) (result i32) (local i32)
        (if (i32.eqz (local.get 0)) (then (return_call $sum (i32.const 9))))
        (local.set 2 (i32.add (call $sum (i32.const 4)) (call $last (local.get 0))))
        (call $log (i32.add (local.get 2) (i32.wrap_i64 (local.get 1))))
        (return_call $odd (f64.const 2.5) (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 3))))
      (func $odd (param f64 i32 i64) (result i32)
        (return_call_indirect (type $step) (local.get 1) (local.get 2) (i32.and (local.get 1) (i32.const 1))))
      (func $other (param i32 i64) (result i32) (call $tell (local.get 0)) (return_call $even (local.get 0) (local.get 1)))
      (func $last (param i32) (result i32) (return_call $sum (i32.and (local.get 0) (i32.const 3))))
      (func $tell (param i32) (return_call $log (local.get 0)))
      (func (export "run") (param i32) (result i32)
        (i32.add (call $even (i32.const 20) (i64.const 1)) (call $other (local.get 0) (i64.const 0)))))`
    for (const table of ['(table 2 2 funcref)', '(table (export "table") 2 2 funcref)'])
      compare(fromText(text(`${table} (elem (i32.const 0) $even $other)`)), 0)
  })

  it('with a bit of it turned is refused in a sentence, or is one as before', () => {
    const plain = randomModule(seed)
    for (let at = 8; at < plain.length; at += 1 + (plain.length >> 9)) {
      const turned = plain.slice()
      turned[at]! ^= 1 << (at % 8)
      try {
        const { bytes } = meterModule(turned)
        // What is no module is refused before; what is one stays one.
        if (WebAssembly.validate(turned as Uint8Array<ArrayBuffer>))
          expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>), `byte ${at}`).toBe(true)
      } catch (error) {
        if ((error as Error).name !== 'ModuleError') throw error
      }
    }
  })
})

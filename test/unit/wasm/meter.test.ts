// What the metering pass adds to a module, seen by running it.

import { describe, expect, it } from 'vitest'
import { depthExport, dirtyExport, fuelExport, meterImports, meterModule } from '../../../backends/sim/wasm/meter.ts'
import { Written } from '../../../backends/sim/wasm/written.ts'
import { fromText } from '../../support/modules.ts'

interface Metered {
  readonly exports: Record<string, (...given: number[]) => number>
  readonly global: (name: string) => { value: number }
  readonly pauses: number
}

/** Runs with so much fuel; a pause fills it up again. */
function run(text: string, { fuel = 1_000_000, grow = (_pages: number): number => -1 } = {}): Metered {
  const { bytes } = meterModule(fromText(text))
  const state = { pauses: 0 }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
    [meterImports]: {
      pause: () => {
        state.pauses += 1
        global(fuelExport).value = fuel
      },
      grow,
      overflow: () => {
        throw new Error('too deep')
      },
    },
  })
  const global = (name: string) => exports[name] as { value: number }
  global(fuelExport).value = fuel
  return {
    exports: exports as Metered['exports'],
    global,
    get pauses() {
      return state.pauses
    },
  }
}

/** What a call burns. */
function cost(text: string, ...given: number[]): number {
  const { exports, global } = run(text)
  exports.run!(...given)
  return 1_000_000 - global(fuelExport).value
}

const loop = `(module (func (export "run") (param i32) (result i32) (local i32)
  (loop $again
    (local.set 1 (i32.add (local.get 1) (local.get 0)))
    (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
  (local.get 1)))`

describe('fuel', () => {
  it('is burnt for each instruction that runs, and for no other', () => {
    const straight = '(module (func (export "run") (result i32) (i32.add (i32.const 1) (i32.const 2))))'
    expect(cost(straight)).toBe(4)
    const branch = (taken: number) =>
      cost('(module (func (export "run") (param i32) (if (local.get 0) (then (nop) (nop) (nop)) (else (nop)))))', taken)
    expect(branch(1) - branch(0)).toBe(2)
  })

  it('grows with the rounds of a loop, by the same amount each', () => {
    const each = cost(loop, 2) - cost(loop, 1)
    expect(each).toBeGreaterThan(5)
    expect(cost(loop, 1001) - cost(loop, 1)).toBe(1000 * each)
  })

  it('is counted the same however the work is spread over functions', () => {
    const text = `(module
      (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
      (func (export "run") (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (call $leaf (i32.const 3)))))`
    expect(cost(text, 2)).toBe(14)
  })

  it('makes a loop pause when there is none left, and go on behind the pause', () => {
    const metered = run(loop, { fuel: 100 })
    expect(metered.exports.run!(1000)).toBe(500_500)
    expect(metered.pauses).toBeGreaterThan(50)
  })

  it('makes calls pause that recurse without a loop', () => {
    const text = `(module (func $fibonacci (export "run") (param i32) (result i32)
      (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add
        (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
        (call $fibonacci (i32.sub (local.get 0) (i32.const 2))))))))`
    const metered = run(text, { fuel: 100 })
    expect(metered.exports.run!(15)).toBe(610)
    expect(metered.pauses).toBeGreaterThan(50)
  })

  it('is burnt by the length of what is copied and filled', () => {
    const text = (bytes: number) => `(module (memory 2) (func (export "run")
      (memory.fill (i32.const 0) (i32.const 1) (i32.const ${bytes}))
      (memory.copy (i32.const 0) (i32.const 0) (i32.const ${bytes}))))`
    expect(cost(text(65536)) - cost(text(0))).toBe(2048)
  })
})

describe('depth', () => {
  const recursion = `(module (global $deepest (mut i32) (i32.const 0))
    (func $down (export "run") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
      (call $down (i32.sub (local.get 0) (i32.const 1)))))`

  it('is back where it was behind every kind of return', () => {
    const metered = run(recursion)
    expect(metered.exports.run!(100)).toBe(7)
    expect(metered.global(depthExport).value).toBe(0)
  })

  it('ends what goes too deep before the engine does', () => {
    expect(() => run(recursion).exports.run!(1_000_000)).toThrow('too deep')
  })

  it('counts functions with many variables for more', () => {
    const deepest = (locals: string) => {
      const text = `(module (global $n (export "n") (mut i32) (i32.const 0)) (func $down (export "run") ${locals}
        (global.set $n (i32.add (global.get $n) (i32.const 1))) (call $down)))`
      const metered = run(text)
      expect(() => metered.exports.run!()).toThrow('too deep')
      return metered.global('n').value
    }
    expect(deepest(`(local ${'i64 '.repeat(100)})`)).toBeLessThan(deepest('') / 4)
  })
})

describe('what is written to', () => {
  /** Chunks of 64 KiB that are said to have been written to, and whether all that have changed are among them. */
  function written(body: string, address: number, value = 7) {
    const text = `(module (memory (export "memory") 40) (data $d "some bytes")
      (func $same (param i32) (result i32) (local.get 0))
      (func (export "run") (param i32 i32) (local i32) ${body}))`
    const { exports, global } = run(text)
    exports.run!(address, value)
    const marks = new Written()
    marks.addMarks(global(dirtyExport).value as unknown as bigint)
    const { buffer } = (exports as unknown as { memory: WebAssembly.Memory }).memory
    const changed = [...Array(40).keys()].filter((chunk) =>
      new Uint8Array(buffer, chunk * 65536, 65536).some((byte) => byte !== 0),
    )
    const marked = [...Array(40).keys()].filter((chunk) => marks.has(chunk))
    return { changed, marked, isComplete: changed.every((chunk) => marked.includes(chunk)) }
  }
  const start = 5 * 65536
  const stores: [string, string][] = [
    ['a variable', '(i32.store (local.get 0) (local.get 1))'],
    ['a variable that changes behind it', '(i32.store (local.get 0) (local.tee 0 (local.get 1)))'],
    ['an offset', '(i32.store offset=1000000 (local.get 0) (local.get 1))'],
    ['a sum', '(i32.store8 (i32.add (local.get 0) (i32.const 70000)) (local.get 1))'],
    ['a number', '(i32.store16 offset=655360 (i32.const 1234) (local.get 1))'],
    ['a call', '(i64.store (call $same (local.get 0)) (i64.const -1))'],
    ['an address under a call', '(i32.store (local.get 0) (call $same (local.get 1)))'],
    ['an address under a block', '(f64.store (local.get 0) (block (result f64) (f64.const 7)))'],
    ['a vector', '(v128.store (local.get 0) (i32x4.splat (local.get 1)))'],
    ['two bases', '(i32.store (local.get 0) (local.get 1)) (i32.store offset=131072 (local.get 0) (local.get 1))'],
    [
      'one variable, assigned anew',
      '(i32.store (local.get 0) (local.get 1)) (local.set 0 (i32.const 1966080)) (i32.store (local.get 0) (local.get 1))',
    ],
    ['a filled range', '(memory.fill (local.get 0) (local.get 1) (i32.const 65536))'],
    ['a long filled range', '(memory.fill (local.get 0) (local.get 1) (i32.const 700000))'],
    ['data', '(memory.init $d (local.get 0) (i32.const 0) (i32.const 10))'],
    [
      'a loop',
      '(loop $l (i32.store (local.get 0) (local.get 1)) (local.set 0 (i32.add (local.get 0) (i32.const 65536))) (br_if $l (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 9))))',
    ],
    [
      'a loop that calls',
      '(loop $l (i32.store (local.get 0) (local.get 1)) (local.set 0 (i32.add (call $same (local.get 0)) (i32.const 65536))) (br_if $l (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 9))))',
    ],
  ]
  it.each(stores)('is marked by its chunk: %s', (_, body) => {
    // Also where it goes on into the chunk behind.
    for (const address of [start, start + 100, start + 65533]) {
      const { changed, isComplete } = written(body, address)
      expect(changed).not.toEqual([])
      expect(isComplete).toBe(true)
    }
  })

  it('is little more than that', () => {
    expect(written('(i32.store (local.get 0) (local.get 1))', start).marked).toEqual([5, 6])
    expect(written('(drop (i32.load (local.get 0)))', start).marked).toEqual([])
  })
})

describe('memory.grow', () => {
  it('asks, and gives what is answered', () => {
    const asked: number[] = []
    const text = '(module (memory 1) (func (export "run") (result i32) (memory.grow (i32.const 5))))'
    const grow = (pages: number) => {
      asked.push(pages)
      return 42
    }
    expect(run(text, { grow }).exports.run!()).toBe(42)
    expect(asked).toEqual([5])
  })
})

describe('a NaN', () => {
  const bits = (body: string) =>
    BigInt.asUintN(
      64,
      run(`(module (memory 1) (func (export "run") (param f64) (result i64) (local f64)
        ${body}))`).exports.run!(Number.NaN) as unknown as bigint,
    )
  const canonical = 0x7ff8000000000000n

  it('that arithmetic gives has canonical bits wherever it is looked at', () => {
    const zero = '(f64.const 0)'
    expect(bits(`(i64.reinterpret_f64 (f64.div ${zero} ${zero}))`)).toBe(canonical)
    expect(bits(`(local.set 1 (f64.div ${zero} ${zero})) (i64.reinterpret_f64 (local.get 1))`)).toBe(canonical)
    expect(bits(`(f64.store (i32.const 0) (f64.sqrt (f64.const -1))) (i64.load (i32.const 0))`)).toBe(canonical)
    expect(bits(`(i64.reinterpret_f64 (f64.add (f64.mul (f64.const nan:0xfffff) ${zero}) (f64.const 1)))`)).toBe(
      canonical,
    )
  })

  it('that is only copied keeps its bits, as WebAssembly wants it', () => {
    expect(bits('(i64.reinterpret_f64 (f64.const -nan:0x123456789))')).toBe(0xfff0000123456789n)
  })
})

describe('a module', () => {
  const refusals: [string, string][] = [
    ['threads', '(module (memory 1 1 shared))'],
    ['exceptions', '(module (tag $t) (func (throw $t)))'],
    ['table.set', '(module (table 1 funcref) (func (table.set (i32.const 0) (ref.null func))))'],
    [
      'relaxed vectors',
      '(module (func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))))',
    ],
    ['a memory of 64 bits', '(module (memory i64 1))'],
    ['several memories', '(module (memory 1) (memory 1))'],
    ['tables of 2000000 entries', '(module (table 2000000 funcref))'],
    ['garbage collected types', '(module (type $t (struct)) (func (drop (struct.new $t))))'],
  ]
  it.each(refusals)('that uses %s is refused by name', (what, text) => {
    expect(() => meterModule(fromText(text))).toThrow(what)
  })

  it('that is cut off is refused in a sentence, or a shorter module', () => {
    const whole = fromText(loop)
    for (let length = 0; length < whole.length; length++) {
      try {
        meterModule(whole.subarray(0, length))
      } catch (error) {
        expect((error as Error).name).toBe('ModuleError')
        expect((error as Error).message).toMatch(/^(this|the module|a (function|number) of the module)/)
      }
    }
    expect(() => meterModule(whole.subarray(0, whole.length - 1))).toThrow('ends in the middle')
  })

  it('keeps its start function for whoever runs it', () => {
    const { bytes, start } = meterModule(
      fromText(
        '(module (global $g (export "g") (mut i32) (i32.const 0)) (start $s) (func $s (global.set $g (i32.const 9))))',
      ),
    )
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
      [meterImports]: { pause: () => {}, grow: () => -1, overflow: () => {} },
    })
    const g = exports.g as { value: number }
    expect(g.value).toBe(0)
    ;(exports[start!] as () => void)()
    expect(g.value).toBe(9)
  })
})

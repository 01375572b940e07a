// Tail calls: a million behind each other take no room, and a process may be stopped in any of them.

import { describe, expect, it } from 'vitest'
import { prepare } from '../../../backends/sim/wasm/prepare.ts'
import { guest } from '../../../backends/sim/wasm/process.ts'
import { load } from '../../../backends/sim/wasm/program.ts'
import { guestMachine } from '../../support/guests.ts'
import { fromText } from '../../support/modules.ts'

/** Ends with what `$run` answers of a number. @param more - fields of the module */
const ends = (count: number, more: string) => {
  const text = `(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (type $step (func (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    ${more}
    (func (export "_start") (call $exit (i32.sub (call $run (i32.const ${count}) (i32.const 7)) (i32.const 7)))))`
  return guestMachine(guest(load(prepare(fromText(text)))), ['tail']).run(['tail'])
}

const less = '(i32.sub (local.get 0) (i32.const 1))'
const done = (what = '(local.get 1)') => `(if (i32.eqz (local.get 0)) (then (return ${what})))`
const head = '(param i32 i32) (result i32)'

/** What answers its second number when the first has been counted down. */
const loops: Readonly<Record<string, string>> = {
  'of itself': `(func $run ${head} ${done()} (return_call $run ${less} (local.get 1)))`,
  'to and fro': `(func $run ${head} ${done()} (return_call $fro (local.get 1) ${less}))
    (func $fro ${head} (local i64 f64) (return_call $run (local.get 1) (local.get 0)))`,
  'by a table': `(table 2 2 funcref) (elem (i32.const 0) $run $fro)
    (func $run ${head} ${done()}
      (return_call_indirect (type $step) ${less} (local.get 1) (i32.and (local.get 0) (i32.const 1))))
    (func $fro ${head} (return_call $run (local.get 0) (local.get 1)))`,
  'around calls that are none': `(func $run ${head} ${done()}
      (drop (call $three (local.get 0) (i32.const 0)))
      (return_call $fro ${less} (local.get 1)))
    (func $three ${head} (return_call $four (local.get 0) (i32.const 3)))
    (func $four ${head} (local.get 1))
    (func $fro ${head} (local.set 1 (i32.add (local.get 1) (call $four (i32.const 1) (i32.const 0))))
      (return_call $run (local.get 0) (local.get 1)))`,
}
const waiting = `(func $run ${head} ${done()} (drop (call $yield)) (return_call $fro ${less} (local.get 1)))
  (func $fro ${head} (local i32) (local.set 2 (call $yield)) (return_call $run (local.get 0) (i32.add (local.get 1) (local.get 2))))`

describe('a loop of tail calls', () => {
  it.each(Object.entries(loops))('%s goes round a million times', (_, text) => {
    expect(ends(1_000_000, text)).toMatchObject({ code: 0, signal: 0 })
  })

  it('goes round and makes system calls', () => {
    expect(ends(2000, waiting)).toMatchObject({ code: 0, signal: 0 })
  })

  it('ends where a call is in it that is none', () => {
    const deep = `(func $run ${head} ${done()} (return_call $fro ${less} (local.get 1)))
      (func $fro ${head} (i32.add (call $run (local.get 0) (local.get 1)) (i32.const 0)))`
    expect(ends(100, deep)).toMatchObject({ code: 0, signal: 0 })
    expect(ends(1_000_000, deep)).toMatchObject({ signal: 11 })
  })

  it('counts as deep where it may call what is imported', () => {
    const listed = `(table 1 1 funcref) (elem (i32.const 0) $yield) (type $none (func (result i32)))
      (func $run ${head} (local.set 0 (call $once)) (i32.add (local.get 0) (local.get 1)))
      (func $once (result i32) (return_call_indirect (type $none) (i32.const 0)))`
    expect(ends(1, listed)).toMatchObject({ code: 0, signal: 0 })
    const shared = loops['by a table']!.replace('(table', '(table (export "table")')
    expect(ends(100, shared)).toMatchObject({ code: 0, signal: 0 })
    expect(ends(1_000_000, shared)).toMatchObject({ signal: 11 })
    const direct = `(func $run ${head} (i32.add (call $once) (local.get 1))) (func $once (result i32) (return_call $yield))`
    expect(ends(1, direct)).toMatchObject({ code: 0, signal: 0 })
  })
})

// Programs that are made to do harm: each ends by the limit that is for it, or is refused in a sentence; nothing is thrown out of
// the machine, and others go on.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ModuleError } from '../../../backends/sim/wasm/binary.ts'
import { programLoader } from '../../../backends/sim/wasm/loader.ts'
import { planOf } from '../../../backends/sim/wasm/prepare.ts'
import { isDenied } from '../../../sim/outcome.ts'
import { runUntil } from '../../../sim/run.ts'
import { guestMachine } from '../../support/guests.ts'
import { fromText } from '../../support/modules.ts'
import { repository } from '../../support/source.ts'

const nothing = function* () {
  yield { name: 'getpid' } as const
  return 0
}

/** A machine of 64 MiB, and what becomes of a file that is executed on it: how it ended, what it still does, or why it was refused. */
function hostileMachine(group: Readonly<Record<string, string>> = {}) {
  const machine = guestMachine(nothing, ['well'], { memoryBytes: 2 ** 26, componentOf: programLoader() })
  const { kernel, call } = machine
  const write = (pathname: string, buf: Uint8Array | string, mode = 0o755) => {
    const fd = call({ name: 'openat', dirfd: -100, pathname, flags: 0o1101, mode }).value
    call({ name: 'write', fd, buf })
    call({ name: 'close', fd })
  }
  const cgroup = '/sys/fs/cgroup/hostile'
  let files = 0
  const start = (file: Uint8Array) => {
    const pathname = `/bin/hostile${files++}`
    write(pathname, file)
    const { value: pid } = call({ name: 'fork' })
    const task = kernel.lastBorn!
    if (Object.keys(group).length > 0) {
      write('/sys/fs/cgroup/cgroup.subtree_control', '+memory')
      call({ name: 'mkdirat', dirfd: -100, pathname: cgroup, mode: 0o755 })
      for (const [name, text] of Object.entries(group)) write(`${cgroup}/${name}`, text)
      write(`${cgroup}/cgroup.procs`, String(pid))
    }
    return {
      pid,
      task,
      answer: kernel.call(task, { name: 'execve', pathname, argv: ['hostile'], envp: [] }),
    }
  }
  const run = (file: Uint8Array, limitNs = 2e8) => {
    const { task, answer } = start(file)
    if (answer && isDenied(answer)) return answer.errno
    runUntil(kernel, () => !task.alive, kernel.clock.nowNs + limitNs)
    // Whatever it did, others are executed.
    expect(machine.run(['well'])).toMatchObject({ code: 0, signal: 0 })
    const { code, signal } = task.process.ending ?? {}
    return task.alive ? 'runs' : signal ? `signal ${signal}` : `exit ${code}`
  }
  return { ...machine, start, run }
}

const program = (text: string, before = '(memory (export "memory") 1)') =>
  fromText(`(module ${before} (func $start (export "_start") ${text}))`)
const again = '(loop $again (br $again))'
const numRuns = Number(process.env.VITRINE_RUNS ?? 300)
const [SIGILL, SIGKILL, SIGSEGV] = [4, 9, 11].map((signal) => `signal ${signal}`)

describe('a hostile program', () => {
  it('that loops takes its time from nobody, and is killed', () => {
    const { kernel, start, run, call } = hostileMachine()
    const { task, pid } = start(program(again))
    expect(run(program(''))).toBe('exit 0')
    runUntil(kernel, () => false, kernel.clock.nowNs + 1e9)
    expect(task.alive).toBe(true)
    call({ name: 'kill', pid, sig: 9 })
    runUntil(kernel, () => !task.alive, kernel.clock.nowNs + 1e9)
    expect(task.process.ending).toMatchObject({ signal: 9 })
  })

  it.each([
    ['calls itself without end', '(call $start)'],
    ['calls itself with many variables', `(local ${'i64 '.repeat(40_000)}) (call $start) (local.set 0 (i64.const 1))`],
    ['calls itself through a table', '(call_indirect (i32.const 0))'],
  ])('that %s is ended by SIGSEGV', (_, text) => {
    const memory = '(memory (export "memory") 1) (table 1 funcref) (elem (i32.const 0) $start)'
    expect(hostileMachine().run(program(text, memory))).toBe(SIGSEGV)
  })

  it('that takes memory gets no more than there is, and is killed above memory.max', () => {
    const all = '(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)'
    expect(hostileMachine({ 'memory.max': '4194304' }).run(program(all))).toBe(SIGKILL)
    expect([SIGILL, SIGKILL]).toContain(hostileMachine().run(program(all)))
    const atOnce = '(if (i32.ne (memory.grow (i32.const 65000)) (i32.const -1)) (then (unreachable)))'
    expect(['exit 0', SIGKILL]).toContain(hostileMachine().run(program(atOnce)))
  })

  it('that begins with all memory that there can be is ended before it runs', () => {
    expect(hostileMachine().run(program('', '(memory (export "memory") 65536)'))).toBe(SIGKILL)
    expect(hostileMachine({ 'memory.max': '4194304' }).run(program('', '(memory (export "memory") 900)'))).toBe(SIGKILL)
  })

  it.each([
    ['with more of a table than is allowed', program('', '(memory (export "memory") 1) (table 10000001 funcref)')],
    [
      'whose table can grow',
      program('(drop (table.grow (ref.null func) (i32.const 1)))', '(memory (export "memory") 1) (table 1 funcref)'),
    ],
    ['that imports a function of the host', program('', '(import "env" "system" (func)) (memory (export "memory") 1)')],
    [
      'that imports what WASI has not',
      program('', '(import "wasi_snapshot_preview1" "fork" (func)) (memory (export "memory") 1)'),
    ],
    ['that imports its memory', fromText('(module (import "env" "memory" (memory 1)) (func (export "_start")))')],
    ['without memory', fromText('(module (func (export "_start")))')],
    ['with threads', program('', '(memory (export "memory") 1 1 shared)')],
    ['that is cut off', program(again).subarray(0, 30)],
    ['that is nothing but a head', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)],
    ['that is nothing but the head of a component', Uint8Array.of(0, 0x61, 0x73, 0x6d, 13, 0, 1, 0)],
    ['of a later version', Uint8Array.of(0, 0x61, 0x73, 0x6d, 99, 0, 0, 0)],
  ])('%s is not executed', (_, file) => {
    expect(hostileMachine().run(file)).toBe('ENOEXEC')
  })

  it('with functions of another type behind the names of WASI is refused, or ended', () => {
    const odd =
      '(import "wasi_snapshot_preview1" "fd_write" (func $f (param i64) (result i64))) (memory (export "memory") 1)'
    expect(['ENOEXEC', SIGSEGV]).toContain(hostileMachine().run(program('(drop (call $f (i64.const -1)))', odd)))
  })

  it.each([
    ['a start function that does not end', `(memory (export "memory") 1) (start $s) (func $s ${again})`, 'runs'],
    ['a start function that traps', '(memory (export "memory") 1) (start $s) (func $s (unreachable))', SIGILL],
    ['data outside of its memory', '(memory (export "memory") 1) (data (i32.const 65535) "ab")', SIGSEGV],
    [
      'elements outside of its table',
      '(memory (export "memory") 1) (table 1 funcref) (elem (i32.const 1) $start)',
      SIGSEGV,
    ],
    [
      'names of the metering pass',
      '(memory (export "memory") 1) (global (export "meter:fuel") (mut i32) (i32.const 9))',
      'ENOEXEC',
    ],
  ])('with %s harms nobody', (_, before, end) => {
    expect(hostileMachine().run(program('', before))).toBe(end)
  })

  it('of blocks in blocks, or of many branches, is executed or refused', () => {
    for (const depth of [1000, 20_000]) {
      // By bytes: the tool that reads text would be the first to give up.
      const body = [0, ...Array(depth).fill([0x02, 0x40]).flat(), ...Array(depth + 1).fill(0x0b)]
      expect(['exit 0', 'ENOEXEC']).toContain(hostileMachine().run(moduleOf(body)))
    }
    const loops = [0, ...Array(20_000).fill([0x03, 0x40]).flat(), ...Array(20_001).fill(0x0b)]
    expect(hostileMachine().run(moduleOf(loops))).toBe('ENOEXEC')
    const branches = `(block $b (br_table ${'$b '.repeat(60_000)} (i32.const 7)))`
    expect(['exit 0', 'ENOEXEC']).toContain(hostileMachine().run(program(branches)))
  })
})

/** `_start` with this body, and a memory. */
function moduleOf(body: readonly number[]): Uint8Array {
  const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)])
  const section = (id: number, ...bytes: number[]) => [id, ...leb(bytes.length), ...bytes]
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...name('memory'), 2, 0, ...name('_start'), 0, 0),
    ...section(10, 1, ...leb(body.length), ...body),
  ])
}

describe('bytes that begin as WebAssembly does', () => {
  const whole = program(
    `(local i32) (if (local.get 0) (then ${again})) (memory.fill (i32.const 0) (i32.const 1) (i32.const 9))`,
  )

  it('are a program, or are not executed', () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    const mutant = changes.map((list) => {
      const bytes = whole.slice()
      for (const [at, value] of list) if (at >= 4) bytes[at] = value
      return bytes
    })
    const noise = fc
      .tuple(fc.constantFrom([1, 0, 0, 0], [13, 0, 1, 0]), fc.uint8Array({ maxLength: 200 }))
      .map(([version, rest]) => Uint8Array.from([0, 0x61, 0x73, 0x6d, ...version, ...rest]))
    const { run } = hostileMachine()
    fc.assert(
      fc.property(fc.oneof(mutant, noise), (file) => {
        // Many change what it does, and not whether it is one.
        expect(run(file, 1e6)).toMatch(/^(ENOEXEC|runs|exit 0|signal (4|8|9|11))$/)
      }),
      { numRuns },
    )
  })

  it('and as a component are read, or refused in a sentence', () => {
    const component = readFileSync(join(repository, 'prebuilds/guests/box/component.wasm'))
    // What stands around the module in it.
    const places = fc.oneof(fc.nat(4000), fc.integer({ min: component.length - 4000, max: component.length - 1 }))
    const changes = fc.array(fc.tuple(places, fc.nat(255)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = new Uint8Array(component)
        for (const [at, value] of list) bytes[at] = value
        try {
          planOf(bytes)
        } catch (error) {
          if (!(error instanceof ModuleError)) throw error
          expect(error.message).toMatch(/^[a-z].{10,}/)
        }
      }),
      { numRuns },
    )
  })
})

// Components of WASI 0.2, as any compiler makes them, as processes of the simulated machine.

import { beforeAll, describe, expect, it } from 'vitest'
import { prepare } from '../../../backends/sim/wasm/prepare.ts'
import { compile } from '../../../scripts/guests/clang.ts'
import type { Program } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import { type GuestMachine, guestMachine } from '../../support/guests.ts'
import { adapter, standardComponent, standardModule, standardProgram } from '../../support/standard.ts'
import { pipe, read, started, write } from '../../support/started.ts'

const adapterBytes = adapter()
const why = adapterBytes ? '' : ': skipped, the adapter of WASI cannot be fetched'

const start = (machine: GuestMachine, argv: readonly string[], ...rest: Rest) =>
  started(machine, '/bin/standard', argv, ...rest)
type Rest = Parameters<typeof started> extends [unknown, unknown, unknown, ...infer R] ? R : never

describe.skipIf(!adapterBytes)(`a component of WASI${why}`, () => {
  let program: Program
  beforeAll(async () => {
    program = await standardProgram(await standardComponent('test/guests/standard.c', adapterBytes!))
  }, 120_000)
  const machine = (seed = 1) => guestMachine(program, ['standard'], { seed })
  const run = (argv: readonly string[], seed?: number) => machine(seed).run(['standard', ...argv])

  it('gets its arguments and environment, and tells with 1 that it has failed: WASI 0.2 has no other number', () => {
    const { output, code } = machine().run(['standard', 'hello', 'b  c'], { env: { WHO: 'me' } })
    expect(output).toBe('standard\nhello\nb  c\nWHO=me\n')
    expect(code).toBe(1)
  })

  it('reads its input, and files', () => {
    expect(machine().run(['standard', 'cat'], { input: 'a\nb\n' })).toEqual({ output: 'a\nb\n', code: 0, signal: 0 })
    expect(run(['cat', '/proc/sys/kernel/ostype']).output).toBe('Linux\n')
    expect(run(['cat', '/nowhere'])).toEqual({ output: '/nowhere: No such file or directory\n', code: 1, signal: 0 })
  })

  it('writes files, appends to them, and asks how long they are', () => {
    const guests = machine()
    expect(guests.run(['standard', 'keep', '/tmp/x', 'abc\n']).output).toBe('9 bytes\n')
    expect(guests.run(['standard', 'cat', '/tmp/x']).output).toBe('abc\nmore\n')
  })

  it('makes directories, renames and removes', () => {
    const guests = machine()
    write(guests, '/tmp/x', 'x')
    expect(guests.run(['standard', 'move', '/tmp/d', '/tmp/x', '/tmp/d/y']).output).toBe('moved\n')
    expect(guests.run(['standard', 'list', '/tmp']).output.split('\n').sort()).toEqual(['', '../', './'])
  })

  it('lists what is in a directory', () => {
    const names = run(['list', '/']).output.split('\n')
    expect(names).toEqual(expect.arrayContaining(['bin/', 'proc/', 'tmp/', '.input']))
  })

  it('has the rights of its process', () => {
    const guests = machine()
    guests.call({ name: 'openat', dirfd: -100, pathname: '/tmp/secret', flags: 0o101, mode: 0o600 })
    guests.call({ name: 'fork' })
    const task = guests.kernel.lastBorn!
    const [from, into] = pipe(guests)
    guests.call({ name: 'close', fd: from })
    guests.call({ name: 'close', fd: into })
    guests.kernel.call(task, { name: 'setuid', uid: 1000 })
    guests.kernel.call(task, {
      name: 'execve',
      pathname: '/bin/standard',
      argv: ['standard', 'cat', '/tmp/secret'],
      envp: [],
    })
    runUntil(guests.kernel, () => !task.alive)
    expect(task.process.ending).toMatchObject({ code: 1 })
  })

  it('sleeps in virtual time', () => {
    expect(run(['rest']).output).toBe('250\n')
  })

  it('gets the same chance from the same seed, and another from another', () => {
    const [one, same, other] = [run(['chance'], 7), run(['chance'], 7), run(['chance'], 8)].map(({ output }) => output)
    expect(one).toMatch(/^[0-9a-f]{32}\n$/)
    expect(same).toBe(one)
    expect(other).not.toBe(one)
  })

  it('uses time of the processor for what it computes', () => {
    const { kernel, run } = machine()
    const before = kernel.clock.nowNs
    run(['standard', 'work', '1000000'])
    expect(kernel.clock.nowNs - before).toBeGreaterThan(3e6)
  })

  it('waits in a read while another one runs to its end', () => {
    const guests = machine()
    const [input, feed] = pipe(guests)
    const [result, output] = pipe(guests)
    const reader = start(
      guests,
      ['cat'],
      [
        [input, 0],
        [output, 1],
      ],
    )
    const worker = start(guests, ['work', '1000'], [[output, 1]])
    expect(runUntil(guests.kernel, () => !worker.alive)).toBe(true)
    expect(reader.alive).toBe(true)
    expect(read(guests, result)).toBe('499500\n')
    guests.call({ name: 'write', fd: feed, buf: 'late\n' })
    guests.call({ name: 'close', fd: feed })
    runUntil(guests.kernel, () => !reader.alive)
    expect(read(guests, result)).toBe('late\n')
    expect(reader.process.ending).toMatchObject({ code: 0, signal: 0 })
  })

  it('shares the processor with another one', () => {
    const guests = machine()
    const [result, output] = pipe(guests)
    const tasks = [start(guests, ['work', '300000'], [[output, 1]]), start(guests, ['work', '300001'], [[output, 1]])]
    runUntil(guests.kernel, () => tasks.every((task) => !task.alive))
    expect(read(guests, result).split('\n').length).toBe(3)
  })

  it('is killed when its cgroup has no memory left', () => {
    const guests = machine()
    write(guests, '/sys/fs/cgroup/cgroup.subtree_control', '+memory')
    guests.call({ name: 'mkdirat', dirfd: -100, pathname: '/sys/fs/cgroup/small', mode: 0o755 })
    write(guests, '/sys/fs/cgroup/small/memory.max', '4194304')
    const task = start(guests, ['eat', '64'], [], (pid) =>
      write(guests, '/sys/fs/cgroup/small/cgroup.procs', String(pid)),
    )
    runUntil(guests.kernel, () => !task.alive)
    expect(task.process.ending).toMatchObject({ signal: 9 })
  })
})

describe('paths of WASI', () => {
  const source = 'test/guests/standard.c'
  const worlds: readonly (readonly [string, () => Promise<Uint8Array>])[] = [
    ['a module of WASI 0.1', () => standardModule(source)],
    ...(adapterBytes ? [['a component of WASI 0.2', () => standardComponent(source, adapterBytes)] as const] : []),
  ]

  it.each(worlds)(
    'begin at the root for %s, wherever its process is: its C library drops the slash',
    async (_, made) => {
      const guests = guestMachine(await standardProgram(await made()), ['standard'])
      write(guests, '/where', 'root\n')
      write(guests, '/tmp/where', 'tmp\n')
      const [result, output] = pipe(guests)
      const cat = (path: string) => {
        const task = start(guests, ['cat', path], [[output, 1]], (_pid, task) =>
          guests.kernel.call(task, { name: 'chdir', path: '/tmp' }),
        )
        runUntil(guests.kernel, () => !task.alive)
        return read(guests, result)
      }
      expect(['where', './where', '/where', 'tmp/where', '/tmp/where'].map(cat)).toEqual([
        ...['root\n', 'root\n', 'root\n', 'tmp\n', 'tmp\n'],
      ])
    },
  )
})

describe('a component that asks for what processes do not have', () => {
  const asking = async (packageName: string, module: string) => {
    const { componentEmbed, componentNew } = await import('@bytecodealliance/jco-transpile/wasm-tools')
    const text = `__attribute__((import_module("${module}"), import_name("f"))) void f(void);
__attribute__((export_name("g"))) void g(void) { f(); }`
    const witSource = `package ${packageName}; interface types { f: func(); } world w { import types; export g: func(); }`
    const binary = await compile({ 'main.c': text })
    return await componentNew(await componentEmbed({ binary, witSource, world: 'w' }), [])
  }

  it('is refused by the name of that', async () => {
    const http = await asking('wasi:http@0.2.0', 'wasi:http/types@0.2.0')
    expect(() => prepare(http)).toThrow('the component imports wasi:http/types@0.2.0, which processes do not have')
    const secrets = await asking('host:secrets', 'host:secrets/types')
    expect(() => prepare(secrets)).toThrow('host:secrets/types')
  })

  it('is refused when a later WASI has it', async () => {
    const later = await asking('wasi:cli@0.3.0', 'wasi:cli/types@0.3.0')
    expect(() => prepare(later)).toThrow('wasi:cli/types@0.3.0')
  })
})

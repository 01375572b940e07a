// Guests of the simulated machine as the build has made them, and a machine on which they run.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { guest } from '../../backends/sim/wasm/process.ts'
import { load, type Prepared } from '../../backends/sim/wasm/program.ts'
import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../../sim/boot.ts'
import type { Config, Kernel } from '../../sim/kernel.ts'
import { isDenied } from '../../sim/outcome.ts'
import type { Program } from '../../sim/program.ts'
import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import { repository } from './source.ts'

/** @param name - of a folder of prebuilds/guests */
export function preparedGuest(name: string): Prepared {
  const place = join(repository, 'prebuilds/guests', name)
  const { modules, plan } = JSON.parse(readFileSync(join(place, 'index.json'), 'utf8'))
  return {
    plan,
    modules: Object.fromEntries(
      modules.map(({ file, ...rest }: { file: string }) => [
        file,
        { ...rest, bytes: new Uint8Array(readFileSync(join(place, file))) },
      ]),
    ),
  }
}

export async function builtGuest(name: string): Promise<Program> {
  return guest(load(preparedGuest(name)))
}

export interface GuestMachine {
  readonly kernel: Kernel
  /** Runs a program to its end: what it wrote to its standard output and error, together, and how it ended. */
  readonly run: (argv: readonly string[], options?: RunOptions) => { output: string; code: number; signal: number }
  readonly call: (call: Syscall) => { value: number; data?: Uint8Array }
}

export interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A machine with `/bin/NAME` for each name, all of which run the same program. */
export function guestMachine(program: Program, names: readonly string[], config: Partial<Config> = {}): GuestMachine {
  const kernel = bootKernel({ ...config, programs: { ...config.programs, box: program } })
  const make = (task: Task, given: Syscall) => {
    const outcome = kernel.call(task, given)
    if (outcome === undefined) throw new Error(`${given.name} waits`)
    if (isDenied(outcome)) throw new Error(`${given.name}: ${outcome.errno}: ${outcome.sentence}`)
    return outcome
  }
  const call = (given: Syscall) => make(kernel.init, given)
  const write = (path: string, text: string, mode: number) => {
    const fd = call({ name: 'openat', dirfd: -100, pathname: path, flags: 0o1101, mode }).value
    call({ name: 'write', fd, buf: text })
    call({ name: 'close', fd })
  }
  for (const path of ['/bin', '/tmp'])
    if (isDenied(kernel.call(kernel.init, { name: 'access', pathname: path, mode: 0 })))
      call({ name: 'mkdirat', dirfd: -100, pathname: path, mode: 0o755 })
  write('/bin/box', '#!sim box\n', 0o755)
  for (const name of names)
    call({ name: 'linkat', olddirfd: -100, oldpath: '/bin/box', newdirfd: -100, newpath: `/bin/${name}`, flags: 0 })
  const run = (argv: readonly string[], { input = '', env = {} }: RunOptions = {}) => {
    write('/.input', input, 0o600)
    call({ name: 'fork' })
    const task = kernel.lastBorn!
    for (const [path, flags, fds] of [
      ['/.input', 0, [0]],
      ['/.output', 0o1102, [1, 2]],
    ] as const) {
      const fd = make(task, { name: 'openat', dirfd: -100, pathname: path, flags, mode: 0o600 }).value
      for (const newfd of fds) if (newfd !== fd) make(task, { name: 'dup2', oldfd: fd, newfd })
      if (!(fds as readonly number[]).includes(fd)) make(task, { name: 'close', fd })
    }
    const variables = { PATH: '/bin', ...env }
    const envp = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
    kernel.call(task, { name: 'execve', pathname: `/bin/${argv[0]}`, argv, envp })
    if (!runUntil(kernel, () => !task.alive)) throw new Error(`${argv.join(' ')} never ends`)
    call({ name: 'wait4', pid: -1, wstatus: 4, options: 1, rusage: 0 })
    const fd = call({ name: 'openat', dirfd: -100, pathname: '/.output', flags: 0, mode: 0 }).value
    const { data } = call({ name: 'read', fd, buf: 1 << 24 })
    call({ name: 'close', fd })
    return { output: new TextDecoder().decode(data), ...task.process.ending! }
  }
  return { kernel, run, call }
}

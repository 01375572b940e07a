// The engine on a simulated machine: the same verbs, with a root file system of small programs.

import { openSimulated, type SimulatedOptions } from '../../backends/sim/kernel.ts'
import type { Host, Settings } from '../../core/engine/host.ts'
import { readText } from '../../core/files.ts'
import { type ContainerRequest, defaultRequest } from '../../core/spec/request.ts'
import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../../sim/boot.ts'
import type { Config, Kernel as Machine } from '../../sim/kernel.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Programs } from '../../sim/program.ts'
import type { Task } from '../../sim/task.ts'

export interface SimulatedEngine {
  readonly machine: Machine
  /** The task that makes the engine's calls. */
  readonly runtime: Task
  readonly host: Host
  readonly settings: Settings
  readonly warnings: string[]
  /** Argvs of cleanup commands that monitors asked for. */
  readonly cleanups: (readonly string[])[]
  readonly request: (command: readonly string[], more?: Partial<ContainerRequest>) => ContainerRequest
  readonly read: (path: string) => string
  /** The next command: a runtime of its own on the same machine. */
  readonly another: () => SimulatedEngine
}

export const programs: Programs = {
  *true() {
    yield { name: 'getpid' }
    return 0
  },
  *exit(argv) {
    yield { name: 'getpid' }
    return Number(argv[1] ?? 0)
  },
  *echo(argv): Generator<Syscall, number, Outcome> {
    yield { name: 'write', fd: 1, buf: `${argv.slice(1).join(' ')}\n` }
    return 0
  },
  *sleep(argv): Generator<Syscall, number, Outcome> {
    const tmo_p = BigInt(Number(argv[1] ?? 1) * 1e9)
    yield { name: 'ppoll', fds: [], tmo_p, sigmask: 0, sigsetsize: 8 }
    return 0
  },
}

/** @param more - what else its kernel is given */
export function openSimulatedEngine(config: Partial<Config> = {}, more: SimulatedOptions = {}): SimulatedEngine {
  const machine = bootKernel({ programs, ...config })
  const engine = engineOn(machine, more)
  const { kernel } = engine.host
  const make = (call: Syscall) => {
    const outcome = kernel.call(call)
    if ('errno' in outcome) throw new Error(`${JSON.stringify(call)}: ${outcome.errno}: ${outcome.sentence}`)
    return outcome.value
  }
  for (const directory of ['', '/bin', '/etc', '/proc', '/sys', '/dev', '/tmp', '/run'])
    make({ name: 'mkdirat', dirfd: -100, pathname: `/rootfs${directory}`, mode: 0o755 })
  for (const name of Object.keys({ ...programs, ...config.programs })) {
    const fd = make({ name: 'openat', dirfd: -100, pathname: `/rootfs/bin/${name}`, flags: 0o101, mode: 0o755 })
    make({ name: 'write', fd, buf: `#!sim ${name}\n` })
    make({ name: 'close', fd })
  }
  return engine
}

/** An engine on a machine that is there, with a runtime of its own or as the task that is given. */
export function engineOn(
  machine: Machine,
  more: SimulatedOptions = {},
  runtime = runtimeTask(machine),
): SimulatedEngine {
  const cleanups: (readonly string[])[] = []
  const warnings: string[] = []
  const cleanUp: SimulatedOptions['cleanUp'] = (argv, task) => {
    cleanups.push(argv)
    more.cleanUp?.(argv, task)
  }
  const kernel = openSimulated(machine, runtime, { ...more, cleanUp })
  const host: Host = {
    kernel,
    environment: {
      uid: 0,
      gid: 0,
      userName: 'root',
      home: '/root',
      variables: { PATH: '/bin' },
      architecture: 'amd64',
    },
    now: () => machine.config.bootSeconds * 1000 + Math.floor(machine.clock.nowNs / 1e6),
    monotonicNs: () => BigInt(machine.clock.nowNs),
    randomBytes: (count) => machine.random.bytes(count),
    sleep: async (milliseconds) => {
      await kernel.wait({ name: 'ppoll', fds: [], tmo_p: BigInt(milliseconds) * 1_000_000n, sigmask: 0, sigsetsize: 8 })
    },
    archive: async () => (await import('../../backends/linux/archive.ts')).openArchive(),
    http: async () => {
      throw new Error('no registry is reached from a simulated machine')
    },
    warn: (sentence) => void warnings.push(sentence),
  }
  const settings: Settings = {
    root: '/var/lib/vitrine',
    runroot: '/run/vitrine',
    cgroupParent: '/vitrine',
    selfArgv: ['/bin/vitrine'],
  }
  const source = { kind: 'rootfs', path: '/rootfs', overlay: true } as const
  return {
    machine,
    runtime,
    host,
    settings,
    warnings,
    cleanups,
    request: (command, more = {}) => ({ ...defaultRequest(source, command), network: { kind: 'none' }, ...more }),
    read: (path) => readText(kernel, path),
    another: () => engineOn(machine, more),
  }
}

/** A child of process 1 that is the runtime: root with all capabilities, without a program. */
function runtimeTask(machine: Machine): Task {
  const born = machine.call(machine.init, { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } })
  if (!born || isDenied(born)) throw new Error(`start the runtime: ${born?.errno}`)
  return machine.lastBorn!
}

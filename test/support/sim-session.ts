// A session with the engine on a simulated machine: containers of small programs, their output, and cleanup commands that run
// as tasks of the machine.

import type { SimulatedOptions } from '../../backends/sim/kernel.ts'
import { cleanup } from '../../core/engine/cleanup.ts'
import { exec } from '../../core/engine/exec.ts'
import type { Host } from '../../core/engine/host.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { logs } from '../../core/engine/logs.ts'
import { run } from '../../core/engine/run.ts'
import type { Started } from '../../core/engine/types.ts'
import type { ContainerRequest } from '../../core/spec/request.ts'
import type { Syscall } from '../../core/syscall.ts'
import type { Config } from '../../sim/kernel.ts'
import type { Task } from '../../sim/task.ts'
import { copy, removal } from './sim-copy.ts'
import { engineOn, openSimulatedEngine, programs, type SimulatedEngine } from './sim-engine.ts'
import { initProgram } from './sim-init.ts'
import { tools } from './sim-programs.ts'
import { shell } from './sim-shell.ts'

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

type More = Partial<ContainerRequest>

export interface Session extends SimulatedEngine {
  /** Runs a container in the background. */
  readonly detached: (command: readonly string[], more?: More) => Promise<Started>
  /** Runs a container to its end in the foreground. */
  readonly toEnd: (command: readonly string[], more?: More) => Promise<Output & { readonly id: string }>
  /** Runs a program in a container to its end. */
  readonly inside: (container: string, command: readonly string[]) => Promise<Output>
  /** What a container has written so far, by its log. */
  readonly written: (container: string) => Promise<{ readonly stdout: string; readonly stderr: string }>
  readonly stateOf: (container: string) => Promise<Awaited<ReturnType<typeof inspect>>['State']>
  /** The same machine for an ordinary user, who has to be able to read what he runs. */
  readonly asUser: () => Session
  /** Lets time pass, and cleanup commands that have begun come to their end. */
  readonly after: (milliseconds: number) => Promise<void>
  /** What a machine has that containers may leave behind: processes that live, mounts, cgroups, links, tables of nf_tables. */
  readonly leftovers: () => object
}

const decoder = new TextDecoder()

/** The ordinary user of `asUser`. */
const userId = 1000
const userHome = '/home/user'

/** What an ordinary user's commands know of him, and where they keep their state. */
function dressed(engine: SimulatedEngine): SimulatedEngine {
  const host: Host = { ...engine.host, initPath: () => '/bin/init' }
  if (Number(engine.runtime.credentials.uid) === 0) return { ...engine, host }
  const variables = { PATH: '/bin', HOME: userHome }
  const who = { uid: userId, gid: userId, userName: 'user', home: userHome, variables }
  return {
    ...engine,
    host: { ...host, environment: { ...host.environment, ...who } },
    settings: { ...engine.settings, root: `${userHome}/vitrine`, runroot: `/run/user/${userId}/vitrine` },
  }
}

export function openSession(config: Partial<Config> = {}): Session {
  const busy = new Set<Promise<void>>()
  const more: SimulatedOptions = {
    cleanUp: (argv, task) => {
      const done: Promise<void> = runCleanup(argv, task).finally(() => busy.delete(done))
      busy.add(done)
    },
    meanwhile: () => (busy.size === 0 ? undefined : new Promise((resolve) => setImmediate(resolve))),
  }
  const all = { ...programs, ...tools, sh: shell, cp: copy, rm: removal, init: initProgram }
  const engine = openSimulatedEngine({ programs: all, ...config }, more)
  const { machine } = engine

  /** The monitor is about to execute `vitrine cleanup ID`: its task is a runtime from the next turn on. */
  async function runCleanup(argv: readonly string[], task: Task): Promise<void> {
    await undefined
    const { host, settings } = dressed(engineOn(machine, more, task))
    // A command takes a moment until it does something.
    await host.sleep(5)
    await cleanup(host, settings, argv.at(-1)!)
    machine.call(task, { name: 'exit_group', status: 0 })
  }

  const make = (call: Syscall): number => {
    const outcome = engine.host.kernel.call(call)
    if ('errno' in outcome) throw new Error(`${call.name}: ${outcome.errno}: ${outcome.sentence}`)
    return outcome.value
  }
  const onHost = { [engine.settings.selfArgv[0]!]: 'outside', '/bin/cp': 'cp', '/bin/rm': 'rm', '/bin/init': 'init' }
  for (const [pathname, program] of Object.entries(onHost)) {
    const fd = make({ name: 'openat', dirfd: -100, pathname, flags: 0o101, mode: 0o755 })
    make({ name: 'write', fd, buf: `#!sim ${program}\n` })
    make({ name: 'close', fd })
  }

  /** A shell that he has logged in to: his home and run directory are there. */
  const asUser = (): Session => {
    for (const [pathname, owner] of [
      [userHome, userId],
      ['/run/user', 0],
      [`/run/user/${userId}`, userId],
    ] as const) {
      make({ name: 'mkdirat', dirfd: -100, pathname, mode: 0o755 })
      make({ name: 'fchownat', dirfd: -100, pathname, owner, group: owner, flags: 0 })
    }
    const own = engine.another()
    const { kernel } = own.host
    kernel.call({ name: 'setgroups', list: [] })
    kernel.call({ name: 'setresgid', rgid: userId, egid: userId, sgid: userId })
    kernel.call({ name: 'setresuid', ruid: userId, euid: userId, suid: userId })
    return sessionOf(dressed(own), busy, asUser)
  }
  return sessionOf(dressed(engine), busy, asUser)
}

function sessionOf(engine: SimulatedEngine, busy: ReadonlySet<Promise<void>>, asUser: () => Session): Session {
  const { machine, host, settings, request, read } = engine
  const { kernel } = host

  const pipe = (): readonly [number, number] => {
    const outcome = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0o2004000 })
    if ('errno' in outcome) throw new Error(`pipe2: ${outcome.errno}`)
    const view = new DataView(outcome.data!.buffer, outcome.data!.byteOffset)
    return [view.getInt32(0, true), view.getInt32(4, true)]
  }

  /** With two pipes that take what is written; a few KiB fit. */
  async function collect<T extends Started>(
    begin: (attachment: { readonly stdout: number; readonly stderr: number }) => Promise<T>,
  ): Promise<Output & { readonly id: string }> {
    const pipes = [pipe(), pipe()] as const
    try {
      const started = await begin({ stdout: pipes[0][1], stderr: pipes[1][1] })
      const code = await started.exitCode!
      const [stdout, stderr] = pipes.map(([from]) => {
        const outcome = kernel.call({ name: 'read', fd: from, buf: 65536 })
        return 'errno' in outcome ? '' : decoder.decode(outcome.data!.subarray(0, outcome.value))
      })
      return { code, stdout: stdout!, stderr: stderr!, id: started.id }
    } finally {
      for (const fd of pipes.flat()) kernel.call({ name: 'close', fd })
    }
  }

  const after = async (milliseconds: number) => {
    await host.sleep(milliseconds)
    while (busy.size > 0) await Promise.all(busy)
  }
  return {
    ...engine,
    asUser,
    detached: async (command, wanted) => {
      const started = await run(host, settings, request(command, wanted))
      await after(1)
      return started
    },
    toEnd: (command, wanted) => collect((attachment) => run(host, settings, request(command, wanted), attachment)),
    inside: (container, command) => {
      const rest = { env: [], privileged: false, interactive: false, terminal: false, detach: false }
      return collect((attachment) => exec(host, settings, container, { command, ...rest }, attachment))
    },
    written: async (container) => {
      const texts = { stdout: '', stderr: '' }
      for await (const { stream, text } of logs(host, settings, container, { follow: false }))
        texts[stream] += decoder.decode(text)
      return texts
    },
    stateOf: async (container) => (await inspect(host, settings, container)).State,
    after,
    leftovers: () => ({
      processes: [...machine.tasks.values()].filter((task) => task.alive && task.process.leader === task).length,
      mounts: read('/proc/self/mountinfo'),
      cgroups: read('/proc/cgroups'),
      links: read('/proc/net/dev').replace(/\d+ /g, ''),
      nftables: [...(machine.initial.net.firewall?.tables.keys() ?? [])],
    }),
  }
}

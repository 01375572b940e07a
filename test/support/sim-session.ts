// A session with the engine on a simulated machine: containers of small programs, their output, and cleanup commands that run
// as tasks of the machine.

import { cleanup } from '../../core/engine/cleanup.ts'
import { exec } from '../../core/engine/exec.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { logs } from '../../core/engine/logs.ts'
import { run } from '../../core/engine/run.ts'
import type { Started } from '../../core/engine/types.ts'
import type { ContainerRequest } from '../../core/spec/request.ts'
import type { Config } from '../../sim/kernel.ts'
import type { Task } from '../../sim/task.ts'
import { copy } from './sim-copy.ts'
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
  /** Lets time pass, and cleanup commands that have begun come to their end. */
  readonly after: (milliseconds: number) => Promise<void>
  /** What a machine has that containers may leave behind: processes that live, mounts, cgroups, links, tables of nf_tables. */
  readonly leftovers: () => object
}

const decoder = new TextDecoder()

export function openSession(config: Partial<Config> = {}): Session {
  const busy = new Set<Promise<void>>()
  const more = {
    cleanUp: (argv: readonly string[], task: Task) => {
      const done: Promise<void> = runCleanup(argv, task).finally(() => busy.delete(done))
      busy.add(done)
    },
    meanwhile: () => (busy.size === 0 ? undefined : new Promise((resolve) => setImmediate(resolve))),
  }
  const engine = openSimulatedEngine(
    { programs: { ...programs, ...tools, sh: shell, cp: copy, init: initProgram }, ...config },
    more,
  )
  const { machine, settings, request, read } = engine
  const host = { ...engine.host, initPath: () => '/bin/init' }
  const { kernel } = host

  /** The monitor is about to execute `vitrine cleanup ID`: its task is a runtime from the next turn on. */
  async function runCleanup(argv: readonly string[], task: Task): Promise<void> {
    await undefined
    const own = engineOn(machine, more, task)
    await cleanup(own.host, own.settings, argv.at(-1)!)
    machine.call(task, { name: 'exit_group', status: 0 })
  }

  install(settings.selfArgv[0]!, 'outside')
  install('/bin/cp', 'cp')
  install('/bin/init', 'init')

  /** A program of the host. */
  function install(pathname: string, program: string): void {
    const fd = callFor({ name: 'openat', dirfd: -100, pathname, flags: 0o101, mode: 0o755 })
    callFor({ name: 'write', fd, buf: `#!sim ${program}\n` })
    callFor({ name: 'close', fd })
  }

  function callFor(call: Parameters<typeof kernel.call>[0]): number {
    const outcome = kernel.call(call)
    if ('errno' in outcome) throw new Error(`${call.name}: ${outcome.errno}: ${outcome.sentence}`)
    return outcome.value
  }

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
    host,
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

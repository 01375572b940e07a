// The engine's host on a simulated machine, for one command: its task, its streams, and cleanup commands of monitors.

import { cleanup } from '../../core/engine/cleanup.ts'
import type { Environment, Host, Settings } from '../../core/engine/host.ts'
import { imageHost } from '../../core/engine/image-host.ts'
import type { Archive } from '../../core/image/archive.ts'
import { loadImages } from '../../core/image/import.ts'
import type { Http } from '../../core/image/registry/http.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import { runUntil } from '../../sim/run.ts'
import type { Task } from '../../sim/task.ts'
import { cleanedUpBy, cleanUpBy } from './cleaners.ts'
import { awaitCaller, openSimulated, type SimulatedOptions } from './kernel.ts'
import { imagesPath, initPath } from './machine.ts'
import { beginTask, vitrinePath } from './sessions.ts'
import { giveStreams, type Typed } from './streams.ts'

/** What the machine cannot do by itself. */
export interface Capabilities {
  readonly archive: () => Promise<Archive>
  readonly http: () => Promise<Http>
}

/** What comes from outside while a command runs, and when. */
export interface Outside extends Required<Pick<SimulatedOptions, 'meanwhile' | 'limitNs' | 'nudge'>> {
  readonly typed: Typed
  readonly write: (fd: 1 | 2, bytes: Uint8Array) => void
  readonly warn: (sentence: string) => void
}

export interface SimulatedCommand {
  readonly host: Host
  readonly settings: Settings
  /** The signal that has ended its task: somebody on the machine has sent it. */
  readonly killedBy: () => number | undefined
  /** Waits for cleanup commands that have begun, lets a little time pass, and ends the task. */
  readonly end: () => Promise<void>
}

const variables = { HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', USER: 'root' }
const environment: Environment = {
  ...{ uid: 0, gid: 0, userName: 'root', home: variables.HOME, variables },
  ...{ architecture: 'wasm', os: 'wasi' },
}
const settings: Settings = {
  root: '/var/lib/vitrine',
  runroot: '/run/vitrine',
  cgroupParent: '/vitrine',
  selfArgv: [vitrinePath],
}
/** Between two commands there is at least this. */
const restMs = 100
/** What a command takes until it does something: JavaScript is no faster there than whoever waits for the same container. */
const startMs = 5
/** Virtual time for process 1 to end everything, when it has ended the command too. */
const shutdownNs = 15e9

/** Begins a command on a machine. */
export function beginCommand(
  machine: Machine,
  words: readonly string[],
  capabilities: Capabilities,
  outside: Outside,
): SimulatedCommand {
  const busy = new Set<Promise<void>>()
  const options: SimulatedOptions = {
    // A container of an earlier command may end while this one runs.
    cleanUp: (argv, task) => cleanedUpBy(machine)?.(argv, task),
    // Cleanup commands that wait for modules have to come to their turn before anything from outside; those that wait for time to
    // pass need it to pass.
    meanwhile: () => (busy.size > 0 ? afterCleanup() : outside.meanwhile()),
    limitNs: outside.limitNs,
    nudge: outside.nudge,
  }
  const afterCleanup = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve))
    const others = outside.meanwhile()
    if (others === undefined)
      throw new Error('a cleanup command waits for what can never happen on the simulated machine')
    await others
  }
  const hostOf = (task: Task): Host => {
    const kernel = openSimulated(machine, task, options)
    return {
      ...{ kernel, environment, ...capabilities, initPath: () => initPath },
      now: () => machine.config.bootSeconds * 1000 + Math.floor(machine.clock.nowNs / 1e6),
      monotonicNs: () => BigInt(Math.floor(machine.clock.nowNs)),
      randomBytes: (count) => machine.random.bytes(count),
      sleep: async (milliseconds) => {
        const tmo_p = BigInt(Math.round(milliseconds * 1e6))
        await kernel.wait({ name: 'ppoll', fds: [], tmo_p, sigmask: 0, sigsetsize: 8 })
      },
      warn: outside.warn,
    }
  }

  /** The monitor is about to execute `vitrine cleanup ID`: its task is a runtime from the next turn on. */
  async function runCleanup(argv: readonly string[], task: Task): Promise<void> {
    const begun = awaitCaller(machine)
    await undefined
    begun()
    try {
      const host = hostOf(task)
      await host.sleep(startMs)
      await cleanup(host, settings, argv.at(-1)!)
      machine.call(task, { name: 'exit_group', status: 0 })
    } catch (error) {
      if (task.alive) throw error
    }
  }

  cleanUpBy(machine, (argv, task) => {
    const done: Promise<void> = runCleanup(argv, task).finally(() => busy.delete(done))
    busy.add(done)
  })
  const task = beginTask(machine, words, variables)
  giveStreams(machine, task, outside.typed, outside.write)
  const host = hostOf(task)
  return {
    host,
    settings,
    killedBy: () => task.process.ending?.signal,
    end: async () => {
      if (task.alive) await host.sleep(restMs)
      else runUntil(machine, () => false, machine.clock.nowNs + shutdownNs)
      while (busy.size > 0) await Promise.all(busy)
      if (task.alive) machine.call(task, { name: 'exit_group', status: 0 })
    },
  }
}

/** Brings in the images that the machine comes with. */
export async function loadOwnImages({ host, settings }: SimulatedCommand): Promise<void> {
  const { os = 'linux', architecture } = host.environment
  await loadImages(imageHost(host, settings), imagesPath, { platform: { os, architecture, asked: true } })
}

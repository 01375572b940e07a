// The verbs as the failure tests try them: what is there before, what is done, and what of it may not be half done.

import { cleanup } from '../../core/engine/cleanup.ts'
import { pruneContainers } from '../../core/engine/container-prune.ts'
import { create } from '../../core/engine/create.ts'
import { exec } from '../../core/engine/exec.ts'
import { inspect } from '../../core/engine/inspect.ts'
import { kill } from '../../core/engine/kill.ts'
import { list } from '../../core/engine/list.ts'
import { logs } from '../../core/engine/logs.ts'
import { pause, unpause } from '../../core/engine/pause.ts'
import { remove } from '../../core/engine/remove.ts'
import { run } from '../../core/engine/run.ts'
import { start } from '../../core/engine/start.ts'
import { stats } from '../../core/engine/stats.ts'
import { restart, stop } from '../../core/engine/stop.ts'
import { top } from '../../core/engine/top.ts'
import { update } from '../../core/engine/update.ts'
import { createVolume, listVolumes, pruneVolumes } from '../../core/engine/volume-list.ts'
import { removeVolume } from '../../core/engine/volume-remove.ts'
import { wait } from '../../core/engine/wait.ts'
import type { ContainerRequest } from '../../core/spec/request.ts'
import { idOfName } from '../../core/store/names.ts'
import type { SimulatedEngine } from './sim-engine.ts'

type Act = (engine: SimulatedEngine) => Promise<unknown>

export interface FaultVerb {
  readonly name: string
  readonly before: Act
  /** Answers what the verb answers, as plain data. */
  readonly act: Act
  /**
   * `all`: when it is refused, the machine is as before. `machine`: what runs is as before, while records and files of
   * containers may say that it was tried. Absent: it may be half done, so that it can be done again.
   */
  readonly undone?: 'all' | 'machine'
}

const attached = { stdout: 1, stderr: 2 }
const limits: Partial<ContainerRequest> = {
  resources: { memoryBytes: 64 << 20, pidsLimit: 20, cpus: 1.5, cpuShares: 512, blkioWeight: 500 },
}
const nothing: Act = async () => {}
const named =
  (
    verb: (engine: SimulatedEngine, request: ContainerRequest) => Promise<unknown>,
    more: Partial<ContainerRequest>,
  ): Act =>
  (engine) =>
    verb(engine, engine.request(['sleep', '100'], { name: 'web', ...limits, ...more }))

const created: Act = named(({ host, settings }, request) => create(host, settings, request), {})
const running: Act = named(({ host, settings }, request) => run(host, settings, request), {})
const runningOnce: Act = named(({ host, settings }, request) => run(host, settings, request), { remove: true })
const published: Act = named(({ host, settings }, request) => run(host, settings, request), {
  network: { kind: 'bridge' },
  publish: [{ containerPort: 80, hostPort: 8081, protocol: 'tcp' }],
})
const paused: Act = async (engine) => {
  await running(engine)
  await pause(engine.host, engine.settings, 'web')
}
const stopped: Act = async (engine) => {
  await running(engine)
  await stop(engine.host, engine.settings, 'web', { timeoutSeconds: 0 })
}
const spoken: Act = async ({ host, settings, request }) => {
  const { exitCode } = await run(host, settings, request(['echo', 'hello'], { name: 'web' }), attached)
  await exitCode
}
const volume: Act = ({ host, settings }) =>
  createVolume(host, settings, { name: 'data', labels: {}, options: {}, ignore: false })
const several: Act = async (engine) => {
  await stopped(engine)
  await create(engine.host, engine.settings, engine.request(['true'], { name: 'other' }))
}
const withVolumes: Partial<ContainerRequest> = {
  volumes: [
    { kind: 'named', source: 'data', destination: '/tmp', options: [] },
    { kind: 'anonymous', destination: '/run', options: [] },
  ],
}
const inside = {
  command: ['exit', '7'],
  env: [],
  privileged: false,
  interactive: false,
  terminal: false,
  detach: false,
}
const everything = { all: true, filters: {} }

/** A process that somebody is attached to: with what it ends. */
async function ended(started: { readonly exitCode?: Promise<number> }): Promise<unknown> {
  const { exitCode, ...rest } = started
  return { ...rest, exitCode: await exitCode }
}

export const faultVerbs: readonly FaultVerb[] = [
  { name: 'create', before: nothing, act: created, undone: 'all' },
  {
    name: 'create with volumes',
    before: nothing,
    act: named(({ host, settings }, request) => create(host, settings, request), withVolumes),
    undone: 'machine',
  },
  { name: 'run -d', before: nothing, act: running, undone: 'all' },
  {
    name: 'run',
    before: nothing,
    act: async ({ host, settings, request }) =>
      ended(await run(host, settings, request(['echo', 'hello'], { name: 'web', ...limits }), attached)),
    undone: 'machine',
  },
  {
    name: 'run --rm',
    before: nothing,
    act: async ({ host, settings, request }) =>
      ended(await run(host, settings, request(['exit', '3'], { name: 'web', remove: true }), attached)),
    undone: 'all',
  },
  {
    name: 'run with volumes',
    before: nothing,
    act: named(({ host, settings }, request) => run(host, settings, request), withVolumes),
    undone: 'machine',
  },
  { name: 'run -p', before: nothing, act: published, undone: 'all' },
  {
    name: 'rm -f, with a network',
    before: published,
    act: ({ host, settings }) => remove(host, settings, 'web', { force: true, volumes: true }),
  },
  {
    name: 'run --replace',
    before: stopped,
    act: named(({ host, settings }, request) => run(host, settings, request), { replace: true }),
  },
  { name: 'start', before: created, act: ({ host, settings }) => start(host, settings, 'web'), undone: 'machine' },
  {
    name: 'start again',
    before: stopped,
    act: ({ host, settings }) => start(host, settings, 'web'),
    undone: 'machine',
  },
  {
    name: 'exec',
    before: running,
    act: async ({ host, settings }) => ended(await exec(host, settings, 'web', inside, attached)),
    undone: 'all',
  },
  {
    name: 'exec -d',
    before: running,
    act: ({ host, settings }) => exec(host, settings, 'web', { ...inside, command: ['sleep', '9'] }),
    undone: 'all',
  },
  { name: 'pause', before: running, act: ({ host, settings }) => pause(host, settings, 'web'), undone: 'all' },
  { name: 'unpause', before: paused, act: ({ host, settings }) => unpause(host, settings, 'web') },
  { name: 'kill', before: running, act: ({ host, settings }) => kill(host, settings, 'web', 9) },
  { name: 'kill, paused', before: paused, act: ({ host, settings }) => kill(host, settings, 'web', 9) },
  { name: 'stop', before: running, act: ({ host, settings }) => stop(host, settings, 'web', { timeoutSeconds: 1 }) },
  { name: 'stop, paused', before: paused, act: ({ host, settings }) => stop(host, settings, 'web', {}) },
  { name: 'stop, --rm', before: runningOnce, act: ({ host, settings }) => stop(host, settings, 'web', {}) },
  { name: 'restart', before: running, act: ({ host, settings }) => restart(host, settings, 'web', {}) },
  { name: 'restart, --rm', before: runningOnce, act: ({ host, settings }) => restart(host, settings, 'web', {}) },
  {
    name: 'update',
    before: running,
    act: ({ host, settings }) =>
      update(host, settings, 'web', { memoryBytes: 128 << 20, pidsLimit: 30, cpus: 0.5, cpuShares: 1024 }),
    undone: 'all',
  },
  { name: 'stats', before: running, act: ({ host, settings }) => stats(host, settings, 'web'), undone: 'all' },
  { name: 'top', before: running, act: ({ host, settings }) => top(host, settings, 'web', []), undone: 'all' },
  { name: 'inspect', before: running, act: ({ host, settings }) => inspect(host, settings, 'web'), undone: 'all' },
  {
    name: 'logs',
    before: spoken,
    act: async ({ host, settings }) => {
      const lines: string[] = []
      for await (const { text } of logs(host, settings, 'web', { follow: false })) lines.push(String(text))
      return lines
    },
    undone: 'all',
  },
  { name: 'wait', before: stopped, act: ({ host, settings }) => wait(host, settings, 'web'), undone: 'all' },
  { name: 'ps', before: several, act: ({ host, settings }) => list(host, settings, everything), undone: 'all' },
  {
    name: 'rm',
    before: stopped,
    act: ({ host, settings }) => remove(host, settings, 'web', { force: false, volumes: true }),
  },
  {
    name: 'rm -f',
    before: running,
    act: ({ host, settings }) => remove(host, settings, 'web', { force: true, volumes: true }),
  },
  {
    name: 'rm -f -v',
    before: named(({ host, settings }, request) => run(host, settings, request), withVolumes),
    act: ({ host, settings }) => remove(host, settings, 'web', { force: true, volumes: true }),
  },
  {
    name: 'prune',
    before: several,
    // How much is free now is a guess where a file cannot be looked at.
    act: async ({ host, settings }) =>
      (await pruneContainers(host, settings, { filters: [], moment: () => 0 })).removed,
  },
  {
    name: 'cleanup',
    before: async (engine) => {
      await running(engine)
      const pid = (await inspect(engine.host, engine.settings, 'web')).State.Pid
      engine.machine.call(engine.machine.init, { name: 'kill', pid, sig: 9 })
    },
    act: ({ host, settings }) => cleanup(host, settings, idOfName(host.kernel, settings, 'web')!),
  },
  { name: 'volume create', before: nothing, act: volume, undone: 'all' },
  {
    name: 'volume rm',
    before: volume,
    act: ({ host, settings }) => removeVolume(host, settings, 'data', { force: false }),
  },
  { name: 'volume ls', before: volume, act: ({ host, settings }) => listVolumes(host, settings), undone: 'all' },
  {
    name: 'volume prune',
    before: volume,
    act: async ({ host, settings }) => (await pruneVolumes(host, settings)).removed,
  },
]

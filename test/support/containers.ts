// Containers for tests of the planner: the machine's own root under a throw-away overlay, a shell script as program.

import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { openLinux } from '../../backends/linux/open.ts'
import type { Kernel, Launched, LaunchFailure, MonitorOptions } from '../../core/kernel.ts'
import { planContainer } from '../../core/launch/container.ts'
import type { LaunchFacts } from '../../core/launch/facts.ts'
import type { LaunchPlan } from '../../core/launch/plan.ts'
import * as defaults from '../../core/spec/defaults.ts'
import type { Linux, LinuxNamespaceType, Mount, Process, Spec } from '../../core/spec/types.ts'
import { withTemporaryDirectory } from './directory.ts'

const status = (word: string) =>
  BigInt(`0x${new RegExp(`^${word}:\\s+([0-9a-f]+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))![1]}`)

let opened: Kernel | undefined
export function realKernel(): Kernel {
  opened ??= openLinux()
  return opened
}

export const usualNamespaces: readonly LinuxNamespaceType[] = ['pid', 'network', 'mount', 'ipc', 'uts', 'cgroup']

export interface Wanted {
  readonly script: string
  readonly process?: Partial<Process>
  readonly linux?: Partial<Linux>
  readonly spec?: Partial<Spec>
  readonly mounts?: readonly Mount[]
  readonly facts?: Partial<LaunchFacts>
  /** On the host, of the container's root. */
  readonly owner?: number
}

/** A spec with the defaults of `vitrine run`, without cgroups. */
export function shellSpec({ script, process, linux, spec, mounts = [] }: Wanted): Spec {
  const capabilities = defaults.defaultCapabilities
  return {
    ociVersion: defaults.ociVersion,
    hostname: 'web',
    root: { path: '/' },
    process: {
      user: { uid: 0, gid: 0 },
      args: ['sh', '-c', script],
      env: defaults.defaultEnv,
      cwd: '/',
      noNewPrivileges: true,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      ...process,
    },
    mounts: [
      defaults.procMount,
      defaults.devMount,
      defaults.ptsMount,
      defaults.mqueueMount,
      defaults.shmMount(65536),
      defaults.sysMount('ro'),
      ...mounts,
    ],
    linux: {
      namespaces: usualNamespaces.map((type) => ({ type })),
      maskedPaths: defaults.defaultMaskedPaths,
      readonlyPaths: defaults.defaultReadonlyPaths,
      ...linux,
    },
    ...spec,
  }
}

/** Facts about this machine; the root is an overlay over `/` with its changes below the directory. */
export function realFacts(directory: string): LaunchFacts {
  const [upperDirectory, workDirectory, mountPoint] = ['upper', 'work', 'merged'].map((name) => `${directory}/${name}`)
  for (const path of [upperDirectory!, workDirectory!, mountPoint!]) mkdirSync(path, { recursive: true })
  return {
    release: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    euid: 0,
    capabilities: { permitted: status('CapPrm'), bounding: status('CapBnd') },
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    overlay: { lowerDirectories: ['/'], upperDirectory, workDirectory, mountPoint: mountPoint! },
    sources: {},
    waitsForStart: false,
  }
}

/** Called at each wait of the child. */
export type Waiting = (at: string, launched: Launched) => Promise<void> | void

export interface Answer {
  readonly code: number
  readonly output: string
}

export function started(launched: Launched | LaunchFailure): Launched {
  if ('errno' in launched) throw new Error(launched.message)
  return launched
}

/** Runs a plan under a monitor. `waiting` is called at each of its waits; the child goes on afterwards. */
export async function runPlan(
  directory: string,
  plan: LaunchPlan,
  waiting?: Waiting,
  options: Partial<MonitorOptions> = {},
): Promise<Answer> {
  const output = openSync(`${directory}/output`, 'w+')
  try {
    const forward = { stdout: output, stderr: output }
    const launched = started(realKernel().launch(plan, { detached: false, title: 'vitrine-test', forward, ...options }))
    for (;;) {
      const progress = await launched.progress()
      if (progress.state === 'refused') throw new Error(progress.failure.message)
      if (progress.state === 'executed') break
      await waiting?.(progress.at, launched)
      launched.release()
    }
    const { code } = await launched.exited
    launched.cleaned()
    launched.close()
    return { code, output: readFileSync(`${directory}/output`, 'utf8') }
  } finally {
    closeSync(output)
  }
}

/** Runs a container and answers what its script printed. */
export async function runContainer(directory: string, wanted: Wanted, waiting?: Waiting): Promise<Answer> {
  const facts = { ...realFacts(directory), ...wanted.facts }
  const { owner } = wanted
  if (owner !== undefined) for (const name of ['upper', 'work']) chownSync(`${directory}/${name}`, owner, owner)
  // In a user namespace the mounts below `/` are locked, and an overlay would uncover what they hide; /usr has none.
  const overlay = owner === undefined ? facts.overlay : { ...facts.overlay!, lowerDirectories: ['/usr'] }
  return runPlan(directory, planContainer(shellSpec(wanted), { ...facts, overlay }), waiting)
}

/** Runs a container in a directory of its own. */
export function inside(wanted: Wanted, waiting?: Waiting): Promise<Answer> {
  return withTemporaryDirectory((directory) => {
    chmodSync(directory, 0o755)
    return runContainer(directory, wanted, waiting)
  })
}

/** What a script prints in a container; how it failed is appended. */
export async function answerOf(script: string, wanted: Partial<Wanted> = {}): Promise<string> {
  const { code, output } = await inside({ script, ...wanted })
  return code === 0 ? output.trim() : `${output.trim()} (exit ${code})`
}

export const newOf = (...types: readonly LinuxNamespaceType[]) => ({ namespaces: types.map((type) => ({ type })) })

/** The child of a process, once it has become `sleep`. */
export async function sleeperOf(pid: number): Promise<number> {
  for (;;) {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    if (child !== '' && readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'sleep') return Number(child)
    await new Promise((next) => setTimeout(next, 5))
  }
}

// In-process launch: from the call in a warm Node to the child reaped, against the same in bare C, and against Node's own
// spawn without any isolation. Run as root: node bench/launch.ts [ROUNDS]

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLinux } from '../backends/linux/open.ts'
import { detectCgroups } from '../core/cgroup/detect.ts'
import { cgroupPaths } from '../core/cgroup/paths.ts'
import { removeCgroups } from '../core/cgroup/remove.ts'
import type { LaunchPlan } from '../core/launch/plan.ts'
import { barePlan } from './support/bare-plan.ts'
import { compile, inTurns, report } from './support/measure.ts'
import { busyboxRoot } from './support/rootfs.ts'
import { containerPlan } from './support/spec.ts'

const rounds = Number(process.argv[2] ?? 200)
const directory = mkdtempSync(join(tmpdir(), 'vitrine-bench-'))
const kernel = openLinux()
const root = busyboxRoot(directory)
const bare = compile('bare.c', directory)
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const paths = cgroupPaths('/vitrine-bench/one', detectCgroups(kernel))

function launch(plan: LaunchPlan): void {
  const launched = kernel.launch(plan)
  if ('errno' in launched) throw new Error(launched.message)
  const reaped = kernel.call({ name: 'waitid', idtype: 1, id: launched.pid, infop: 128, options: 4, rusage: 0 })
  launched.close()
  if ('errno' in reaped || new DataView(reaped.data!.buffer).getInt32(24, true) !== 0) throw new Error('it failed')
}

const launchQuietly = (given: LaunchPlan): undefined => {
  launch(given)
}
const plan = barePlan(root, '/bin/true')
const inC = (): number =>
  Number(execFileSync(bare, [root, '/bin/true', '3', '0'], { encoding: 'utf8' }).split('\n')[2]) / 1000
const oci = async (make: () => LaunchPlan) => {
  const made = make()
  const start = performance.now()
  launch(made)
  const time = performance.now() - start
  await removeCgroups(kernel, paths, sleep, '/vitrine-bench')
  return time
}
const contenders = [
  { name: 'bare C, 6 namespaces, proc, /dev', run: inC },
  { name: 'the same as a plan in Node', run: () => launchQuietly(plan) },
  { name: 'child_process.spawn, no isolation', run: () => spawned(join(root, 'bin/true')) },
  { name: 'a whole OCI container', run: () => oci(() => ociPlan) },
  { name: 'a whole OCI container, planned anew', run: () => whole() },
]
const ociPlan = containerPlan(kernel, root, ['/bin/true'], '/vitrine-bench/one')

async function whole(): Promise<number> {
  const start = performance.now()
  launch(containerPlan(kernel, root, ['/bin/true'], '/vitrine-bench/one'))
  const time = performance.now() - start
  await removeCgroups(kernel, paths, sleep, '/vitrine-bench')
  return time
}

function spawned(program: string): Promise<undefined> {
  return new Promise((resolve) => spawn(program, [], { stdio: 'inherit' }).on('exit', () => resolve(undefined)))
}

try {
  for (const pauseMs of [0, 20]) {
    const times = await inTurns(contenders, pauseMs === 0 ? rounds : Math.ceil(rounds / 4), pauseMs)
    report(
      `in-process, ${pauseMs === 0 ? 'back to back' : `pauses of ${pauseMs} ms`} (median, p10, p90)`,
      times,
      contenders[0]!.name,
    )
  }
} finally {
  rmSync(directory, { recursive: true })
}

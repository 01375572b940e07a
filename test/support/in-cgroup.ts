// Programs started in cgroups of their own on the real kernel, without any other isolation.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLinux } from '../../backends/linux/open.ts'
import { detectCgroups } from '../../core/cgroup/detect.ts'
import { type CgroupPlan, planCgroup } from '../../core/cgroup/plan.ts'
import { killAll, removeCgroups } from '../../core/cgroup/remove.ts'
import type { Kernel, Launched } from '../../core/kernel.ts'
import type { Step } from '../../core/launch/plan.ts'
import type { LinuxResources } from '../../core/spec/types.ts'

const CLONE_INTO_CGROUP = 0x200000000

export interface Inside {
  readonly kernel: Kernel
  readonly plan: CgroupPlan
  readonly child: Launched
  /** The hierarchies and paths in /proc/PID/cgroup. */
  readonly cgroups: () => string[]
}

/** The parent of all cgroups of this test run, apart from what is anybody else's. */
export const testParent = `/vitrine-test-${process.pid}`

export const wait = async (ms: number): Promise<void> => void (await sleep(ms))

/** Starts a shell script in a new cgroup with these limits, hands it to `use`, and removes it all. */
export async function inCgroup<T>(
  resources: LinuxResources,
  script: string,
  use: (inside: Inside) => Promise<T>,
  path = `${testParent}/a`,
): Promise<T> {
  const kernel = openLinux()
  const plan = planCgroup(path, resources, detectCgroups(kernel, { path, resources }))
  const got = kernel.launch({ steps: stepsInto(plan, script), program: 'sh' })
  if ('errno' in got) throw new Error(got.message)
  try {
    const cgroups = () =>
      readFileSync(`/proc/${got.pid}/cgroup`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.slice(line.indexOf(':') + 1))
    return await use({ kernel, plan, child: got, cgroups })
  } finally {
    await killAll(kernel, plan.paths, wait)
    await got.exited
    await removeCgroups(kernel, plan.paths, wait, testParent)
  }
}

/** The whole plan of a process that is in its cgroup and otherwise as its parent. */
export function stepsInto(plan: CgroupPlan, script: string): Step[] {
  const cl_args =
    plan.into === undefined ? { flags: 0 } : { flags: CLONE_INTO_CGROUP, cgroup: { from: plan.into } as const }
  return [
    ...plan.create,
    { in: 'parent', call: { name: 'clone3', cl_args }, why: 'start the process' },
    ...plan.join,
    {
      in: 'child',
      call: { name: 'execve', pathname: '/bin/sh', argv: ['sh', '-c', script], envp: ['PATH=/usr/bin:/bin'] },
      why: 'run sh',
    },
  ]
}

/** Waits until something holds, for at most so long. */
export async function until(holds: () => boolean, ms = 10_000): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > ms) throw new Error(`still not so after ${ms} ms: ${holds}`)
    await wait(10)
  }
}

// The way of a process into cgroups that exist.

import type { Step } from '../launch/plan.ts'
import type { LinuxResources } from '../spec/types.ts'
import type { CgroupHost } from './detect.ts'
import type { CgroupPaths } from './paths.ts'
import { openFile } from './steps.ts'
import { openUnified, unifiedLabel } from './unified.ts'
import { writeSteps } from './write.ts'

/**
 * The way into cgroups that exist: for `exec`. On cgroup2 the child is born there; `open` opens the directory in the
 * parent. On v1 the child writes itself into `tasks`: it moves only itself, so that the kernel need not wait for
 * everybody else (writing to cgroup.procs takes 11 ms on an idle host).
 */
export function enterCgroup(paths: CgroupPaths): { open: Step[]; join: Step[]; into?: string } {
  const { join, into } = joinCgroup(paths)
  return { open: paths.unified === undefined ? [] : [openUnified(paths.unified)], join, ...(into ? { into } : {}) }
}

export function joinCgroup(
  paths: CgroupPaths,
  resources: LinuxResources = {},
  host?: CgroupHost,
): { join: Step[]; into?: string } {
  const directories = new Map<string, string[]>()
  for (const [controller, directory] of Object.entries(paths.v1))
    directories.set(directory, [...(directories.get(directory) ?? []), controller])
  const join = [...directories].flatMap(([directory, controllers]): Step[] => {
    const label = `tasks:${controllers[0]}`
    const write: Step = {
      in: 'child',
      call: { name: 'write', fd: { from: label }, buf: '0' },
      why: `enter the cgroup for ${controllers.join(' and ')}`,
    }
    return [
      {
        in: 'child',
        call: openFile(`${directory}/tasks`),
        why: `enter the cgroup for ${controllers.join(' and ')}`,
        as: label,
      },
      // ENOSPC: the parent was not ours and passes no CPUs on
      controllers.includes('cpuset') && host?.cpuset
        ? { ...write, tolerate: ['ENOSPC'], otherwise: [...fillCpuset(directory, resources, host.cpuset), write] }
        : write,
    ]
  })
  return { join, ...(paths.unified === undefined ? {} : { into: unifiedLabel }) }
}

function fillCpuset(directory: string, { cpu }: LinuxResources, above: { cpus: string; mems: string }): Step[] {
  return (['cpus', 'mems'] as const).flatMap((what) => {
    const text = cpu?.[what] || above[what]
    const write = { controller: 'cpuset', file: `cpuset.${what}`, lines: [text], why: `set up the cpuset with ${text}` }
    return text === '' ? [] : writeSteps(write, directory, 'child')
  })
}

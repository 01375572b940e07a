// The steps that make a container's cgroup in one v1 hierarchy.

import type { Step } from '../launch/plan.ts'
import type { CgroupHost, Hierarchy } from './detect.ts'
import { ancestors, directoryIn } from './paths.ts'
import { makeBelow, makeParent, mkdir, rmdir } from './steps.ts'
import { type FileWrite, writeSteps } from './write.ts'

export function createV1(path: string, hierarchy: Hierarchy, writes: readonly FileWrite[], host: CgroupHost): Step[] {
  const { mountPoint, controllers } = hierarchy
  const directory = directoryIn(mountPoint, path)
  const make: Step = {
    in: 'parent',
    call: mkdir(directory),
    why: `make the container's cgroup for ${controllers.join(' and ')}`,
    as: `made:${controllers[0]}`,
    undo: rmdir(directory),
  }
  const own = writes.filter((write) => controllers.includes(write.controller))
  return [
    makeBelow(make, () =>
      ancestors(path).flatMap((each) => [
        makeParent(directoryIn(mountPoint, each)),
        ...(controllers.includes('cpuset') ? setUpCpuset(directoryIn(mountPoint, each), host) : []),
      ]),
    ),
    ...own.flatMap((write) => writeSteps(write, directory)),
  ]
}

/** A new v1 cpuset is empty and takes no task; `cgroup.clone_children` lets those below it start as copies. */
function setUpCpuset(directory: string, { cpuset }: CgroupHost): Step[] {
  const writes = [
    ['cpuset.cpus', cpuset?.cpus ?? ''],
    ['cpuset.mems', cpuset?.mems ?? ''],
    ['cgroup.clone_children', '1'],
  ] as const
  return writes
    .filter(([, text]) => text !== '')
    .flatMap(([file, text]) =>
      writeSteps({ controller: 'cpuset', file, lines: [text], why: `set up ${directory} with ${file}` }, directory),
    )
}

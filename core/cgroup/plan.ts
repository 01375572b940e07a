// The plan of a container's cgroups: made in every hierarchy, with the limits, and entered by the first process.

import type { Step } from '../launch/plan.ts'
import type { LinuxResources } from '../spec/types.ts'
import { checkResources } from './check.ts'
import type { CgroupHost } from './detect.ts'
import { createV1 } from './hierarchy.ts'
import { joinCgroup } from './join.ts'
import { limitWrites } from './limits.ts'
import { type CgroupPaths, cgroupPaths, checkPath, memoryDirectory, oomFile } from './paths.ts'
import { createUnified } from './unified.ts'

export interface CgroupPlan {
  /** In the parent, before clone3. */
  readonly create: readonly Step[]
  /** In the child, right after clone3 and before anything else (a cgroup namespace must be unshared after it). */
  readonly join: readonly Step[]
  /** The label of the opened cgroup2 directory: the `cgroup` of clone3, with CLONE_INTO_CGROUP. */
  readonly into?: string
  readonly paths: CgroupPaths
  /** The directory with the memory controller's files. */
  readonly memoryDirectory?: string
  /** The file with a line `oom_kill N`: memory.events on v2, memory.oom_control on v1. */
  readonly oomFile?: string
}

export interface CgroupOptions {
  /** On the host, of the container's root: may make cgroups below, when the container has its own namespaces. */
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** systemd has made it: only on cgroup2. */
  readonly isThere?: boolean
}

/**
 * Plans a new cgroup at `path` (such as `/vitrine/ID`) in every hierarchy, with the limits, and the way in.
 * Sources: config-linux.md "Control groups"; cgroups(7); cgroup-v2.rst.
 * @throws UserError for limits that are wrong, contradict each other, or that the host cannot hold
 */
export function planCgroup(
  path: string,
  resources: LinuxResources,
  host: CgroupHost,
  options: CgroupOptions = {},
): CgroupPlan {
  checkPath(path)
  checkResources(resources)
  const paths = cgroupPaths(path, host)
  const writes = limitWrites(resources, host)
  const create = host.hierarchies.flatMap((each) => createV1(path, each, writes, host))
  if (host.unified !== undefined) create.push(...createUnified(path, resources, writes, host, options))
  const memory = memoryDirectory(paths)
  return {
    create,
    ...joinCgroup(paths, resources, host),
    paths,
    ...(memory === undefined ? {} : { memoryDirectory: memory, oomFile: oomFile(paths) }),
  }
}

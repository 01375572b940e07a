// Where a container's cgroups are on a host.

import { UserError } from '../errors.ts'
import type { CgroupHost } from './detect.ts'

/** Where a container's cgroups are: absolute directories. Plain data, kept with the container. */
export interface CgroupPaths {
  /** Below every mount point, as in /proc/PID/cgroup. */
  readonly path: string
  /** By v1 controller (or `name=NAME`); controllers that are mounted together have the same directory. */
  readonly v1: Readonly<Record<string, string>>
  /** On cgroup2. */
  readonly unified?: string
}

/** Where a container's cgroups are (or would be) on a host. */
export function cgroupPaths(path: string, host: CgroupHost): CgroupPaths {
  const v1 = host.hierarchies.flatMap((each) =>
    each.controllers.map((controller) => [controller, directoryIn(each.mountPoint, path)] as const),
  )
  return {
    path,
    v1: Object.fromEntries(v1),
    ...(host.unified === undefined ? {} : { unified: directoryIn(host.unified.mountPoint, path) }),
  }
}

/** Where the caller's own are. @param own - of `ownCgroups` */
export function callersPaths(own: ReadonlyMap<string, string>, host: CgroupHost): CgroupPaths {
  const v1 = host.hierarchies.flatMap(({ mountPoint, controllers }) =>
    controllers.map((controller) => [controller, directoryIn(mountPoint, own.get(controller) ?? '/')] as const),
  )
  const path = own.get('') ?? '/'
  return {
    path,
    v1: Object.fromEntries(v1),
    ...(host.unified && { unified: directoryIn(host.unified.mountPoint, path) }),
  }
}

/** Every directory of them. */
export function directoriesOf({ v1, unified }: CgroupPaths): string[] {
  return [...new Set([...Object.values(v1), ...(unified === undefined ? [] : [unified])])]
}

/** The directory with the memory controller's files, if the host has it. */
export function memoryDirectory(paths: CgroupPaths): string | undefined {
  return paths.v1.memory ?? paths.unified
}

/** The file with a line `oom_kill N`, for MonitorOptions. */
export function oomFile(paths: CgroupPaths): string | undefined {
  if (paths.v1.memory !== undefined) return `${paths.v1.memory}/memory.oom_control`
  return paths.unified && `${paths.unified}/memory.events`
}

/** The cgroups above `path`, from the top, without the root: `/a/b/c` has `/a` and `/a/b`. */
export function ancestors(path: string): string[] {
  const names = path.split('/').slice(1, -1)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
}

export function directoryIn(mountPoint: string, path: string): string {
  return `${mountPoint === '/' ? '' : mountPoint}${path}`
}

/** @throws UserError for a path that is not absolute and plain */
export function checkPath(path: string): void {
  const names = path.split('/').slice(1)
  if (
    !path.startsWith('/') ||
    names.length === 0 ||
    names.some((name) => ['', '.', '..'].includes(name) || /\n/.test(name))
  )
    throw new UserError(`cgroup path ${path}: must be absolute and plain, like /vitrine/web`)
}

/**
 * Cgroups below a container's, as `exec --cgroup` names them. runc-exec(8)
 *
 * @param wishes - `PATH` for all hierarchies, or `CONTROLLER,...:PATH` for some of cgroup v1
 * @errors UserError for a controller that the container has no cgroup of, or a path that leads elsewhere
 */
export function cgroupsBelow(paths: CgroupPaths, wishes: readonly string[]): CgroupPaths {
  const v1 = { ...paths.v1 }
  let { unified } = paths
  for (const wish of wishes) {
    const colon = wish.indexOf(':')
    const below = wish.slice(colon + 1).replace(/^\/*/, '/')
    if (below !== '/') checkPath(below)
    const at = (directory: string) => (below === '/' ? directory : `${directory}${below}`)
    if (colon >= 0) {
      for (const controller of wish.slice(0, colon).split(',')) {
        const directory = paths.v1[controller]
        if (directory === undefined)
          throw new UserError(`--cgroup=${wish}: the container has no cgroup of its own for ${controller} on cgroup v1`)
        v1[controller] = at(directory)
      }
      continue
    }
    if (wishes.length > 1)
      throw new UserError(`--cgroup=${wish}: one path is for all hierarchies; name the controllers`)
    for (const [controller, directory] of Object.entries(paths.v1)) v1[controller] = at(directory)
    unified &&= at(unified)
  }
  return { ...paths, v1, ...(unified === undefined ? {} : { unified }) }
}

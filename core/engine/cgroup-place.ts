// Where a container's cgroup will be: below one of ours, or a scope of systemd's.

import { type CgroupHost, words } from '../cgroup/detect.ts'
import { ancestors } from '../cgroup/paths.ts'
import type { CgroupPlan } from '../cgroup/plan.ts'
import { UserError } from '../errors.ts'
import { readTextIfThere, stat } from '../files.ts'
import type { Kernel, Launched } from '../kernel.ts'
import type { ContainerRequest } from '../spec/request.ts'
import type { LinuxResources } from '../spec/types.ts'
import type { ContainerRecord } from '../store/record.ts'
import type { Host, Settings } from './host.ts'

export type CgroupPlace = Pick<ContainerRecord, 'cgroupPath' | 'scope'>

/** A path is for cgroups of ours, a slice for systemd's. podman-run(1), "--cgroup-parent" */
const isPath = (parent: string | undefined) => parent?.startsWith('/') === true

function placeBelow(parent: string, id: string): CgroupPlace {
  if (!isPath(parent)) throw new UserError(`--cgroup-parent=${parent}: must be an absolute path of the cgroup tree`)
  return { cgroupPath: `${parent === '/' ? '' : parent.replace(/\/+$/, '')}/${id}` }
}

/**
 * Chooses the place; nothing is made. systemd that was not asked for is used where it can be.
 *
 * @errors UserError for a parent that is none, and when systemd was asked for and does not answer
 */
export async function placeCgroup(
  host: Host,
  settings: Settings,
  { cgroupParent }: Pick<ContainerRequest, 'cgroupParent'>,
  id: string,
): Promise<CgroupPlace> {
  const own = () => placeBelow(cgroupParent ?? settings.cgroupParent, id)
  const isAsked = settings.systemdCgroups === 'asked'
  if (settings.systemdCgroups === undefined || (!isAsked && isPath(cgroupParent))) return own()
  if (isPath(cgroupParent))
    throw new UserError(`--cgroup-parent=${cgroupParent}: with systemd it must be a slice, like machine.slice`)
  const { scopeAt } = await import('../systemd/place.ts')
  try {
    return await scopeAt(host, cgroupParent, id)
  } catch (error) {
    if (isAsked || cgroupParent !== undefined || !(error instanceof UserError)) throw error
    return own()
  }
}

/** The place of a container whose facts are lost: where most are. */
export function likelyPlace(kernel: Kernel, settings: Settings, id: string): CgroupPlace {
  const unit = `vitrine-${id}.scope`
  const path = `/machine.slice/${unit}`
  if (stat(kernel, `/sys/fs/cgroup${path}`) === undefined) return { cgroupPath: `${settings.cgroupParent}/${id}` }
  return { cgroupPath: `${path}/container`, scope: { unit, slice: 'machine.slice' } }
}

/** How the scope comes about, in a sentence. */
export function plannedScope({ scope }: Pick<CgroupPlace, 'scope'>): string[] {
  if (scope === undefined) return []
  return [
    `for the cgroup: systemd makes ${scope.unit} in ${scope.slice} (StartTransientUnit) for a process that waits there until the container is born`,
  ]
}

/** What the host has for a cgroup: below a user's own manager that is what systemd has delegated to it. */
export function cgroupHostAt(kernel: Kernel, host: CgroupHost, { cgroupPath, scope }: CgroupPlace): CgroupHost {
  if (scope === undefined || host.unified === undefined) return host
  const { mountPoint } = host.unified
  const above = ancestors(cgroupPath).reverse()
  const files = above.map((path) => readTextIfThere(kernel, `${mountPoint}${path}/cgroup.controllers`))
  const controllers = files.find((text) => text !== undefined)
  return controllers === undefined ? host : { ...host, unified: { mountPoint, controllers: words(controllers) } }
}

/** Launches a container, below the scope that systemd makes for it if it has one. */
export async function launchAt(
  host: Host,
  { scope, id, name }: ContainerRecord,
  { cgroup, resources }: { readonly cgroup?: CgroupPlan; readonly resources: LinuxResources },
  launch: () => Launched,
): Promise<Launched> {
  const unified = cgroup?.paths.unified
  if (scope === undefined || unified === undefined) return launch()
  const { launchInKeptScope } = await import('../systemd/keeper.ts')
  const description = `container ${name} ${id.slice(0, 12)}`
  const directory = unified.slice(0, unified.lastIndexOf('/'))
  return await launchInKeptScope(host, scope, { description, resources, directory }, launch)
}

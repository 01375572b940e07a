// update: other limits for a container, at once and for its next starts.

import { detectCgroups } from '../cgroup/detect.ts'
import { updateCgroup } from '../cgroup/update.ts'
import { UserError } from '../errors.ts'
import { moved } from '../lifecycle/table.ts'
import type { RequestedResources } from '../spec/request.ts'
import { resourcesFromRequest } from '../spec/resources.ts'
import { phaseOf, writeState } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { withContainer } from './open.ts'
import { currentRequest } from './prepare.ts'
import type { Created, Verbs } from './types.ts'

/** podman-update(1). @errors UserError for limits that contradict each other or that the kernel refuses; nothing changes then */
export async function update(
  host: Host,
  settings: Settings,
  container: string,
  resources: RequestedResources,
): Promise<Created> {
  return withContainer(host, settings, container, async (stored) => {
    const { record, state } = stored
    moved(phaseOf(state), 'update', record.name)
    const before = currentRequest(stored).resources
    const merged = mergeResources(before, resources)
    const asked = resourcesFromRequest(resources, false, resourcesFromRequest(before))
    resourcesFromRequest(merged)
    let takeBack: () => void | Promise<void> = () => {}
    if (state.process !== undefined) {
      const { cgroups } = state
      if (!cgroups) throw new UserError(`cannot update container ${record.name}: it has no cgroup of its own`)
      takeBack =
        record.scope === undefined
          ? updateCgroup(
              host.kernel,
              cgroups,
              asked,
              detectCgroups(host.kernel, { path: record.cgroupPath, resources: asked }),
            )
          : await (await import('../systemd/update.ts')).updateScope(host, record.scope.unit, cgroups, asked, true)
    }
    try {
      writeState(host.kernel, stored.paths, { ...state, resources: merged })
    } catch (error) {
      await takeBack()
      throw error
    }
    return { id: record.id, name: record.name }
  })
}

/** `--cpus` stands for quota and period: whichever is newer replaces the other. */
const rivals: Readonly<Partial<Record<keyof RequestedResources, readonly (keyof RequestedResources)[]>>> = {
  cpus: ['cpuQuotaUsec', 'cpuPeriodUsec'],
  cpuQuotaUsec: ['cpus'],
  cpuPeriodUsec: ['cpus'],
}

/** The limits after an update: the newer of two, and none that it replaces. */
export function mergeResources(before: RequestedResources, asked: RequestedResources): RequestedResources {
  const given = (Object.keys(asked) as (keyof RequestedResources)[]).filter((key) => asked[key] !== undefined)
  const out = new Set<string>(given.flatMap((key) => rivals[key] ?? []))
  return Object.fromEntries([
    ...Object.entries(before).filter(([key]) => !out.has(key)),
    ...given.map((key) => [key, asked[key]] as const),
  ])
}

update satisfies Verbs['update']

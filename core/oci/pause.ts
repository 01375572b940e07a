// pause and resume: all processes of a container stand still, or go on.

import { pause as freeze, unpause as thaw } from '../cgroup/freeze.ts'
import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { moved } from '../lifecycle/table.ts'
import { find, type OciContainer, type OciSettings, phaseOf, withLock, writeState } from './record.ts'

function cgroupsOf({ record }: OciContainer, what: string): CgroupPaths {
  if (record.cgroups !== null) return record.cgroups
  throw new UserError(`cannot ${what} container ${record.id}: it has no cgroup of its own`)
}

/** @errors UserError `cannot pause container web: it is paused` */
export async function pause(host: Host, settings: OciSettings, id: string): Promise<void> {
  const { kernel, sleep } = host
  await withLock(host, settings, id, async (directory) => {
    const container = find(kernel, settings, id)
    const to = moved(phaseOf(kernel, container), 'pause', id)
    await freeze(kernel, cgroupsOf(container, 'pause'), sleep)
    writeState(kernel, directory, to, container.state!.process)
  })
}

/** @errors UserError `cannot resume container web: it is running` */
export async function resume(host: Host, settings: OciSettings, id: string): Promise<void> {
  const { kernel } = host
  await withLock(host, settings, id, (directory) => {
    const container = find(kernel, settings, id)
    const to = moved(phaseOf(kernel, container), 'resume', id)
    thaw(kernel, cgroupsOf(container, 'resume'))
    writeState(kernel, directory, to, container.state!.process)
  })
}

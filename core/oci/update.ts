// update: other limits for a container that runs.

import { detectCgroups } from '../cgroup/detect.ts'
import { updateCgroup } from '../cgroup/update.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import type { LinuxResources } from '../spec/types.ts'
import { checkMove, find, type OciSettings, phaseOf, withLock } from './record.ts'
import { type Shares, updateResctrl } from './resctrl.ts'

/** @errors UserError for limits that contradict each other or that the kernel refuses; nothing changes then */
export async function update(
  host: Host,
  settings: OciSettings,
  id: string,
  resources: LinuxResources,
  shares: Shares = {},
): Promise<void> {
  const { kernel } = host
  await withLock(host, settings, id, async () => {
    const container = find(kernel, settings, id)
    checkMove(phaseOf(kernel, container), 'update', id)
    const { cgroups, spec, unit } = container.record
    if (shares.l3CacheSchema || shares.memBwSchema) updateResctrl(kernel, spec.linux?.intelRdt, id, shares)
    if (cgroups === null) throw new UserError(`cannot update container ${id}: it has no cgroup of its own`)
    if (unit !== undefined) {
      await (await import('../systemd/update.ts')).updateScope(host, unit, cgroups, resources)
      return
    }
    updateCgroup(kernel, cgroups, resources, detectCgroups(kernel, { path: cgroups.path, resources }))
  })
}

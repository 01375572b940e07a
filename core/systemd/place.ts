// Where the scope of a container of the engine is.

import type { Host } from '../engine/host.ts'
import { containerCgroup } from './keeper.ts'
import { isUsersManager } from './manager.ts'
import { refuseOldCgroups, withManager } from './scope.ts'
import { type Scope, scopePath, slicePath } from './unit.ts'

/**
 * @param parent - a slice; absent: machine.slice, or user.slice of a user's own manager
 * @errors UserError when no systemd answers, the host has cgroup v1, or the parent is no slice
 */
export async function scopeAt(
  host: Host,
  parent: string | undefined,
  id: string,
): Promise<{ readonly cgroupPath: string; readonly scope: Scope }> {
  const slice = parent ?? (isUsersManager(host) ? 'user.slice' : 'machine.slice')
  slicePath(slice)
  refuseOldCgroups(host)
  const scope: Scope = { unit: `vitrine-${id}.scope`, slice }
  const path = await withManager(host, async ({ controlGroup }) => scopePath(controlGroup, scope))
  return { cgroupPath: `${path}/${containerCgroup}`, scope }
}

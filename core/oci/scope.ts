// The scope of a container that a caller of the runtime wants: `--systemd-cgroup`.

import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Host } from '../engine/host.ts'
import type { Launched } from '../kernel.ts'
import type { Spec } from '../spec/types.ts'
import { annotatedProperties } from '../systemd/annotations.ts'
import { isUsersManager } from '../systemd/manager.ts'
import { launchInScope, refuseOldCgroups, withManager } from '../systemd/scope.ts'
import { type Scope, scopeOf, scopePath } from '../systemd/unit.ts'

export interface PlannedScope {
  readonly scope: Scope
  /** Of its cgroup. */
  readonly path: string
  /** Has systemd make the scope, and launches the container while its place is held. */
  readonly within: (paths: CgroupPaths, launch: () => Launched) => Promise<Launched>
}

/**
 * Looks up what the scope will be, and makes nothing.
 *
 * @errors UserError when no systemd answers, the host has cgroup v1, or `cgroupsPath` or an annotation is wrong
 */
export async function planScope(host: Host, id: string, spec: Spec): Promise<PlannedScope> {
  refuseOldCgroups(host)
  const slice = isUsersManager(host) ? 'user.slice' : 'machine.slice'
  const scope = scopeOf(spec.linux?.cgroupsPath, { slice, name: `vitrine-${id}` })
  const more = annotatedProperties(spec.annotations)
  const given = { description: `container ${id}`, resources: spec.linux?.resources ?? {}, more }
  const path = await withManager(host, async ({ controlGroup }) => scopePath(controlGroup, scope))
  const within = (paths: CgroupPaths, launch: () => Launched) => launchInScope(host, scope, { ...given, paths }, launch)
  return { scope, path, within }
}

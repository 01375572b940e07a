// ps: the processes of a container, by their pids as the caller counts.

import { processes as inCgroups } from '../cgroup/remove.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { find, type OciSettings } from './record.ts'

/** @returns pids, ascending */
export function processes({ kernel }: Host, settings: OciSettings, id: string): number[] {
  const { record } = find(kernel, settings, id)
  if (record.cgroups === null) throw new UserError(`cannot list the processes of container ${id}: it has no cgroup`)
  return inCgroups(kernel, record.cgroups)
}

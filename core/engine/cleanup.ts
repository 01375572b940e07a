// cleanup: what the monitor has done after its container's end, when no command is there to do it.

import { detectCgroups } from '../cgroup/detect.ts'
import { cgroupPaths } from '../cgroup/paths.ts'
import { killAll, removeCgroups } from '../cgroup/remove.ts'
import { lockDirectory } from '../store/lock.ts'
import { containerPaths } from '../store/paths.ts'
import { readStored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { recover, removeHalf } from './recover.ts'
import type { Verbs } from './types.ts'

/**
 * Brings a container in order: a dead one is recorded as stopped, or removed with --rm, and the host is cleared of it.
 * One that runs again is left alone; of one that is gone the cgroups go, should there be any.
 *
 * @param id - the whole id, since the name may be another container's by now
 */
export async function cleanup(host: Host, settings: Settings, id: string): Promise<void> {
  const lock = await lockDirectory(host.kernel, containerPaths(settings, id).directory)
  if (lock === undefined) {
    await clearRemoved(host, settings, id)
    return
  }
  try {
    const stored = readStored(host.kernel, settings, id)
    // Half of one: its removal was not finished.
    if (stored === undefined) await removeHalf(host, settings, id)
    else await recover(host, settings, stored)
  } finally {
    lock.release()
  }
}

/** A command that was killed may have left a monitor that made cgroups after somebody else had removed the container. */
async function clearRemoved({ kernel, sleep }: Host, settings: Settings, id: string): Promise<void> {
  if (!/^[0-9a-f]{64}$/.test(id)) return
  const paths = cgroupPaths(`${settings.cgroupParent}/${id}`, detectCgroups(kernel))
  await killAll(kernel, paths, sleep)
  await removeCgroups(kernel, paths, sleep, settings.cgroupParent)
}

cleanup satisfies Verbs['cleanup']

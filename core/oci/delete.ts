// delete: what is left of a container that has ended. runtime.md, "Delete".

import { unpause } from '../cgroup/freeze.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { list, removeTree, stat } from '../files.ts'
import { discard } from './create.ts'
import { endRecorded } from './end.ts'
import { runHooksLeniently } from './hooks.ts'
import { checkId, find, isRunning, type OciContainer, type OciSettings, phaseOf, statusOf, withLock } from './record.ts'
import { documentOf } from './state.ts'

/**
 * @param force - one that runs is killed, one that is not there is no error
 * @errors UserError for one that runs
 */
export async function remove(host: Host, settings: OciSettings, id: string, force: boolean): Promise<void> {
  const { kernel } = host
  const directory = `${settings.root}/${checkId(id)}`
  if (force && stat(kernel, directory) === undefined) return
  await withLock(host, settings, id, async () => {
    // Claimed and no more, by a command that was killed: nothing but its directory was made.
    if (!list(kernel, directory).includes('container.json')) {
      removeTree(kernel, directory)
      return
    }
    await removeLocked(host, find(kernel, settings, id), force)
  })
}

/** The caller holds its lock. */
export async function removeLocked(host: Host, container: OciContainer, force: boolean): Promise<void> {
  const { kernel } = host
  const { id, cgroups, spec } = container.record
  if (isRunning(kernel, container)) {
    if (!force)
      throw new UserError(
        `cannot delete container ${id}: it is not stopped: ${statusOf(kernel, container)}; kill it first, or use --force`,
      )
    const { process } = container.state!
    if (phaseOf(kernel, container) === 'paused' && cgroups !== null) unpause(kernel, cgroups)
    await endRecorded(host, process)
  }
  await discard(host, container)
  await runHooksLeniently(host, 'poststop', spec.hooks?.poststop, documentOf(container, 'stopped', 0))
}

// pause and resume: all processes of a container stand still, or go on.

import { pause as freeze, unpause as thaw } from '../cgroup/freeze.ts'
import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import {
  checkMove,
  find,
  type OciContainer,
  type OciSettings,
  phaseOf,
  statusOf,
  withLock,
  writeState,
} from './record.ts'

function cgroupsOf({ record }: OciContainer, what: string): CgroupPaths {
  if (record.cgroups !== null) return record.cgroups
  throw new UserError(`cannot ${what} container ${record.id}: it has no cgroup of its own`)
}

/** @errors UserError `cannot pause container web: it is paused` */
export async function pause(host: Host, settings: OciSettings, id: string): Promise<void> {
  const { kernel, sleep } = host
  await withLock(host, settings, id, async (directory) => {
    const container = find(kernel, settings, id)
    const phase = phaseOf(kernel, container)
    checkMove(phase, 'pause', id)
    await freeze(kernel, cgroupsOf(container, 'pause'), sleep)
    writeState(kernel, directory, 'paused', container.state!.process, phase === 'starting')
  })
}

/** @errors UserError `cannot resume container web: it is not paused: running` */
export async function resume(host: Host, settings: OciSettings, id: string): Promise<void> {
  const { kernel } = host
  await withLock(host, settings, id, (directory) => {
    const container = find(kernel, settings, id)
    if (phaseOf(kernel, container) !== 'paused')
      throw new UserError(`cannot resume container ${id}: it is not paused: ${statusOf(kernel, container)}`)
    thaw(kernel, cgroupsOf(container, 'resume'))
    writeState(kernel, directory, container.state!.waits ? 'starting' : 'running', container.state!.process)
  })
}

// kill: a signal to a container's first process, or to all of them. runtime.md, "Kill".

import { unpause } from '../cgroup/freeze.ts'
import { signalAll } from '../cgroup/remove.ts'
import { signalProcess } from '../engine/foreground.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { find, type OciSettings, phaseOf, withLock } from './record.ts'

const SIGKILL = 9

/**
 * @param all - to every process of its cgroup, also when the first one has ended
 * @errors UserError `cannot kill container web: it is stopped`
 */
export async function kill(host: Host, settings: OciSettings, id: string, signal: number, all: boolean): Promise<void> {
  const { kernel } = host
  await withLock(host, settings, id, () => {
    const container = find(kernel, settings, id)
    const { cgroups } = container.record
    const phase = phaseOf(kernel, container)
    if (all && cgroups !== null) {
      signalAll(kernel, cgroups, signal)
      return
    }
    if (phase === 'stopped' || container.state === undefined)
      throw new UserError(`cannot kill container ${id}: container not running`)
    signalProcess(kernel, container.state.process, signal)
    // Frozen tasks of cgroup v1 take no signal, not even SIGKILL, until they go on.
    if (phase === 'paused' && signal === SIGKILL && cgroups?.v1.freezer !== undefined) unpause(kernel, cgroups)
  })
}

// pause and unpause: all processes of a container stand still, or go on.

import { pause as freeze, unpause as thaw } from '../cgroup/freeze.ts'
import type { CgroupPaths } from '../cgroup/paths.ts'
import { UserError } from '../errors.ts'
import type { Phase } from '../lifecycle/phases.ts'
import { moved, snapshotOf } from '../lifecycle/table.ts'
import { phaseOf, type Stored, writeState } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { withContainer } from './open.ts'
import { afterRefusal } from './settle.ts'
import type { Created, Verbs } from './types.ts'

function cgroupsOf(stored: Stored, what: string): CgroupPaths {
  const { cgroups } = stored.state
  if (cgroups) return cgroups
  throw new UserError(`cannot ${what} container ${stored.record.name}: it has no cgroup of its own`)
}

/** @errors UserError `cannot pause container web: it is paused` */
export async function pause(host: Host, settings: Settings, container: string): Promise<Created> {
  return withContainer(host, settings, container, async (stored) => {
    await pauseStored(host, stored)
    return { id: stored.record.id, name: stored.record.name }
  })
}

/** The caller holds its lock. @returns it as it is then */
export function pauseStored(host: Host, stored: Stored): Promise<Stored> {
  const to = moved(phaseOf(stored.state), 'pause', stored.record.name)
  const cgroups = cgroupsOf(stored, 'pause')
  const { kernel, sleep } = host
  return changed(
    host,
    stored,
    to,
    () => freeze(kernel, cgroups, sleep),
    async () => thaw(kernel, cgroups),
  )
}

/** @errors UserError `cannot unpause container web: it is running` */
export async function unpause(host: Host, settings: Settings, container: string): Promise<Created> {
  return withContainer(host, settings, container, async (stored) => {
    await unpauseStored(host, stored)
    return { id: stored.record.id, name: stored.record.name }
  })
}

/** The caller holds its lock. @returns it as it is then */
export function unpauseStored(host: Host, stored: Stored): Promise<Stored> {
  const to = moved(phaseOf(stored.state), 'resume', stored.record.name)
  const cgroups = cgroupsOf(stored, 'unpause')
  const { kernel, sleep } = host
  return changed(
    host,
    stored,
    to,
    async () => thaw(kernel, cgroups),
    () => freeze(kernel, cgroups, sleep),
  )
}

/** Says first that it is about to change: should this command be killed over it, the cgroup tells how it stands. */
async function changed(
  { kernel, warn }: Host,
  stored: Stored,
  to: Phase,
  act: () => Promise<void>,
  undo: () => Promise<void>,
): Promise<Stored> {
  writeState(kernel, stored.paths, { ...stored.state, freezing: true })
  try {
    await act()
    const state = { ...stored.state, lifecycle: snapshotOf(to) }
    writeState(kernel, stored.paths, state)
    return { ...stored, state }
  } catch (error) {
    await afterRefusal({ warn }, async () => {
      await undo()
      writeState(kernel, stored.paths, stored.state)
    })
    throw error
  }
}

/** Frozen tasks of cgroup v1 take no signal, not even SIGKILL, until they go on. */
export function killPaused(host: Host, stored: Stored): void {
  const { cgroups } = stored.state
  if (cgroups?.v1.freezer !== undefined) thaw(host.kernel, cgroups)
}

pause satisfies Verbs['pause']
unpause satisfies Verbs['unpause']

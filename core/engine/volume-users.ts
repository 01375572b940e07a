// Which containers use which volumes, by what they have written down: containers are read, never locked or put in order,
// so that this may be asked under a volume's lock.

import type { Volume } from '../spec/request.ts'
import { allIds } from '../store/names.ts'
import { containerPaths } from '../store/paths.ts'
import { phaseOf, readRemains, type Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'

export interface VolumeUser {
  readonly id: string
  readonly name: string
  readonly running: boolean
}

/** The names of the volumes of a container, each once; those of one that is damaged are not known. */
export function volumeNamesOf(record: Partial<Stored['record']> | undefined): string[] {
  const named = (volume: Volume) => (volume.kind === 'bind' || volume.source === undefined ? [] : [volume.source])
  return [...new Set((record?.request?.volumes ?? []).flatMap(named))]
}

/** The users of every volume that has some. */
export function volumeUsers({ kernel }: Pick<Host, 'kernel'>, settings: Settings): ReadonlyMap<string, VolumeUser[]> {
  const users = new Map<string, VolumeUser[]>()
  for (const id of allIds(kernel, settings)) {
    const { record, state } = readRemains(kernel, containerPaths(settings, id), id)
    for (const volume of volumeNamesOf(record)) {
      const phase = state && phaseOf(state)
      const user = { id, name: record!.name, running: phase === 'running' || phase === 'paused' }
      users.set(volume, [...(users.get(volume) ?? []), user])
    }
  }
  return users
}

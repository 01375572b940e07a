// container prune: containers that do not run go, with what was theirs.

import { diskBytes } from '../disk.ts'
import { UserError } from '../errors.ts'
import { containerPaths } from '../store/paths.ts'
import type { Host, Settings } from './host.ts'
import type { Pruned, PruneOptions } from './image-prune.ts'
import { list } from './list.ts'
import { remove } from './remove.ts'
import type { ContainerRow } from './types.ts'

const keys = ['label', 'until']

type Fits = (row: ContainerRow) => boolean

/** All must hold: `label=`, `label!=`, and until, made before that moment. */
function containerFilter({ filters, moment }: PruneOptions): Fits {
  const all: Fits[] = []
  for (const word of filters) {
    const [, key, negation, value] = /^([^=!]+)(!?)=(.*)$/s.exec(word) ?? []
    if (key === undefined || !keys.includes(key) || (key === 'until' && negation === '!'))
      throw new UserError(`--filter=${word}: must be label=KEY[=VALUE], label!=KEY[=VALUE] or until=TIME`)
    if (key === 'until') {
      const limit = moment(value!)
      all.push((row) => row.createdMs < limit)
      continue
    }
    const equals = value!.indexOf('=')
    const [name, wanted] = equals < 0 ? [value!] : [value!.slice(0, equals), value!.slice(equals + 1)]
    const fits: Fits = ({ labels: own }) => Object.hasOwn(own, name) && (wanted === undefined || own[name] === wanted)
    all.push(negation === '!' ? (row) => !fits(row) : fits)
  }
  return (row) => all.every((fits) => fits(row))
}

/**
 * Removes containers that have ended or never ran. podman-container-prune(1). One that is started meanwhile stays.
 *
 * @errors UserError for a filter that is none; then nothing is removed
 */
export async function pruneContainers(host: Host, settings: Settings, options: PruneOptions): Promise<Pruned> {
  const fits = containerFilter(options)
  const rows = await list(host, settings, { all: true, filters: {} })
  const removed: string[] = []
  let bytes = 0
  for (const row of rows) {
    if ((row.status !== 'exited' && row.status !== 'created') || !fits(row)) continue
    const own = diskBytes(host.kernel, containerPaths(settings, row.id).directory)
    try {
      await remove(host, settings, row.id, { force: false, volumes: false })
    } catch (error) {
      if (isBusy(error)) continue
      throw error
    }
    removed.push(row.id)
    bytes += own
  }
  return { removed, bytes }
}

/** It runs by now, or somebody else has removed it. podman-rm(1), exit codes. */
const isBusy = (error: unknown): boolean => error instanceof UserError && (error.exitCode === 1 || error.exitCode === 2)

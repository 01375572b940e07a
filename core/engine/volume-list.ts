// Volumes as one sees them: which there are, who uses them, how large they are; and those that nobody uses, removed.

import { diskBytes } from '../disk.ts'
import { DamagedError, UserError } from '../errors.ts'
import { newId } from '../store/ids.ts'
import { checkVolumeName, makeVolume, readVolume, volumeNames, volumePaths } from '../store/volumes.ts'
import type { Host, Settings } from './host.ts'
import { lookAtAll } from './open.ts'
import { volumeFilter } from './volume-filter.ts'
import { removeUnused, sweepVolumes } from './volume-remove.ts'
import { volumeUsers } from './volume-users.ts'

export interface VolumeRow {
  readonly name: string
  readonly driver: string
  readonly scope: 'local'
  /** Where its files are on the host; those of a tmpfs are nowhere. */
  readonly mountpoint: string
  readonly createdMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  readonly anonymous: boolean
  /** No container has used it yet. */
  readonly unused: boolean
  /** The ids of the containers that have it, and how many of them run. */
  readonly containers: readonly string[]
  readonly running: number
  /** On disk; only when it was asked for. */
  readonly sizeBytes?: number
}

export interface VolumeListOptions {
  readonly filters?: readonly string[]
  /** A moment as users write it: milliseconds since 1970. Needed for the filter `until`. */
  readonly moment?: (text: string) => number
  /** Looks at every file. */
  readonly size?: boolean
}

/**
 * Volumes by name. What killed commands have left of some is swept away.
 *
 * @errors UserError for a filter
 */
export async function listVolumes(
  host: Host,
  settings: Settings,
  { filters = [], moment = Number, size = false }: VolumeListOptions = {},
): Promise<readonly VolumeRow[]> {
  await sweepVolumes(host, settings)
  // Containers whose making was killed count for nothing: they are brought in order first.
  await lookAtAll(host, settings)
  const users = volumeUsers(host, settings)
  const rows = volumeNames(host.kernel, settings).flatMap((name) => rowOf(host, settings, name, users))
  const fits = volumeFilter(filters, { rows, moment })
  const wanted = rows.filter(fits)
  if (!size) return wanted
  const seen = new Set<string>()
  return wanted.map((row) => ({ ...row, sizeBytes: diskBytes(host.kernel, row.mountpoint, seen) }))
}

function rowOf(host: Host, settings: Settings, name: string, users: ReturnType<typeof volumeUsers>): VolumeRow[] {
  try {
    const record = readVolume(host.kernel, settings, name)
    if (record === undefined) return []
    const { driver, labels, options, createdMs, anonymous, unused } = record
    const who = users.get(name) ?? []
    const mountpoint = volumePaths(settings, name).data
    return [
      {
        ...{ name, driver, scope: 'local', mountpoint, createdMs, labels, options, anonymous, unused },
        containers: who.map(({ id }) => id),
        running: who.filter(({ running }) => running).length,
      },
    ]
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error
    host.warn(`volume ${name}: ${error.message}; volume rm removes it`)
    return []
  }
}

export interface NewVolume {
  /** Absent: a name is drawn. */
  readonly name?: string
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  /** One that is there already is fine. */
  readonly ignore: boolean
}

/**
 * Makes a volume, which the first container that uses it fills. podman-volume-create(1)
 *
 * @returns its name
 * @errors UserError for options that the driver does not know, and when the name is taken
 */
export async function createVolume(host: Host, settings: Settings, wanted: NewVolume): Promise<string> {
  const { localVolume } = await import('../spec/volume-driver.ts')
  const { labels, options } = wanted
  localVolume(options)
  const name = wanted.name ?? newId(host.randomBytes)
  checkVolumeName(name)
  const common = { version: 1, driver: 'local', createdMs: host.now(), anonymous: false, unused: true } as const
  const made = await makeVolume(host.kernel, settings, host.randomBytes, { ...common, name, labels, options })
  if (!made && !wanted.ignore) throw new UserError(`volume ${name}: there is one of that name: volume already exists`)
  return name
}

/**
 * Removes the volumes that no container has, named and anonymous. podman-volume-prune(1)
 *
 * @returns the names of those that are gone, and what they occupied on disk
 */
export async function pruneVolumes(
  host: Host,
  settings: Settings,
  options: Omit<VolumeListOptions, 'size'> = {},
): Promise<{ readonly removed: readonly string[]; readonly bytes: number }> {
  const removed: string[] = []
  let bytes = 0
  for (const row of await listVolumes(host, settings, options)) {
    if (row.containers.length > 0) continue
    const sizeBytes = diskBytes(host.kernel, row.mountpoint)
    // One that has been taken into use meanwhile stays.
    const users = await removeUnused(host, settings, row.name)
    if (users?.length !== 0) continue
    removed.push(row.name)
    bytes += sizeBytes
  }
  return { removed, bytes }
}

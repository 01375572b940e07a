// A volume on disk: ROOT/volumes/NAME with volume.json and its files in _data; there whole, or not at all.
//
// Who uses a volume and who removes it (the order that keeps both from hurting each other):
// - A container that uses a volume is written down first. Then it takes the volume's lock (flock(2) on its directory, as
//   for containers), sees that the volume is there or makes it, and does what a first use needs.
// - Who removes a volume takes its lock, then reads what all containers have written down, and renames the directory away
//   while no container uses it. A container that is written down later finds no volume, and makes a new one.
// - A container's lock may be held when a volume's is taken, never the other way round: under a volume's lock containers
//   are only read. One process holds one volume's lock at a time.

import type { Settings } from '../engine/host.ts'
import { DamagedError, RefusedError, UserError } from '../errors.ts'
import {
  AT_FDCWD,
  list,
  makeDirectories,
  parseFile,
  readTextIfThere,
  removeTree,
  replaceLocked,
  stat,
} from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { type Lock, lockDirectory } from './lock.ts'
import { volumesDirectory } from './paths.ts'
import { writeNewFile } from './record.ts'

type Where = Pick<Settings, 'root'>

export interface VolumeRecord {
  readonly version: 1
  readonly name: string
  readonly driver: 'local'
  /** As given: `type`, `device`, `o`, `nocopy`. podman-volume-create(1) */
  readonly options: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly createdMs: number
  /** Made for a container that named none: goes with the last container that has it. */
  readonly anonymous: boolean
  /** No container has used it: the first one fills it with what its image has there, and gives it an owner. */
  readonly unused: boolean
}

export interface VolumePaths {
  readonly directory: string
  readonly record: string
  readonly data: string
  /** What is being copied, until it takes the place of `data` as a whole. */
  readonly draft: string
}

export function volumePaths(settings: Where, name: string): VolumePaths {
  const directory = `${volumesDirectory(settings)}/${name}`
  return { directory, record: `${directory}/volume.json`, data: `${directory}/_data`, draft: `${directory}/draft` }
}

/** @errors UserError for a name that podman would not take either */
export function checkVolumeName(name: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || name.length > 255)
    throw new UserError(
      `volume name ${JSON.stringify(name)}: must be letters, digits, _ . and -, begin with a letter or digit, and have at most 255`,
    )
}

/** The name of a directory that is not a volume yet, or not one any more: no volume's name begins with a dot. */
export function passingName(randomBytes: (count: number) => Uint8Array): string {
  return `.${Array.from(randomBytes(8), (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * Makes a volume's directory under a passing name and renames it: rename(2) is atomic, and refuses to replace a directory
 * that has something in it.
 *
 * @returns false when there is a volume of that name
 */
export async function makeVolume(
  kernel: Kernel,
  settings: Where,
  randomBytes: (count: number) => Uint8Array,
  record: VolumeRecord,
): Promise<boolean> {
  const above = volumesDirectory(settings)
  const { directory } = volumePaths(settings, record.name)
  if (readVolume(kernel, settings, record.name) !== undefined) return false
  makeDirectories(kernel, above, 0o700)
  for (;;) {
    const paths = volumePaths(settings, passingName(randomBytes))
    makeDirectories(kernel, paths.directory, 0o700)
    let lock: Lock | undefined
    let made = false
    try {
      // Whoever sweeps removes what nobody has locked.
      lock = await lockDirectory(kernel, paths.directory)
      if (lock === undefined) continue
      makeDirectories(kernel, paths.data, 0o755)
      writeNewFile(kernel, paths.record, JSON.stringify(record))
      const renamed = kernel.call({
        name: 'renameat2',
        olddirfd: AT_FDCWD,
        oldpath: paths.directory,
        newdirfd: AT_FDCWD,
        newpath: directory,
        flags: 0,
      })
      made = !refused(renamed)
      if (!refused(renamed)) return true
      if (renamed.errno === 'ENOTEMPTY' || renamed.errno === 'EEXIST') return false
      throw new RefusedError(`make the volume ${record.name}: rename ${paths.directory} to ${directory}`, renamed.errno)
    } finally {
      if (!made) removeDraft(kernel, paths.directory)
      lock?.release()
    }
  }
}

/** Removes what did not become a volume; what cannot be removed now the next sweep removes. */
function removeDraft(kernel: Kernel, directory: string): void {
  try {
    removeTree(kernel, directory)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
  }
}

/**
 * What is written down of a volume; undefined when there is none. One that was made before volumes were written down is
 * a directory alone.
 *
 * @errors DamagedError
 */
export function readVolume(kernel: Kernel, settings: Where, name: string): VolumeRecord | undefined {
  const { record: path, directory, data } = volumePaths(settings, name)
  const text = readTextIfThere(kernel, path)
  if (text === undefined) {
    const found = stat(kernel, data)
    if (found === undefined) return undefined
    const createdMs = (stat(kernel, directory) ?? found).mtimeSec * 1000
    return {
      version: 1,
      name,
      driver: 'local',
      options: {},
      labels: {},
      createdMs,
      anonymous: false,
      unused: false,
    }
  }
  const record = parseFile<VolumeRecord | null>(text, path)
  if (record?.version !== 1 || record.name !== name || record.driver !== 'local' || !record.options || !record.labels)
    throw new DamagedError(path, 'this is not what is written down of a volume, version 1')
  return record
}

/** Replaces what is written down. The volume's lock is held. */
export function writeVolume(kernel: Kernel, settings: Where, record: VolumeRecord): void {
  replaceLocked(kernel, volumePaths(settings, record.name).record, JSON.stringify(record))
}

/** The names of all volumes, sorted. */
export function volumeNames(kernel: Kernel, settings: Where): string[] {
  return list(kernel, volumesDirectory(settings)).filter((name) => !name.startsWith('.'))
}

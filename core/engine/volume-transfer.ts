// What is in a volume, as a tar archive, and an archive's files put into one. podman-volume-export(1), podman-volume-import(1)

import { UserError } from '../errors.ts'
import { close, O, open } from '../files.ts'
import { applyLayer } from '../image/apply.ts'
import { compressionOf } from '../image/archive.ts'
import { startingWith } from '../image/bytes.ts'
import { inputBytes } from '../image/input.ts'
import { tarEntries } from '../image/tar.ts'
import { treeTar } from '../image/tree-tar.ts'
import type { Kernel } from '../kernel.ts'
import { localVolume } from '../spec/volume-driver.ts'
import { lockDirectory } from '../store/lock.ts'
import { readVolume, type VolumeRecord, volumePaths, writeVolume } from '../store/volumes.ts'
import { marksOf, ownersOf } from './container-tree.ts'
import type { Host, Settings } from './host.ts'
import { resolveVolume } from './volume-remove.ts'

/** Where a volume's files are. @errors UserError for one in memory: outside of its containers there is nothing */
function directoryOf(settings: Settings, { name, options }: VolumeRecord): string {
  const local = localVolume(options)
  if (local.kind === 'tmpfs')
    throw new UserError(`volume ${name}: is in memory, and every container has its own: there are no files on the host`)
  return local.kind === 'bind' ? local.source : volumePaths(settings, name).data
}

/**
 * The archive of a volume, as it is read: what containers change meanwhile may be in it or not. What is no file below the
 * volume is never followed.
 *
 * @errors UserError when there is no such volume
 */
export function exportVolume(host: Host, settings: Settings, word: string): AsyncIterable<Uint8Array> {
  const name = resolveVolume(host, settings, word)
  const directory = directoryOf(settings, recordOf(host, settings, name))
  return treeTar(host.kernel, [directory], {
    title: `volume ${name}`,
    view: 'merged',
    marks: marksOf(host),
    ...ownersOf(host),
    warn: host.warn,
  })
}

/**
 * Puts the files of an archive, compressed or not, into a volume; what has their names already is replaced. Every name is
 * resolved in the volume, whatever links it has. A new volume is not filled from an image after this.
 *
 * @param source - a path of the host, or a descriptor that is open and stays so
 * @errors UserError when there is no such volume, and naming the entry that cannot be made: those before it are there
 */
export async function importVolume(
  host: Host,
  settings: Settings,
  word: string,
  source: string | number,
): Promise<void> {
  const { kernel } = host
  const name = resolveVolume(host, settings, word)
  const lock = await lockDirectory(kernel, volumePaths(settings, name).directory)
  try {
    const record = recordOf(host, settings, name)
    const directory = directoryOf(settings, record)
    const raw = bytesFrom(kernel, source)
    const first = await raw.next()
    const title = typeof source === 'number' ? 'the archive' : source
    if (first.done) throw new UserError(`${title}: is empty, and no archive`)
    const archive = await host.archive()
    const bytes = archive.decompress(startingWith(first.value, raw), compressionOf(first.value))
    if (record.unused) writeVolume(kernel, settings, { ...record, unused: false })
    await applyLayer(kernel, directory, tarEntries(bytes), { title, warn: host.warn, merges: true })
  } finally {
    lock?.release()
  }
}

async function* bytesFrom(kernel: Kernel, source: string | number): AsyncGenerator<Uint8Array> {
  const fd = typeof source === 'number' ? source : open(kernel, source, O.RDONLY)
  try {
    yield* inputBytes(kernel, fd, 'the archive')
  } finally {
    if (fd !== source) close(kernel, fd)
  }
}

function recordOf({ kernel }: Host, settings: Settings, name: string): VolumeRecord {
  const record = readVolume(kernel, settings, name)
  if (record === undefined) throw new UserError(`no volume with name "${name}" found: no such volume`, 1)
  return record
}

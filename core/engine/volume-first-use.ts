// What volumes need before a container runs with them: the first one fills a volume and gives it an owner, `U` changes
// owners, and `O` begins with nothing changed.

import { RefusedError, UserError } from '../errors.ts'
import { AT_FDCWD, ask, makeDirectories, removeTree, S_IFDIR, S_IFMT, stat } from '../files.ts'
import { directoryBelow } from '../image/below.ts'
import { refused } from '../kernel.ts'
import { isIdmap } from '../spec/idmap-option.ts'
import { cleanPath, volumesOf } from '../spec/mounts.ts'
import type { Volume } from '../spec/request.ts'
import { localVolume } from '../spec/volume-driver.ts'
import { lockDirectory } from '../store/lock.ts'
import type { Stored } from '../store/record.ts'
import { readVolume, type VolumePaths, volumePaths, writeVolume } from '../store/volumes.ts'
import { copyUp } from './copy-up.ts'
import type { Host, Settings } from './host.ts'
import { type HostIds, hostIds, hostOwner, idsOnDisk, type Owner } from './host-ids.ts'
import { overlayOf, type Prepared, rootDirectoryOf } from './prepare.ts'
import { removeRootless } from './rootless.ts'
import { changeOwners, giveDirectory, giveToUser } from './volume-owner.ts'
import type { VolumePlaces } from './volumes.ts'

/**
 * Makes the volumes of a container ready. What is done halfway when it is killed is done again by the next container.
 *
 * @errors UserError
 */
export async function makeVolumesReady(
  host: Host,
  settings: Settings,
  stored: Stored,
  prepared: Prepared,
  places: VolumePlaces,
): Promise<void> {
  const ofHost = hostIds(host.kernel, prepared.spec)
  for (const volume of volumesOf(stored.record.request, stored.record.image?.config)) {
    const { kind, source, options } = volume
    const use: Use = { host, settings, stored, prepared, ids: options.some(isIdmap) ? idsOnDisk : ofHost }
    if (kind !== 'bind' && source !== undefined) await useFirst(use, volume)
    const path = kind === 'bind' ? source! : places.paths[source ?? cleanPath(volume.destination)]!
    const inMemory = source !== undefined && kind !== 'bind' && places.mounts[source]?.kind === 'tmpfs'
    if (options.includes('U') && !inMemory) await giveToUser(host, prepared, use.ids, path)
    if (options.includes('O')) await beginOverlay(use, path, places.overlays[cleanPath(volume.destination)]!, options)
  }
}

interface Use {
  readonly host: Host
  readonly settings: Settings
  readonly stored: Stored
  readonly prepared: Prepared
  readonly ids: HostIds
}

/** The first container decides what is in a volume, and whose it is; it is not the first when another has been quicker. */
async function useFirst(use: Use, volume: Volume): Promise<void> {
  const { kernel } = use.host
  const name = volume.source!
  if (!readVolume(kernel, use.settings, name)?.unused) return
  const paths = volumePaths(use.settings, name)
  const lock = await lockDirectory(kernel, paths.directory)
  try {
    const record = lock && readVolume(kernel, use.settings, name)
    // Without one it was taken away with all it had, by hand: the start fails where it is mounted.
    if (!record?.unused) return
    const local = localVolume(record.options)
    if (local.kind === 'directory') {
      const filled = await fill(use, volume, paths, local.copies && !volume.options.includes('nocopy'))
      await giveOwner(use, paths.data, volume, local, filled)
    }
    writeVolume(kernel, use.settings, { ...record, unused: false })
  } finally {
    lock?.release()
  }
}

/** Copied beside it and renamed, so that half a copy is never taken for the volume. */
async function fill(
  { host, stored, ids }: Use,
  { destination }: Volume,
  { data, draft }: VolumePaths,
  copies: boolean,
): Promise<boolean> {
  const { kernel } = host
  await discardTree(host, draft)
  if (!copies) return false
  makeDirectories(kernel, draft, 0o755)
  if (await copyUp(host, stored, cleanPath(destination), draft)) {
    // The image counts its users as the container does.
    if (host.environment.uid === 0 && !ids.same) changeOwners(kernel, draft, ids.ofHost)
    const call = { name: 'renameat2', olddirfd: AT_FDCWD, oldpath: draft, newdirfd: AT_FDCWD, newpath: data } as const
    // rename(2) replaces an empty directory only: what somebody has put into the volume before stays, and is all of it.
    const renamed = kernel.call({ ...call, flags: 0 })
    if (!refused(renamed)) return true
    if (renamed.errno !== 'ENOTEMPTY' && renamed.errno !== 'EEXIST')
      throw new RefusedError(`copy the image's ${destination}: rename ${draft} to ${data}`, renamed.errno)
  }
  await discardTree(host, draft)
  return false
}

/** An empty volume looks as the directory of the image that it covers, and is the container's user's where there is none. */
async function giveOwner(
  { host, stored, prepared, ids }: Use,
  data: string,
  { destination }: Volume,
  chosen: Partial<Owner>,
  filled: boolean,
): Promise<void> {
  const { kernel, environment } = host
  const now = stat(kernel, data)
  if (now === undefined) return
  const overlay = overlayOf(stored)
  const layers = overlay?.lowerDirectories ?? [rootDirectoryOf(stored.record.request)]
  const covered = filled ? undefined : directoryBelow(kernel, layers, cleanPath(destination).slice(1))
  if (covered !== undefined)
    ask(kernel, { name: 'fchmodat', dirfd: AT_FDCWD, pathname: data, mode: covered.mode }, `change the mode of ${data}`)
  // Layers of somebody who is not root lie there with the host's ids.
  const ofImage = covered && (environment.uid === 0 ? ids.ofHost(covered) : covered)
  const owner = filled ? now : (ofImage ?? hostOwner(ids, prepared.spec.process!.user))
  await giveDirectory(host, prepared, ids, data, { uid: chosen.uid ?? owner.uid, gid: chosen.gid ?? owner.gid })
}

/** With directories that the user has named, what they hold stays: they are the user's own. */
async function beginOverlay(
  { host, ids }: Use,
  source: string,
  { upper, work }: { readonly upper: string; readonly work: string },
  options: readonly string[],
): Promise<void> {
  const { kernel } = host
  const found = stat(kernel, source)
  if (found === undefined || (found.mode & S_IFMT) !== S_IFDIR)
    throw new UserError(`-v ${source}:…:O: only a directory can have an overlay, and this is none`)
  if (options.some((option) => option.startsWith('upperdir='))) {
    for (const path of [upper, work])
      if (stat(kernel, path) === undefined) throw new UserError(`-v ${source}:…:O: ${path}: no such directory`)
    return
  }
  for (const path of [upper, work]) {
    await discardTree(host, path)
    makeDirectories(kernel, path, 0o755)
  }
  // The upper directory is what the container sees of the source itself. Its root lays the overlay, and works in `work`.
  const root = ids.ofHost({ uid: 0, gid: 0 })
  const give = (pathname: string, { uid, gid }: Owner) =>
    ask(kernel, { name: 'fchownat', dirfd: AT_FDCWD, pathname, owner: uid, group: gid, flags: 0 }, `chown ${pathname}`)
  if (host.environment.uid === 0) {
    give(upper, ids.ofContainer(found) === undefined && root !== undefined ? root : found)
    if (root !== undefined) give(work, root)
  }
  const mode = found.mode & 0o7777
  ask(kernel, { name: 'fchmodat', dirfd: AT_FDCWD, pathname: upper, mode }, `chmod ${upper}`)
}

async function discardTree(host: Host, path: string): Promise<void> {
  if (host.environment.uid === 0) removeTree(host.kernel, path)
  else await removeRootless(host, path)
}

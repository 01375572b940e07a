// A new container on disk: id, directory, name, record. What was made is removed when a later part is refused.

import { RefusedError, UserError } from '../errors.ts'
import { AT_FDCWD, AT_REMOVEDIR, makeDirectories, removeTree, stat } from '../files.ts'
import { layerStack } from '../image/root.ts'
import { findImage, imageConfig } from '../image/store.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Phase } from '../lifecycle/phases.ts'
import { checkRequest } from '../spec/check-request.ts'
import type { ContainerRequest } from '../spec/request.ts'
import { checkName, newId, newName } from '../store/ids.ts'
import { type Lock, lockDirectory, lockNewDirectory } from '../store/lock.ts'
import { claimName, idOfName, releaseName } from '../store/names.ts'
import { type ContainerPaths, containerPaths, containersDirectory } from '../store/paths.ts'
import {
  type ContainerRecord,
  type ImageFacts,
  newState,
  type Stored,
  writeRecord,
  writeState,
} from '../store/record.ts'
import { placeCgroup } from './cgroup-place.ts'
import type { Host, Settings } from './host.ts'
import { lockImages } from './image-lock.ts'
import { removeHalf } from './recover.ts'
import { remove } from './remove.ts'
import { withVolumes } from './volumes.ts'

export interface Made {
  readonly stored: Stored
  readonly lock: Lock
}

/**
 * Makes a container's directory, claims its name and writes it down, in a phase of its life.
 *
 * @returns with its lock held
 * @errors UserError: the name is taken, the image or root filesystem is not there, flags contradict each other
 */
export async function makeContainer(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  phase: Phase,
): Promise<Made> {
  const { kernel } = host
  checkRequest(request)
  if (request.name !== undefined) checkName(request.name)
  if (request.replace && request.name !== undefined)
    await remove(host, settings, request.name, { force: true, volumes: true })
  const id = newId(host.randomBytes)
  const paths = containerPaths(settings, id)
  const images = request.source.kind === 'image' ? await lockImages(host, settings) : undefined
  try {
    const image = imageFacts(host, settings, request, paths)
    const whole = await withVolumes(host, settings, request, image?.config)
    const lock = await makeDirectory(kernel, settings, paths, image !== undefined || isOverlay(request))
    let name: string | undefined
    try {
      name = await takeName(host, settings, request.name, id)
      const mappings = choosesIds(host, request)
        ? await (await import('./user-ids.ts')).claimIds(host, settings, request, paths)
        : undefined
      const record = {
        version: 1,
        id,
        name,
        createdMs: host.now(),
        request: whole,
        ...(image === undefined ? {} : { image }),
        ...(await placeCgroup(host, settings, request, id)),
        ...(mappings === undefined ? {} : { mappings: { uid: mappings.uid, gid: mappings.gid } }),
      } satisfies ContainerRecord
      const state = newState(phase)
      writeRecord(kernel, paths, record)
      // Whole or not there: one that is killed over it leaves a half, not a damaged container.
      writeState(kernel, paths, state)
      return { stored: { record, state, paths }, lock }
    } catch (error) {
      if (name !== undefined) releaseName(kernel, settings, name, id)
      removeTree(kernel, paths.directory)
      lock.release()
      throw error
    }
  } finally {
    images?.release()
  }
}

export const isOverlay = (request: ContainerRequest): boolean =>
  request.source.kind === 'image' || request.source.overlay

/** Whether root of the host makes a user namespace for it, with ids that are its own while it is there. */
export function choosesIds(host: Host, { userns, idMappings, subordinates }: ContainerRequest): boolean {
  if (host.environment.uid !== 0) return false
  if (idMappings !== undefined || subordinates !== undefined) return true
  return userns?.kind === 'private' || userns?.kind === 'auto' || userns?.kind === 'keep-id'
}

export function imageFacts(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  paths: ContainerPaths,
): ImageFacts | undefined {
  const { kernel } = host
  const { source } = request
  if (source.kind === 'rootfs') {
    const found = stat(kernel, source.path)
    if (found === undefined) throw new UserError(`--rootfs=${source.path}: no such directory on the host`)
    if ((found.mode & 0o170000) !== 0o040000) throw new UserError(`--rootfs=${source.path}: is not a directory`)
    return undefined
  }
  const reader = { kernel, root: settings.root }
  const image = findImage(reader, source.id ?? source.reference)
  const config = imageConfig(reader, image)
  const { lower } = layerStack(settings.root, image, paths.directory)
  return { id: image.id, digest: image.digest, name: image.names[0] ?? source.reference, config, lower }
}

async function makeDirectory(
  kernel: Kernel,
  settings: Settings,
  paths: ContainerPaths,
  overlay: boolean,
): Promise<Lock> {
  const mkdir = (pathname: string, mode: number) => ({ name: 'mkdirat', dirfd: AT_FDCWD, pathname, mode }) as const
  const call = mkdir(paths.directory, 0o700)
  let lock: Lock | undefined
  // Once more when somebody who looked at all containers took it for what a killed command has left.
  while (lock === undefined) {
    let made = kernel.call(call)
    if (refused(made) && made.errno === 'ENOENT') {
      makeDirectories(kernel, containersDirectory(settings), 0o700)
      made = kernel.call(call)
    }
    if (refused(made)) throw new RefusedError(`make the container's directory ${paths.directory}`, made.errno)
    try {
      lock = lockNewDirectory(kernel, paths.directory) ?? (await lockDirectory(kernel, paths.directory))
    } catch (error) {
      // Without its lock: nothing is in it yet.
      kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname: paths.directory, flags: AT_REMOVEDIR })
      throw error
    }
  }
  if (!overlay) return lock
  const parts = [mkdir(paths.upper, 0o755), mkdir(paths.work, 0o700), mkdir(paths.merged, 0o700)]
  const { outcomes, failed } = kernel.batch(parts)
  const refusal = failed === undefined ? undefined : outcomes[failed]!
  if (refusal !== undefined && refused(refusal)) {
    removeTree(kernel, paths.directory)
    lock.release()
    throw new RefusedError(`make ${parts[failed!]!.pathname}`, refusal.errno)
  }
  return lock
}

/** @errors UserError when the name is taken: `the container name "web" is already in use by ID` */
async function takeName(host: Host, settings: Settings, wanted: string | undefined, id: string): Promise<string> {
  const { kernel } = host
  for (let attempt = 0; ; attempt++) {
    const name = wanted ?? newName(host.randomBytes, attempt)
    if (claimName(kernel, settings, name, id)) return name
    if (wanted === undefined) continue
    const owner = idOfName(kernel, settings, name)
    if (owner !== undefined && attempt < 3 && (await isStale(host, settings, owner, name))) continue
    throw new UserError(
      `the container name "${name}" is already in use by ${owner ?? 'another container'}: remove that container, or use --replace`,
    )
  }
}

/** Frees a name whose container is gone, or was never completely made. */
async function isStale(host: Host, settings: Settings, owner: string, name: string): Promise<boolean> {
  const { kernel } = host
  const paths = containerPaths(settings, owner)
  const lock = await lockDirectory(kernel, paths.directory)
  if (lock === undefined) {
    releaseName(kernel, settings, name, owner)
    return true
  }
  try {
    if (stat(kernel, paths.state) !== undefined) return false
    await removeHalf(host, settings, owner)
    return true
  } finally {
    lock.release()
  }
}

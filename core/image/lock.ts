// Locks between processes for images: flock(2) on files in RUNROOT/locks, so that a killed process holds none.
//
// `images` guards the index and is held shortly: exclusively by whoever changes it, shared by whoever makes a container
// from an image, until the container is written down. `image-import` is held shared by whoever brings something in, and
// exclusively by whoever sweeps, so that nothing is swept that is on its way in. `layer-HEX` lets one at a time download
// and unpack a layer. Taken in this order: image-import, layers by their digests, images.

import { close, makeDirectories, must, O, open } from '../files.ts'
import { refused } from '../kernel.ts'
import type { ImageHost } from './archive.ts'

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4

export type ImageLockName = 'images' | 'image-import' | `layer-${string}`
export type LockMode = 'shared' | 'exclusive'

export interface ImageLock {
  /** Changes a lock that is held exclusively to a shared one. */
  readonly share: () => Promise<void>
  readonly release: () => void
}

type LockHost = Pick<ImageHost, 'kernel' | 'runroot'>

const operationOf = (mode: LockMode): number => (mode === 'shared' ? LOCK_SH : LOCK_EX)

export const locksDirectory = (runroot: string): string => `${runroot}/locks`

function openLock({ kernel, runroot }: LockHost, name: ImageLockName): number {
  const directory = locksDirectory(runroot)
  makeDirectories(kernel, directory, 0o700)
  return open(kernel, `${directory}/${name}`, O.RDWR | O.CREAT, 0o600)
}

async function flock({ kernel }: LockHost, fd: number, name: string, mode: LockMode): Promise<void> {
  const operation = operationOf(mode)
  // Without a thread when it is free.
  if (!refused(kernel.call({ name: 'flock', fd, operation: operation | LOCK_NB }))) return
  let locked = await kernel.wait({ name: 'flock', fd, operation })
  while (refused(locked) && locked.errno === 'EINTR') locked = await kernel.wait({ name: 'flock', fd, operation })
  must(locked, `lock ${name}`)
}

const lockOf = (host: LockHost, fd: number, name: ImageLockName): ImageLock => ({
  share: () => flock(host, fd, name, 'shared'),
  release: () => close(host.kernel, fd),
})

/** Takes a lock and waits for it as long as needed. */
export async function takeImageLock(host: LockHost, name: ImageLockName, mode: LockMode): Promise<ImageLock> {
  const fd = openLock(host, name)
  try {
    await flock(host, fd, name, mode)
  } catch (error) {
    close(host.kernel, fd)
    throw error
  }
  return lockOf(host, fd, name)
}

/** Takes a lock when nobody is in the way. */
export function tryImageLock(host: LockHost, name: ImageLockName, mode: LockMode): ImageLock | undefined {
  const fd = openLock(host, name)
  if (!refused(host.kernel.call({ name: 'flock', fd, operation: operationOf(mode) | LOCK_NB })))
    return lockOf(host, fd, name)
  close(host.kernel, fd)
  return undefined
}

/** Runs an action under a lock. */
export async function withImageLock<T>(
  host: LockHost,
  name: ImageLockName,
  mode: LockMode,
  act: () => T | Promise<T>,
): Promise<T> {
  const lock = await takeImageLock(host, name, mode)
  try {
    return await act()
  } finally {
    lock.release()
  }
}

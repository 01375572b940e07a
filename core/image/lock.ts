// Locks between processes for images: flock(2) on files in RUNROOT/locks, so that a killed process holds none.

import { close, makeDirectories, must, O, open } from '../files.ts'
import { refused } from '../kernel.ts'
import type { ImageHost } from './archive.ts'

const LOCK_SH = 1
const LOCK_EX = 2

/**
 * Runs an action under a lock and waits for it as long as needed.
 *
 * `images` guards the index and is held shortly: exclusively by whoever changes it, shared by whoever makes a container
 * from an image, until the container is written down. `image-import` lets one import or removal unpack or delete at a time.
 */
export async function withImageLock<T>(
  host: Pick<ImageHost, 'kernel' | 'runroot'>,
  name: 'images' | 'image-import',
  mode: 'shared' | 'exclusive',
  act: () => T | Promise<T>,
): Promise<T> {
  const { kernel } = host
  const directory = `${host.runroot}/locks`
  makeDirectories(kernel, directory, 0o700)
  const fd = open(kernel, `${directory}/${name}`, O.RDWR | O.CREAT, 0o600)
  try {
    const operation = mode === 'shared' ? LOCK_SH : LOCK_EX
    let locked = await kernel.wait({ name: 'flock', fd, operation })
    while (refused(locked) && locked.errno === 'EINTR') locked = await kernel.wait({ name: 'flock', fd, operation })
    must(locked, `lock ${directory}/${name}`)
    return await act()
  } finally {
    close(kernel, fd)
  }
}

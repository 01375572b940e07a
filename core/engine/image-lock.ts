// The lock on the images' index, shared: nobody removes an image while a container is made of it.

import { close, makeDirectories, must, O, open } from '../files.ts'
import { refused } from '../kernel.ts'
import type { Lock } from '../store/lock.ts'
import type { Host, Settings } from './host.ts'

const LOCK_SH = 1
const LOCK_NB = 4

/** Takes the lock `images` (core/image/lock.ts) as those do who only read; without a thread when it is free. */
export async function lockImages(host: Host, settings: Settings): Promise<Lock> {
  const { kernel } = host
  const directory = `${settings.runroot}/locks`
  makeDirectories(kernel, directory, 0o700)
  const fd = open(kernel, `${directory}/images`, O.RDWR | O.CREAT, 0o600)
  const free = kernel.call({ name: 'flock', fd, operation: LOCK_SH | LOCK_NB })
  if (refused(free)) {
    const late = await kernel.wait({ name: 'flock', fd, operation: LOCK_SH })
    if (refused(late)) close(kernel, fd)
    must(late, `lock ${directory}/images`)
  }
  return { fd, release: () => close(kernel, fd) }
}

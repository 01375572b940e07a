// A new volume begins with what the image has at its place, as podman's do.

import { AT_FDCWD, close, entriesOf, O } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Step } from '../launch/plan.ts'
import type { Stored } from '../store/record.ts'
import type { Host } from './host.ts'
import { overlayOf } from './prepare.ts'
import { findProgram, runProgram } from './program.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10
const CLONE_NEWNS = 0x00020000
const MS_REC_PRIVATE = 0x4000 | (1 << 18)
/** The descriptor by which cp(1) finds the image's directory. */
const sourceFd = 10

/** Whether some layer has anything in a directory; links are followed inside the layer only. */
function hasContent(kernel: Kernel, layer: string, path: string): boolean {
  const flags = O.PATH | O.DIRECTORY | O.CLOEXEC
  const root = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: layer, flags, mode: 0 })
  if (refused(root)) return false
  const how = { flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  const opened = kernel.call({ name: 'openat2', dirfd: root.value, pathname: path, how })
  close(kernel, root.value)
  if (refused(opened)) return false
  const some = entriesOf(kernel, opened.value, path).length > 0
  close(kernel, opened.value)
  return some
}

/**
 * Copies what the image has at a path into a volume that is new. The image is put together in a mount namespace of the
 * copying process alone, and the path is resolved inside the image: openat2(2), RESOLVE_IN_ROOT.
 *
 * @errors UserError when it cannot be copied
 */
export async function copyUp(host: Host, stored: Stored, path: string, volume: string): Promise<void> {
  const { kernel } = host
  const overlay = overlayOf(stored)
  const lower = overlay?.lowerDirectories ?? []
  if (overlay === undefined || !lower.some((layer) => hasContent(kernel, layer, path))) return
  const cp = host.environment.uid === 0 ? findProgram(host, 'cp') : undefined
  if (cp === undefined) {
    host.warn(`volume at ${path}: begins empty, and hides what the image has there: it cannot be copied`)
    return
  }
  const place = overlay.mountPoint
  // Everything is read-only without an upper layer, and overlayfs wants two lower ones then.
  const single = lower.length === 1
  const mount: Step['call'] = single
    ? { name: 'mount', source: lower[0]!, target: place, filesystemtype: null, mountflags: 0x1000, data: null }
    : {
        name: 'mount',
        source: 'overlay',
        target: place,
        filesystemtype: 'overlay',
        mountflags: 1,
        data: `lowerdir=${lower.map((each) => each.replace(/[\\:,]/g, '\\$&')).join(':')}`,
      }
  const child = (call: Step['call'], why: string, as?: string): Step => ({ in: 'child', call, why, ...(as && { as }) })
  const how = { flags: O.PATH | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  await runProgram(host, [cp, '-a', '--', `/proc/self/fd/${sourceFd}/.`, volume], {
    cloneFlags: CLONE_NEWNS,
    before: [
      child(
        { name: 'mount', source: null, target: '/', filesystemtype: null, mountflags: MS_REC_PRIVATE, data: null },
        'keep what is mounted from here on to the copying process',
      ),
      child(mount, 'put the image together'),
      child({ name: 'openat', dirfd: AT_FDCWD, pathname: place, flags: how.flags, mode: 0 }, 'open the image', 'image'),
      child({ name: 'openat2', dirfd: { from: 'image' }, pathname: path, how }, `find ${path} in the image`, 'source'),
      child({ name: 'dup3', oldfd: { from: 'source' }, newfd: sourceFd, flags: 0 }, 'hand it to the program'),
    ],
  })
}

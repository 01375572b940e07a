// A new volume begins with what the image has at its place, as podman's do.

import type { Errno } from '../errno.ts'
import { AT_FDCWD, close, entriesOf, must, O } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { type Step, startFd } from '../launch/plan.ts'
import type { Stored } from '../store/record.ts'
import type { Host } from './host.ts'
import { overlayOf, rootDirectoryOf } from './prepare.ts'
import { findProgram, runProgram } from './program.ts'
import { idMappings, writeMappings } from './rootless.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10
const CLONE_NEWNS = 0x00020000
const CLONE_NEWUSER = 0x10000000
const MS_RDONLY = 1
const MS_REC_PRIVATE = 0x4000 | (1 << 18)
/** The descriptor by which cp(1) finds the image's directory. */
const sourceFd = 10

/** There is no directory there; links that lead round are no way to one. */
const absent: readonly Errno[] = ['ENOENT', 'ENOTDIR', 'ELOOP']

/** Whether some layer has anything in a directory; links are followed inside the layer only. */
function hasContent(kernel: Kernel, layer: string, path: string): boolean {
  const flags = O.PATH | O.DIRECTORY | O.CLOEXEC
  const root = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: layer, flags, mode: 0 })
  if (refused(root) && absent.includes(root.errno)) return false
  const layerFd = must(root, `open ${layer}`).value
  const how = { flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  const opened = kernel.call({ name: 'openat2', dirfd: layerFd, pathname: path, how })
  close(kernel, layerFd)
  // One that may not be looked into may have something.
  if (refused(opened) && opened.errno === 'EACCES') return true
  if (refused(opened) && absent.includes(opened.errno)) return false
  const fd = must(opened, `open ${path} of ${layer}`).value
  try {
    return entriesOf(kernel, fd, path).length > 0
  } finally {
    close(kernel, fd)
  }
}

const child = (call: Step['call'], why: string, more: Partial<Step> = {}): Step => ({ in: 'child', call, why, ...more })

/** Puts the layers together, read-only, where the container's root filesystem will be. */
function mountLayers(layers: readonly string[], place: string, data: string): Step {
  const lower = layers.map((each) => each.replace(/[\\:,]/g, '\\$&')).join(':')
  return child(
    {
      name: 'mount',
      source: 'overlay',
      target: place,
      filesystemtype: 'overlay',
      mountflags: MS_RDONLY,
      data: `lowerdir=${lower}${data}`,
    },
    'put the image together',
  )
}

/** Somebody who is not root copies as root of a user namespace, where the ids lent to them are others. */
const becomeLentRoot: readonly Step[] = [
  child({ name: 'read', fd: startFd, buf: 1 }, 'wait until the users of the new user namespace are mapped', {
    waits: true,
    as: 'maps',
  }),
  child({ name: 'setresgid', rgid: 0, egid: 0, sgid: 0 }, 'become group 0 there'),
  child({ name: 'setresuid', ruid: 0, euid: 0, suid: 0 }, 'become user 0 there'),
]

/**
 * Copies what the image has at a path, and the directory's own owner, mode and times, into a directory that is empty. The
 * image is put together in a mount namespace of the copying process alone, and the path is resolved inside the image:
 * openat2(2), RESOLVE_IN_ROOT.
 *
 * @returns false when the image has nothing there
 * @errors UserError when it cannot be copied
 */
export async function copyUp(host: Host, stored: Stored, path: string, into: string): Promise<boolean> {
  const { kernel } = host
  const overlay = overlayOf(stored)
  const layers = overlay?.lowerDirectories ?? [rootDirectoryOf(stored.record.request)]
  if (!layers.some((layer) => hasContent(kernel, layer, path))) return false
  const cp = findProgram(host, 'cp')
  if (cp === undefined) {
    host.warn(`volume at ${path}: begins empty, and hides what the image has there: there is no program cp`)
    return false
  }
  const rootless = host.environment.uid !== 0
  // A single layer is the image.
  const place = overlay && layers.length > 1 ? overlay.mountPoint : layers[0]!
  const how = { flags: O.PATH | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  await runProgram(host, [cp, '-a', '--', `/proc/self/fd/${sourceFd}/.`, into], {
    cloneFlags: CLONE_NEWNS + (rootless ? CLONE_NEWUSER : 0),
    before: [
      ...(rootless ? becomeLentRoot : []),
      child(
        { name: 'mount', source: null, target: '/', filesystemtype: null, mountflags: MS_REC_PRIVATE, data: null },
        'keep what is mounted from here on to the copying process',
      ),
      ...(layers.length > 1 ? [mountLayers(layers, place, rootless ? ',userxattr' : '')] : []),
      child({ name: 'openat', dirfd: AT_FDCWD, pathname: place, flags: how.flags, mode: 0 }, 'open the image', {
        as: 'image',
      }),
      child({ name: 'openat2', dirfd: { from: 'image' }, pathname: path, how }, `find ${path} in the image`, {
        as: 'source',
      }),
      child({ name: 'dup3', oldfd: { from: 'source' }, newfd: sourceFd, flags: 0 }, 'hand it to the program'),
    ],
    waiting: (pid) => writeMappings(host, pid, idMappings(host)),
  })
  return true
}

// Devices of the host: those that `--device` names, and all of them for `--privileged`.

import type { Errno } from '../errno.ts'
import { UserError } from '../errors.ts'
import { AT_FDCWD, close, entriesOf, must, O, S_IFBLK, S_IFCHR, S_IFDIR, S_IFMT, type Stat, stat } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { RequestedDevice } from '../spec/request.ts'
import type { LinuxDevice } from '../spec/types.ts'

/** Parts of /dev that are not devices of the machine: every container has its own. */
const notTheHosts = new Set([
  '/dev/pts',
  '/dev/shm',
  '/dev/mqueue',
  '/dev/fd',
  '/dev/ptmx',
  '/dev/console',
  '/dev/hugepages',
])

function deviceOf(path: string, found: Stat): LinuxDevice | undefined {
  const kind = found.mode & S_IFMT
  if (kind !== S_IFCHR && kind !== S_IFBLK) return undefined
  return {
    path,
    type: kind === S_IFBLK ? 'b' : 'c',
    major: found.rdevMajor,
    minor: found.rdevMinor,
    fileMode: found.mode & 0o777,
    uid: found.uid,
    gid: found.gid,
  }
}

/** Not there any more, or not for the caller to see. */
const passedOver: readonly Errno[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM']

/** The devices in a directory and below. */
function devicesBelow(kernel: Kernel, directory: string): LinuxDevice[] {
  const flags = O.RDONLY | O.DIRECTORY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: directory, flags, mode: 0 })
  if (refused(opened) && passedOver.includes(opened.errno)) return []
  const fd = must(opened, `list ${directory}`).value
  const found: LinuxDevice[] = []
  try {
    for (const { name } of entriesOf(kernel, fd, directory)) {
      const path = `${directory}/${name}`
      if (notTheHosts.has(path)) continue
      const status = stat(kernel, name, { dirfd: fd, follow: false })
      if (status === undefined) continue
      if ((status.mode & S_IFMT) === S_IFDIR) found.push(...devicesBelow(kernel, path))
      const device = deviceOf(path, status)
      if (device !== undefined) found.push(device)
    }
  } finally {
    close(kernel, fd)
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** @errors UserError for a path that is neither a device nor a directory of devices */
export function requestedDevices(
  kernel: Kernel,
  requested: readonly RequestedDevice[],
): Record<string, readonly LinuxDevice[]> {
  const nodes: Record<string, readonly LinuxDevice[]> = {}
  for (const { source } of requested) {
    const found = stat(kernel, source)
    if (found === undefined) throw new UserError(`--device=${source}: no such device on the host`)
    const device = deviceOf(source, found)
    const below = device === undefined && (found.mode & S_IFMT) === S_IFDIR ? devicesBelow(kernel, source) : []
    nodes[source] = device === undefined ? below : [device]
    if (nodes[source].length === 0) throw new UserError(`--device=${source}: is no device and no directory of devices`)
  }
  return nodes
}

export function allHostDevices(kernel: Kernel): readonly LinuxDevice[] {
  return devicesBelow(kernel, '/dev')
}

/** Whether bind sources are directories or files: what a missing destination is made as. */
export function sourceKinds(kernel: Kernel, sources: readonly string[]): Record<string, 'directory' | 'file'> {
  const kinds: Record<string, 'directory' | 'file'> = {}
  for (const source of sources) {
    const found = stat(kernel, source)
    if (found === undefined) throw new UserError(`cannot mount ${source}: no such file or directory on the host`)
    kinds[source] = (found.mode & S_IFMT) === S_IFDIR ? 'directory' : 'file'
  }
  return kinds
}

// /dev: the default devices, those of the spec, and the usual links. OCI config-linux.md, "Default Devices", "Devices".

import { UserError } from '../errors.ts'
import type { LinuxDevice, Spec } from '../spec/types.ts'
import { AT, MOVE_MOUNT, O, OPEN_TREE, S_IF } from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import type { Namespaces } from './namespaces.ts'
import { cleanPath, type PlannedMount } from './planned-mount.ts'
import { basename, childStep, dirname, from, type PlanWriter } from './writer.ts'

const CAP_MKNOD = 27n

const defaultDevices: readonly LinuxDevice[] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
  { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  { path: '/dev/random', type: 'c', major: 1, minor: 8 },
  { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
  { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
]

const links: readonly (readonly [string, string])[] = [
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', '/proc/kcore'],
  ['/dev/ptmx', 'pts/ptmx'],
]

/** The label of the container's /dev/null. */
export const nullDevice = '/dev/null'

export interface Devices {
  readonly list: readonly LinuxDevice[]
  /** Nodes are made; otherwise the host's are mounted, as in a user namespace, where mknod(2) makes no devices. */
  readonly made: boolean
}

/** The devices to make, or undefined when /dev is the host's or a volume, which is left as it is. */
export function devicesOf(
  spec: Spec,
  mounts: readonly PlannedMount[],
  namespaces: Namespaces,
  facts: LaunchFacts,
): Devices | undefined {
  if (mounts.some(({ kind, destination }) => kind === 'bind' && destination === '/dev')) return undefined
  const byPath = new Map(defaultDevices.map((device) => [device.path, device]))
  for (const device of spec.linux?.devices ?? []) byPath.set(cleanPath(device.path), device)
  const made =
    !namespaces.has('user') && !facts.callerInUserNamespace && (facts.capabilities.permitted >> CAP_MKNOD) % 2n === 1n
  return { list: [...byPath.values()], made }
}

const deviceTree = (path: string) => `device ${path}`

/** Before the host's files are left: the host's devices, when the container's cannot be made. */
export function planDeviceSources(writer: PlanWriter, devices: Devices, facts: LaunchFacts): void {
  if (devices.made) return
  for (const { path } of devices.list) {
    const pathname = facts.deviceSources?.[path] ?? path
    writer.child(
      { name: 'open_tree', dirfd: AT.FDCWD, pathname, flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC },
      `take ${pathname} of the host`,
      { as: deviceTree(path) },
    )
  }
}

/** A device number as mknod(2) takes it: 12 bits of major between 8 and 12 bits of minor. linux/kdev_t.h. */
export function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + major * 0x100 + (minor & ~0xff) * 0x1000
}

/** Makes the devices and the links. The label `nullDevice` is the container's /dev/null afterwards. */
export function planDevices(writer: PlanWriter, devices: Devices): void {
  const fresh = writer.isFresh('/dev')
  for (const device of devices.list) {
    const path = cleanPath(device.path)
    if (dirname(path) !== '/dev') {
      const above = `above ${path}`
      writer.destination(dirname(path), 'directory', above)
      putDevice(writer, device, path, above, false, devices.made)
    } else putDevice(writer, device, path, writer.directory('/dev'), fresh, devices.made)
  }
  const parent = from(writer.directory('/dev'))
  for (const [path, target] of links)
    writer.child(
      { name: 'symlinkat', target, newdirfd: parent, linkpath: basename(path) },
      `link ${path} to ${target}`,
      fresh ? undefined : { tolerate: ['EEXIST'] },
    )
  writer.child(
    { name: 'openat', dirfd: parent, pathname: 'null', flags: O.PATH | O.NOFOLLOW | O.CLOEXEC, mode: 0 },
    'open the null device, which will cover files',
    { as: nullDevice },
  )
}

function putDevice(
  writer: PlanWriter,
  device: LinuxDevice,
  path: string,
  parent: string,
  fresh: boolean,
  made: boolean,
): void {
  const dirfd = from(parent)
  const pathname = basename(path)
  if (!fresh)
    writer.child(
      { name: 'unlinkat', dirfd, pathname, flags: 0 },
      `remove what the image has for ${path}: it might be anything`,
      { tolerate: ['ENOENT'] },
    )
  if (!made) {
    const flags = O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC
    writer.child({ name: 'openat', dirfd, pathname, flags, mode: 0o644 }, `make the empty file ${path} to mount on`)
    writer.child(
      {
        name: 'move_mount',
        from_dirfd: from(deviceTree(device.path)),
        from_pathname: '',
        to_dirfd: dirfd,
        to_pathname: pathname,
        flags: MOVE_MOUNT.F_EMPTY_PATH,
      },
      `mount the host's ${path}`,
    )
    return
  }
  const mode = modeOf(device)
  const dev = device.type === 'p' ? 0 : deviceNumber(device.major ?? 0, device.minor ?? 0)
  writer.child({ name: 'mknodat', dirfd, pathname, mode, dev }, `make ${path}`)
  const { uid = 0, gid = 0 } = device
  if (uid !== 0 || gid !== 0)
    writer.add(
      childStep(
        { name: 'fchownat', dirfd, pathname, owner: uid, group: gid, flags: AT.SYMLINK_NOFOLLOW },
        `give ${path} to ${uid}:${gid}`,
      ),
    )
}

function modeOf({ type, fileMode = 0o666, path }: LinuxDevice): number {
  const rights = fileMode & 0o7777
  if (type === 'c' || type === 'u') return S_IF.CHR | rights
  if (type === 'b') return S_IF.BLK | rights
  if (type === 'p') return S_IF.IFO | rights
  throw new UserError(`linux.devices: ${path}: type must be c, u, b or p`)
}

// The root filesystem: mounted in the child's own mount namespace, made its root by pivot_root(2), the host's mounts left.

import { UserError } from '../errors.ts'
import type { Spec } from '../spec/types.ts'
import {
  AT,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MNT_DETACH,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  mountDataBytes,
  O,
  OPEN_TREE,
} from './constants.ts'
import type { LaunchFacts, OverlayFacts } from './facts.ts'
import { planMountedRoot } from './mapped-root.ts'
import { propagationOf } from './mount-options.ts'
import { type Namespaces, planRootOfUserNamespace } from './namespaces.ts'
import { planOverlayTrees } from './overlay-mounts.ts'
import type { PlannedMount } from './planned-mount.ts'
import { isSince } from './release.ts'
import { from, openHost, type PlanWriter, root } from './writer.ts'

/** Nothing that is mounted from here on may reach the host. mount_namespaces(7). */
export function planPrivateMounts(writer: PlanWriter): void {
  writer.child(
    { name: 'mount', source: null, target: '/', filesystemtype: null, mountflags: MS.REC | MS.PRIVATE, data: null },
    'keep every mount from here on to the container',
  )
}

/** Mounts the root filesystem and what else lies over the host's files, goes there, and leaves the host's. */
export function planRoot(
  writer: PlanWriter,
  spec: Spec,
  mounts: readonly PlannedMount[],
  facts: LaunchFacts,
  namespaces: Namespaces,
): void {
  // A directory is taken as the caller, who may search the way to it; an overlay belongs to the root of its namespace.
  const made = facts.userNamespace !== undefined
  const inUserNamespace = namespaces.has('user') || facts.callerInUserNamespace === true
  if (!facts.overlay && !made) bindRoot(writer, facts.rootDirectory ?? spec.root?.path)
  planRootOfUserNamespace(writer, namespaces)
  if (made) planMountedRoot(writer)
  else if (facts.overlay) mountOverlay(writer, facts.overlay, facts.release, inUserNamespace)
  if (!made) planOverlayTrees(writer, mounts, inUserNamespace)
  writer.child({ name: 'fchdir', fd: from(root) }, 'stand in the root filesystem')
  writer.child(
    { name: 'pivot_root', new_root: '.', put_old: '.' },
    "make it the root, with the host's root on top of it",
  )
  writer.child({ name: 'umount2', target: '.', flags: MNT_DETACH }, "leave the host's files for good")
}

function bindRoot(writer: PlanWriter, path: string | undefined): void {
  if (path === undefined) throw new UserError('root.path: a container needs a root filesystem')
  writer.child(
    { name: 'open_tree', dirfd: AT.FDCWD, pathname: path, flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.RECURSIVE },
    `take the root filesystem ${path}`,
    { as: root },
  )
  writer.child(
    {
      name: 'move_mount',
      from_dirfd: from(root),
      from_pathname: '',
      to_dirfd: AT.FDCWD,
      to_pathname: path,
      flags: MOVE_MOUNT.F_EMPTY_PATH,
    },
    'mount it on itself, because only a mount can become the root',
  )
}

function mountOverlay(writer: PlanWriter, overlay: OverlayFacts, release: string, inUserNamespace: boolean): void {
  const { mountPoint, upperDirectory, workDirectory } = overlay
  const rest: [string, string | null][] = []
  if (upperDirectory !== undefined && workDirectory !== undefined)
    rest.push(['upperdir', upperDirectory], ['workdir', workDirectory])
  if (inUserNamespace) rest.push(['userxattr', null])
  const words = [`lowerdir=${overlay.lowerDirectories.map(escaped).join(':')}`]
  for (const [key, value] of rest) words.push(value === null ? key : `${key}=${escaped(value)}`)
  const data = words.join(',')
  if (data.length <= mountDataBytes) {
    writer.child(
      { name: 'mount', source: 'overlay', target: mountPoint, filesystemtype: 'overlay', mountflags: 0, data },
      'lay the writable layer over the image',
    )
    writer.child(openHost(mountPoint, O.PATH | O.DIRECTORY), 'open the root filesystem', { as: root })
    return
  }
  if (!isSince(release, 6, 8))
    throw new UserError(
      `the image has ${overlay.lowerDirectories.length} layers, more than Linux ${release} can lay over each other; it needs Linux 6.8, or an image with fewer layers`,
    )
  layerByLayer(writer, overlay, rest)
}

/** Overlays with so many layers that they do not fit one page: each is given by itself, which Linux knows since 6.8. */
function layerByLayer(writer: PlanWriter, overlay: OverlayFacts, rest: readonly [string, string | null][]): void {
  writer.child({ name: 'fsopen', fs_name: 'overlay', flags: FSOPEN_CLOEXEC }, 'begin an overlay', { as: 'overlay' })
  const set = (key: string, value: string | null, why: string) =>
    writer.child(
      {
        name: 'fsconfig',
        fd: from('overlay'),
        cmd: value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING,
        key,
        value,
        aux: 0,
      },
      why,
    )
  for (const layer of overlay.lowerDirectories) set('lowerdir+', layer, 'add a layer (needs Linux 6.8)')
  for (const [key, value] of rest) set(key, value, `set ${key}`)
  writer.child(
    { name: 'fsconfig', fd: from('overlay'), cmd: FSCONFIG.CMD_CREATE, key: null, value: null, aux: 0 },
    'lay the writable layer over the image',
  )
  writer.child({ name: 'fsmount', fs_fd: from('overlay'), flags: FSMOUNT_CLOEXEC, attr_flags: 0 }, 'make it a mount', {
    as: root,
  })
  writer.child(
    {
      name: 'move_mount',
      from_dirfd: from(root),
      from_pathname: '',
      to_dirfd: AT.FDCWD,
      to_pathname: overlay.mountPoint,
      flags: MOVE_MOUNT.F_EMPTY_PATH,
    },
    'mount it, because only a mount can become the root',
  )
}

/** In overlay's options a backslash takes away the meaning of `:` and `,`. Documentation/filesystems/overlayfs.rst. */
function escaped(path: string): string {
  return /[\\:,]/.test(path) ? path.replace(/[\\:,]/g, '\\$&') : path
}

/** After everything is in place: how the root's mounts propagate, and that it is read-only. */
export function planFinishedRoot(writer: PlanWriter, spec: Spec): void {
  const name = spec.linux?.rootfsPropagation
  const propagation = name ? propagationOf(name) : undefined
  if (name && propagation === undefined)
    throw new UserError(
      `linux.rootfsPropagation: ${name}: give shared, slave, private or unbindable, or one with an r in front`,
    )
  const readonly = spec.root?.readonly === true
  const attr = { attr_set: MOUNT_ATTR.RDONLY }
  if (readonly)
    writer.child(
      { name: 'mount_setattr', dirfd: from(root), pathname: '', flags: AT.EMPTY_PATH, attr },
      'make the root filesystem read-only',
    )
  if (propagation && (propagation.type === MS.SHARED || propagation.type === MS.UNBINDABLE))
    writer.child(
      {
        name: 'mount_setattr',
        dirfd: from(root),
        pathname: '',
        flags: AT.EMPTY_PATH | (propagation.recursive ? AT.RECURSIVE : 0),
        attr: { propagation: propagation.type },
      },
      `make the root mount ${name}`,
    )
}

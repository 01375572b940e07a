// A root filesystem shown to a user namespace as its own users': by mounts with mapped owners, not by changing owners on
// disk. mount_setattr(2), "ID-mapped mounts"; overlayfs over such mounts is Linux 5.19's.

import { UserError } from '../errors.ts'
import type { Spec } from '../spec/types.ts'
import { AT, MOUNT_ATTR, MOVE_MOUNT, OPEN_TREE, PR, SECBIT_NO_SETUID_FIXUP } from './constants.ts'
import type { LaunchFacts, OverlayFacts } from './facts.ts'
import { isSince } from './release.ts'
import { dirname, from, openHost, type PlanWriter, root } from './writer.ts'

/** The label of the user namespace that is entered by path. */
export const userNamespace = 'user namespace'

/** Where the container's own directory is seen, among the layers, which are numbered. */
const own = 'own'

/** The user namespace is opened while /proc can be reached, and before the mounts that need its map. */
export function planUserNamespace(writer: PlanWriter, path: string): void {
  writer.child(openHost(path, 0), `open the user namespace ${path}`, { as: userNamespace })
}

/**
 * Makes the root filesystem as the host's root, who alone may map owners and lay an overlay whose marks are `trusted.`: a
 * detached mount with the label `root`. The child then stands where it is to be mounted: a place that it can name in the
 * mount namespace it makes later, too, where it may not search the way to it. path_resolution(7).
 */
export function planMappedRoot(writer: PlanWriter, spec: Spec, facts: LaunchFacts): void {
  if (!isSince(facts.release, 5, 19))
    throw new UserError(
      `--userns: a root filesystem with mapped owners needs Linux 5.19, and this is ${facts.release}; leave --userns out`,
    )
  if (facts.overlay !== undefined) {
    layOverlay(writer, facts.overlay, facts.userNamespace!)
    return
  }
  const path = facts.rootDirectory ?? spec.root?.path
  if (path === undefined) throw new UserError('root.path: a container needs a root filesystem')
  takeMapped(writer, path, root, true)
  writer.child({ name: 'chdir', path }, 'stand where it will be mounted')
}

/** Layers are taken as mounts of mapped owners; overlayfs wants them mounted (until Linux 6.15), so they get a place. */
function layOverlay(
  writer: PlanWriter,
  { lowerDirectories, upperDirectory, workDirectory, mountPoint }: OverlayFacts,
  { rootUid, rootGid }: NonNullable<LaunchFacts['userNamespace']>,
): void {
  writer.child(
    { name: 'mount', source: 'tmpfs', target: mountPoint, filesystemtype: 'tmpfs', mountflags: 0, data: 'mode=700' },
    'make a place for the layers as the users of the namespace will see them',
  )
  writer.child({ name: 'chdir', path: mountPoint }, 'stand in it')
  for (const [i, directory] of lowerDirectories.entries()) placeMapped(writer, directory, String(i))
  const words = [`lowerdir=${lowerDirectories.map((_, i) => i).join(':')}`]
  if (upperDirectory !== undefined && workDirectory !== undefined) {
    const directory = dirname(upperDirectory)
    if (dirname(workDirectory) !== directory) throw new Error('upper and work directory lie in different directories')
    placeMapped(writer, directory, own)
    const inOwn = (path: string) => `${own}${path.slice(directory.length)}`
    words.push(`upperdir=${inOwn(upperDirectory)}`, `workdir=${inOwn(workDirectory)}`)
  }
  // Whoever mounts an overlay makes its working files: under mapped owners only somebody who is mapped can, and with the
  // rights of the host's root, which a change of fsuid takes away unless it is forbidden. capabilities(7).
  writer.child(
    { name: 'prctl', option: PR.SET_SECUREBITS, arg2: SECBIT_NO_SETUID_FIXUP, arg3: 0, arg4: 0, arg5: 0 },
    'keep all rights over the change of owner that follows',
  )
  writer.child({ name: 'setfsgid', fsgid: rootGid }, "make files as the namespace's group 0")
  writer.child({ name: 'setfsuid', fsuid: rootUid }, "make files as the namespace's root")
  writer.child(
    { name: 'mount', source: 'overlay', target: '.', filesystemtype: 'overlay', mountflags: 0, data: words.join(',') },
    'lay the writable layer over the image',
  )
  writer.child(
    {
      name: 'open_tree',
      dirfd: AT.FDCWD,
      pathname: mountPoint,
      flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC,
    },
    'take it, to mount it as the root filesystem',
    { as: root },
  )
}

function placeMapped(writer: PlanWriter, directory: string, name: string): void {
  const tree = `layer ${name}`
  takeMapped(writer, directory, tree, false)
  writer.child({ name: 'mkdirat', dirfd: AT.FDCWD, pathname: name, mode: 0o700 }, `make a place ${name} for it`)
  writer.child(
    {
      name: 'move_mount',
      from_dirfd: from(tree),
      from_pathname: '',
      to_dirfd: AT.FDCWD,
      to_pathname: name,
      flags: MOVE_MOUNT.F_EMPTY_PATH,
    },
    'put it there',
  )
}

/** @param recursive - what is mounted below comes along, with the owners that it has */
function takeMapped(writer: PlanWriter, pathname: string, tree: string, recursive: boolean): void {
  const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | (recursive ? AT.RECURSIVE : 0)
  writer.child({ name: 'open_tree', dirfd: AT.FDCWD, pathname, flags }, `take ${pathname} of the host`, { as: tree })
  planOwners(writer, tree, pathname)
}

/** Maps the owners of a mount that nobody has seen yet. */
function planOwners(writer: PlanWriter, tree: string, pathname: string): void {
  writer.child(
    {
      name: 'mount_setattr',
      dirfd: from(tree),
      pathname: '',
      flags: AT.EMPTY_PATH,
      attr: { attr_set: MOUNT_ATTR.IDMAP, userns_fd: from(userNamespace) },
    },
    `show the files of ${pathname} as owned by the users of the namespace`,
  )
}

/** In the mount namespace of the container: where the child stands, whatever that is called and whoever may search it. */
export function planMountedRoot(writer: PlanWriter): void {
  writer.child(
    {
      name: 'move_mount',
      from_dirfd: from(root),
      from_pathname: '',
      to_dirfd: AT.FDCWD,
      to_pathname: '',
      flags: MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH,
    },
    'mount the root filesystem, because only a mount can become the root',
  )
}

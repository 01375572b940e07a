// Trees of mounts go elsewhere, or are taken hold of by a descriptor. move_mount(2), open_tree(2)

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import type { Mount } from '../vfs/mount.ts'
import { attachTree, foreign, unmountTree } from '../vfs/mount-tree.ts'
import { treeOf } from '../vfs/mounting.ts'
import { begun, endFile } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { follow, join, setPropagation } from '../vfs/propagation.ts'
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, walk } from '../vfs/walk.ts'
import { descriptorsMax, fdNumber, uint } from './arguments.ts'
import { copyFor, discard, isMountRoot, loops, mayMount, placeFor } from './mount.ts'

/**
 * Moves what is mounted at a path, or a tree that is attached nowhere yet (MNT-007, MNT-052). do_move_mount()
 *
 * @errors EINVAL no mount, locked, below a shared mount, file onto directory, unbindable onto shared
 *         ELOOP the destination lies in what is moved
 */
export function moveTree(task: Task, from: Path, to: Path, call: string): Denied | undefined {
  const { mnt } = task.namespaces
  const no = (rule: string, why: string) => deny('EINVAL', rule, `${call}: ${why}`)
  const isDirectory = (path: Path) => path.dentry.inode.kind === 'directory'
  // Later kernels look at the place after these two.
  if (task.kernel.since(6, 18)) {
    if (!isMountRoot(from)) return no('MNT-007', 'the source is not what is mounted')
    if (isDirectory(from) !== isDirectory(to)) return no('MNT-012', 'a directory goes on a directory, a file on a file')
  }
  const place = placeFor(task, to, call)
  if (isDenied(place)) return place
  const refusal = foreign(place.mount, mnt, call)
  if (refusal) return refusal
  const { mount } = from
  const attached = mount.at !== undefined
  if (attached ? mount.namespace !== mnt : mount.tree?.root !== mount)
    return no('MNT-007', 'only a mount of the own namespace, or a whole tree that is attached nowhere, moves')
  if (mount.locked) return no('USR-020', 'the mount is locked in its place')
  if (!isMountRoot(from)) return no('MNT-007', 'the source is not what is mounted')
  if (isDirectory(from) !== isDirectory(place))
    return no('MNT-012', 'a directory goes on a directory, a file on a file')
  if (mount.at?.mount.group) return no('MNT-007', 'the mount that the source lies on is shared')
  if (place.mount.group && treeOf(mount).some(({ unbindable }) => unbindable))
    return no('MNT-006', 'an unbindable mount does not go below a shared one')
  if (loops(task, mount)) return deny('ELOOP', 'CLN-051', `${call}: the tree holds the file of its own mount namespace`)
  for (let at: Mount | undefined = place.mount; at; at = at.at?.mount)
    if (at === mount) return deny('ELOOP', 'MNT-007', `${call}: the destination lies in what is moved`)
  return attachTree({ source: mount, destination: place, mountsMax: task.kernel.mountsMax, call })
}

/** A descriptor that keeps a detached tree: with it the tree goes, unless it was attached (MNT-031). */
export function holdTree(task: Task, tree: Mount): OpenFile {
  const marked = { root: tree }
  for (const mount of treeOf(tree)) mount.tree = marked
  const file = new OpenFile(tree.root.inode, { mount: tree, dentry: tree.root }, O.PATH, task.credentials)
  file.tellAtEnd({
    ended() {
      if (tree.tree === marked) unmountTree(tree, { propagate: false, sync: false, connected: true })
    },
  })
  return begun(file)
}

export function giveDescriptor(task: Task, file: OpenFile, closeOnExec: boolean, call: string): number | Denied {
  const fd = task.files.add(file, closeOnExec, descriptorsMax(task))
  if (fd !== undefined) return fd
  endFile(file)
  return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
}

const OPEN_TREE_CLONE = 1
const AT_NO_AUTOMOUNT = 0x800
export const AT_RECURSIVE = 0x8000

function openTree(task: Task, dirfd: number, pathname: string | null, flags: number): number | Denied {
  const call = 'open_tree(2)'
  const known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | O.CLOEXEC
  const clone = (flags & OPEN_TREE_CLONE) !== 0
  if (flags & ~known) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (flags & AT_RECURSIVE && !clone)
    return deny('EINVAL', 'MNT-031', `${call}: AT_RECURSIVE belongs to OPEN_TREE_CLONE`)
  const refusal = clone ? mayMount(task, call) : undefined
  if (refusal) return refusal
  if (!task.kernel.since(6, 15) && task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  const follow = (flags & AT_SYMLINK_NOFOLLOW) === 0
  const path = walk(task, dirfd, pathname, { follow, emptyPath: (flags & AT_EMPTY_PATH) !== 0, call })
  if (isDenied(path)) return path
  if (!clone) {
    const file = begun(new OpenFile(path.dentry.inode, path, O.PATH, task.credentials))
    return giveDescriptor(task, file, (flags & O.CLOEXEC) !== 0, call)
  }
  const copy = copyFor(task, path, (flags & AT_RECURSIVE) !== 0, call)
  if (isDenied(copy)) return copy
  if (treeOf(copy).length > task.kernel.mountsMax) {
    discard(copy)
    return deny('ENOSPC', 'MNT-036', `${call}: more mounts than fs.mount-max`)
  }
  return giveDescriptor(task, holdTree(task, copy), (flags & O.CLOEXEC) !== 0, call)
}

const MOVE = { F_SYMLINKS: 1, F_EMPTY_PATH: 4, T_SYMLINKS: 0x10, T_EMPTY_PATH: 0x40, SET_GROUP: 0x100, BENEATH: 0x200 }

interface MoveWish {
  readonly from: readonly [number, string | null]
  readonly to: readonly [number, string | null]
  readonly flags: number
}

function moveMount(task: Task, { from, to, flags }: MoveWish): number | Denied {
  const call = 'move_mount(2)'
  const refusal = mayMount(task, call)
  if (refusal) return refusal
  if (flags & ~0x377) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (flags & MOVE.SET_GROUP && flags & MOVE.BENEATH)
    return deny('EINVAL', call, `${call}: MOVE_MOUNT_SET_GROUP and MOVE_MOUNT_BENEATH exclude each other`)
  if (flags & MOVE.BENEATH) return deny('EINVAL', call, `${call}: nothing is put below a mount on this machine`)
  const sourceOf = () =>
    walk(task, ...from, {
      follow: (flags & MOVE.F_SYMLINKS) !== 0,
      emptyPath: (flags & MOVE.F_EMPTY_PATH) !== 0,
      call,
    })
  const targetOf = () =>
    walk(task, ...to, {
      follow: (flags & MOVE.T_SYMLINKS) !== 0,
      emptyPath: (flags & MOVE.T_EMPTY_PATH) !== 0,
      call,
    })
  // Which of the two is looked up first, and so refused first, has changed.
  const early = task.kernel.since(6, 15) ? targetOf() : sourceOf()
  if (isDenied(early)) return early
  const late = task.kernel.since(6, 15) ? sourceOf() : targetOf()
  if (isDenied(late)) return late
  const [source, target] = task.kernel.since(6, 15) ? [late, early] : [early, late]
  return (flags & MOVE.SET_GROUP ? setGroup(task, source, target, call) : moveTree(task, source, target, call)) ?? 0
}

/** A private mount becomes a peer, and a slave, as another of the same file system is. do_set_group() */
function setGroup(task: Task, { mount: from, ...source }: Path, to: Path, call: string): Denied | undefined {
  const target = to.mount
  const no = (why: string) => deny('EINVAL', 'move_mount(2)', `${call}: ${why}`)
  for (const { namespace } of [from, target]) {
    if (namespace === undefined) return no('both are to be attached')
    if (!capable(task.credentials, 'SYS_ADMIN', namespace.owner))
      return deny('EPERM', call, `${call}: needs CAP_SYS_ADMIN over both mount namespaces`)
  }
  if (source.dentry !== from.root || !isMountRoot(to)) return no('both are to be what is mounted')
  if (target.group || target.master) return no('the target is to be private')
  if (!from.group && !from.master) return no('the source is private')
  if (from.superblock !== target.superblock) return no('both are to show the same file system')
  if (!target.root.isBelow(from.root)) return no('the target shows what the source does not')
  for (const child of from.children)
    if (child.locked && child.at!.dentry.isBelow(target.root)) return no('a locked mount lies on what both show')
  setPropagation(target, 'private')
  if (from.group) join(target, from.group)
  follow(target, from.master)
  return undefined
}

export const calls: Calls = {
  open_tree: full((task, { dirfd, pathname, flags }) => openTree(task, fdNumber(dirfd), pathname, uint(flags))),
  move_mount: full((task, call) =>
    moveMount(task, {
      from: [fdNumber(call.from_dirfd), call.from_pathname],
      to: [fdNumber(call.to_dirfd), call.to_pathname],
      flags: uint(call.flags),
    }),
  ),
}

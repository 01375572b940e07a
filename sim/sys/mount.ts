// mount(2): one call for seven things, told apart by flags in a fixed order. path_mount() in fs/namespace.c

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Mount, MountFlags } from '../vfs/mount.ts'
import {
  dropSuperblock,
  giveAll,
  giveOption,
  MountContext,
  makeSuperblock,
  mayBeReadonly,
  mayMake,
  reconfigure,
  remountContext,
} from '../vfs/mount-context.ts'
import { copyMount, copyTree, showsMountNamespace } from '../vfs/mount-copy.ts'
import { flagsOfMount, MS, superblockFlags } from '../vfs/mount-flags.ts'
import { hidesByLock, keepsLocks, revealingFlags } from '../vfs/mount-locks.ts'
import { attachTree, foreign } from '../vfs/mount-tree.ts'
import { endMount, newMount, topmost, treeOf } from '../vfs/mounting.ts'
import type { Path } from '../vfs/path.ts'
import { type Propagation, setPropagation } from '../vfs/propagation.ts'
import type { Superblock } from '../vfs/superblock.ts'
import { type FileSystemType, findType, shownRoot } from '../vfs/types.ts'
import { longerThan } from '../vfs/utf8.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'
import { uint } from './arguments.ts'
import { moveTree } from './move-mount.ts'

const call = 'mount(2)'

/** CAP_SYS_ADMIN over the caller's mount namespace (MNT-101). */
export function mayMount(task: Task, name: string): Denied | undefined {
  if (capable(task.credentials, 'SYS_ADMIN', task.namespaces.mnt.owner)) return undefined
  return deny('EPERM', 'MNT-101', `${name}: needs CAP_SYS_ADMIN over the mount namespace`)
}

/** Where a mount comes to lie: on all that lies there. A directory that was removed takes none. lock_mount() */
export function placeFor({ kernel }: Task, path: Path, name: string): Path | Denied {
  const place = topmost(path)
  if (place.dentry.deleted) return deny('ENOENT', 'MNT-029', `${name}: the place has been removed`)
  // Also where what it lies in is mounted nowhere any more: 6.15, and its stable kernels from 6.12.26 on. do_lock_mount()
  if (kernel.since(6, 12) && place.mount.namespace === undefined && place.mount.tree === undefined)
    return deny('ENOENT', 'MNT-029', `${name}: the place is in what was taken away`)
  return place
}

export const isMountRoot = ({ mount, dentry }: Path): boolean => dentry === mount.root

/** Lays a new tree on a place. graft_tree() */
export function graft(task: Task, tree: Mount, destination: Path, name: string): Denied | undefined {
  const isDirectory = tree.root.inode.kind === 'directory'
  if ((destination.dentry.inode.kind === 'directory') !== isDirectory)
    return deny('ENOTDIR', 'MNT-012', `${name}: a directory goes on a directory, a file on a file`)
  return attachTree({ source: tree, destination, mountsMax: task.kernel.mountsMax, call: name })
}

/** Takes back a tree that was not attached in the end. */
export function discard(tree: Mount): void {
  for (const mount of treeOf(tree)) setPropagation(mount, 'private')
  endMount(tree)
}

interface Wish {
  readonly source: string | null
  readonly target: string | null
  readonly type: string | null
  readonly bits: number
  readonly data: string | null
}

function mount(task: Task, wish: Wish): number | Denied {
  const { source, target, data } = wish
  if (wish.type !== null && longerThan(wish.type, 4095))
    return deny('EINVAL', call, `${call}: the name of a type is at most a page long`)
  if (source !== null && longerThan(source, 4095))
    return deny('EINVAL', call, `${call}: the source is at most a page long`)
  const path = walk(task, AT_FDCWD, target, { call })
  if (isDenied(path)) return path
  const bits = (wish.bits & 0xffff0000) >>> 0 === 0xc0ed0000 ? wish.bits & 0xffff : wish.bits
  if ((bits & MS.NOUSER) !== 0) return deny('EINVAL', call, `${call}: one flag is the kernel's own`)
  return mayMount(task, call) ?? act(task, path, { source, target, type: wish.type, bits, data }) ?? 0
}

function act(task: Task, path: Path, wish: Wish): Denied | undefined {
  const { bits } = wish
  if (bits & MS.REMOUNT) return bits & MS.BIND ? changeFlags(task, path, bits) : remount(task, path, wish)
  if (bits & MS.BIND) return bind(task, path, wish)
  if (bits & (MS.SHARED | MS.PRIVATE | MS.SLAVE | MS.UNBINDABLE)) return changePropagation(task, path, bits)
  if (bits & MS.MOVE) return move(task, path, wish.source)
  return mountNew(task, path, wish)
}

/** What both kinds of remount ask for first. */
function checkRemount(task: Task, path: Path, bits: number): Denied | undefined {
  const refusal = foreign(path.mount, task.namespaces.mnt, call)
  if (refusal) return refusal
  if (!isMountRoot(path)) return deny('EINVAL', 'MNT-033', `${call}: a remount is of what is mounted`)
  if (keepsLocks(path.mount, flagsOfMount(bits, path.mount.flags))) return undefined
  return deny('EPERM', 'USR-020', `${call}: flags that a more privileged namespace set are not taken off`)
}

function setFlags(task: Task, mount: Mount, bits: number): void {
  const { locked } = mount.flags
  mount.flags = { ...flagsOfMount(bits, mount.flags), locked }
  task.namespaces.mnt.touch()
}

/** MS_REMOUNT|MS_BIND: flags of this mount alone (MNT-020, MNT-021). */
function changeFlags(task: Task, path: Path, bits: number): Denied | undefined {
  const refusal = checkRemount(task, path, bits) ?? (bits & MS.RDONLY ? mayBeReadonly(path.mount, call) : undefined)
  if (!refusal) setFlags(task, path.mount, bits)
  return refusal
}

function remount(task: Task, path: Path, { bits, data }: Wish): Denied | undefined {
  const refusal = checkRemount(task, path, bits)
  if (refusal) return refusal
  const { mount } = path
  const { superblock } = mount
  const type: FileSystemType = findType(task.kernel, superblock.type) ?? {
    name: superblock.type,
    make: () => superblock,
  }
  const context = remountContext(type, bits)
  const bad = type.remountsAsItIs ? undefined : giveAll(task, context, data)
  if (bad) return bad
  if (!capable(task.credentials, 'SYS_ADMIN', superblock.owner))
    return deny('EPERM', 'USR-020', `${call}: the file system belongs to another user namespace`)
  const denied = reconfigure(task, superblock, context)
  if (!denied) setFlags(task, mount, bits)
  return denied
}

function bind(task: Task, path: Path, { source, bits }: Wish): Denied | undefined {
  if (!source) return deny('EINVAL', call, `${call}: a bind wants a source`)
  const old = walk(task, AT_FDCWD, source, { call })
  if (isDenied(old)) return old
  const { mnt } = task.namespaces
  const shown = old.dentry.inode.namespace
  if (shown?.kind === 'mnt' && (shown as typeof mnt).sequence <= mnt.sequence)
    return deny('EINVAL', 'CLN-051', `${call}: a mount namespace is kept only in one that was made before it`)
  const place = placeFor(task, path, call)
  if (isDenied(place)) return place
  const refusal = foreign(place.mount, mnt, call)
  if (refusal) return refusal
  const copy = copyFor(task, old, (bits & MS.REC) !== 0, call)
  if (isDenied(copy)) return copy
  const denied = graft(task, copy, place, call)
  if (denied) discard(copy)
  return denied
}

/** A copy of what is at a path, with what lies below or without. __do_loopback() */
export function copyFor(task: Task, old: Path, recursive: boolean, name: string): Mount | Denied {
  const { mount, dentry } = old
  if (mount.unbindable) return deny('EINVAL', 'MNT-005', `${name}: the mount is unbindable`)
  if (mount.superblock.type !== 'nsfs') {
    const refusal = foreign(mount, task.namespaces.mnt, name)
    if (refusal) return refusal
  }
  if (!recursive && hidesByLock(mount, dentry))
    return deny('EINVAL', 'USR-020', `${name}: without what is mounted below it would show what that hides`)
  const copy = recursive ? copyTree(mount, dentry, 'like', { namespaceFiles: true }) : copyMount(mount, dentry, 'like')
  if (copy === undefined) return deny('EPERM', 'USR-020', `${name}: an unbindable mount below is locked in its place`)
  copy.locked = false
  return copy
}

const types = new Map<number, Propagation>([
  [MS.SHARED, 'shared'],
  [MS.PRIVATE, 'private'],
  [MS.SLAVE, 'slave'],
  [MS.UNBINDABLE, 'unbindable'],
])

function changePropagation(task: Task, path: Path, bits: number): Denied | undefined {
  if (!isMountRoot(path)) return deny('EINVAL', 'MNT-008', `${call}: propagation is a property of what is mounted`)
  const type = types.get(bits & ~(MS.REC | MS.SILENT))
  if (type === undefined) return deny('EINVAL', 'MNT-008', `${call}: one type of propagation, and nothing but MS_REC`)
  const refusal = foreign(path.mount, task.namespaces.mnt, call)
  if (refusal) return refusal
  for (const one of bits & MS.REC ? treeOf(path.mount) : [path.mount]) setPropagation(one, type)
  task.namespaces.mnt.touch()
  return undefined
}

function move(task: Task, path: Path, source: string | null): Denied | undefined {
  if (!source) return deny('EINVAL', call, `${call}: a move wants a source`)
  const from = walk(task, AT_FDCWD, source, { call })
  return isDenied(from) ? from : moveTree(task, from, path, call)
}

function mountNew(task: Task, path: Path, { source, type: typeName, bits, data }: Wish): Denied | undefined {
  if (typeName === null) return deny('EINVAL', 'MNT-033', `${call}: a new mount wants a type`)
  const type = findType(task.kernel, typeName)
  if (type === undefined) return deny('ENODEV', 'MNT-033', `${call}: the kernel has no file system ${typeName}`)
  const context = new MountContext(type, call, bits & superblockFlags)
  const refusal =
    (source === null ? undefined : giveOption(task, context, ['source', source])) ??
    giveAll(task, context, data) ??
    mayMake(task, context)
  if (refusal) return refusal
  const superblock = makeSuperblock(task, context)
  if (isDenied(superblock)) return superblock
  const where = destinationOf(task, path, superblock, bits)
  if (isDenied(where)) {
    dropSuperblock(superblock)
    return where
  }
  const tree = newMount(task.kernel, superblock, shownRoot(task, superblock), where.flags, context.source ?? 'none')
  const denied = graft(task, tree, where.place, call)
  if (denied) discard(tree)
  return denied
}

/** Where an instance goes, and with what flags. do_new_mount_fc(), do_add_mount() */
function destinationOf(
  task: Task,
  path: Path,
  superblock: Superblock,
  bits: number,
): { readonly place: Path; readonly flags: MountFlags } | Denied {
  const { mnt } = task.namespaces
  const flags = revealingFlags(task.kernel, mnt, superblock, flagsOfMount(bits, path.mount.flags), call)
  if (isDenied(flags)) return flags
  const place = placeFor(task, path, call)
  if (isDenied(place)) return place
  const refusal = foreign(place.mount, mnt, call)
  if (refusal) return refusal
  if (place.mount.superblock === superblock && isMountRoot(place))
    return deny('EBUSY', 'mount(2)', `${call}: the same file system lies on that place already`)
  return { place, flags }
}

/** Nothing in a tree keeps a mount namespace that keeps the tree. check_for_nsfs_mounts() */
export const loops = (task: Task, tree: Mount): boolean =>
  treeOf(tree).some(
    (mount) =>
      showsMountNamespace(mount) &&
      (mount.root.inode.namespace as Task['namespaces']['mnt']).sequence <= task.namespaces.mnt.sequence,
  )

export const calls: Calls = {
  mount: full((task, { source, target, filesystemtype, mountflags, data }) =>
    mount(task, { source, target, type: filesystemtype, bits: uint(mountflags), data }),
  ),
}

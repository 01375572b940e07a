// unlink, rmdir, rename: names go, or go elsewhere. unlink(2), rmdir(2), rename(2)

import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Dentry } from '../vfs/dentry.ts'
import { unmountCovering } from '../vfs/mount-tree.ts'
import { isMountpointIn } from '../vfs/mounting.ts'
import { IN, inodeGone, notifyEntry, notifyInode } from '../vfs/notify.ts'
import { wantWrite } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { checkPermission, mayWrite } from '../vfs/permission.ts'
import { mayBeMissing, mayCreate, mayDelete } from '../vfs/rights.ts'
import { AT_FDCWD, lookupIn, type Place, walkParent } from '../vfs/walk.ts'
import { fdNumber, uint } from './arguments.ts'

const AT_REMOVEDIR = 0x200

function unlink(task: Task, dirfd: number, pathname: string | null): number | Denied {
  const call = 'unlink(2)'
  const place = walkParent(task, dirfd, pathname, { call })
  if (isDenied(place)) return place
  const { parent, name } = place
  if (place.special) return deny('EISDIR', call, `${call}: the path ends in a directory`)
  const readonly = wantWrite(parent, call)
  if (readonly) return readonly
  const dentry = existing(task, parent, name, call)
  if (isDenied(dentry)) return dentry
  const { inode } = dentry
  if (place.slash)
    return inode.kind === 'directory'
      ? deny('EISDIR', call, `${call}: it is a directory`)
      : deny('ENOTDIR', call, `${call}: a slash at the end is for directories`)
  const refusal = mayDelete(task, parent, dentry, false, call)
  if (refusal) return refusal
  const directory = parent.dentry.inode
  if (directory.unlink === undefined) return deny('EPERM', call, `${call}: the file system removes no files`)
  if (isMountpointIn(task.namespaces.mnt, dentry))
    return deny('EBUSY', 'MNT-018', `${call}: something is mounted on the file`)
  const denied = directory.unlink(task, name, inode)
  if (denied) return denied
  forget(parent.dentry, dentry)
  notifyInode(inode, IN.ATTRIB)
  notifyEntry(directory, IN.DELETE, name, inode)
  return 0
}

function rmdir(task: Task, dirfd: number, pathname: string | null): number | Denied {
  const call = 'rmdir(2)'
  const place = walkParent(task, dirfd, pathname, { call })
  if (isDenied(place)) return place
  const { parent, name } = place
  if (place.special) {
    if (name === '..') return deny('ENOTEMPTY', call, `${call}: what .. names has at least one entry`)
    if (name === '.') return deny('EINVAL', call, `${call}: a directory is removed by its name, not by .`)
    return deny('EBUSY', call, `${call}: the root stays`)
  }
  const readonly = wantWrite(parent, call)
  if (readonly) return readonly
  const dentry = existing(task, parent, name, call)
  if (isDenied(dentry)) return dentry
  const refusal = mayDelete(task, parent, dentry, true, call)
  if (refusal) return refusal
  const directory = parent.dentry.inode
  if (directory.rmdir === undefined) return deny('EPERM', call, `${call}: the file system removes no directories`)
  if (isMountpointIn(task.namespaces.mnt, dentry))
    return deny('EBUSY', 'MNT-018', `${call}: something is mounted on the directory`)
  const denied = directory.rmdir(task, name, dentry.inode)
  if (denied) return denied
  forget(parent.dentry, dentry)
  notifyEntry(directory, IN.DELETE, name, dentry.inode)
  return 0
}

function existing(task: Task, parent: Path, name: string, call: string): Dentry | Denied {
  const dentry = lookupIn(task, parent.dentry, name, call)
  return dentry ?? deny('ENOENT', call, `${call}: there is nothing called ${name}`)
}

/** The name is no more. */
function forget(directory: Dentry, dentry: Dentry): void {
  directory.children.delete(dentry.name)
  dentry.deleted = true
  unmountCovering(dentry)
  inodeGone(dentry.inode)
}

const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const

interface RenameWish {
  readonly from: readonly [number, string | null]
  readonly to: readonly [number, string | null]
  readonly flags: number
}

function rename(task: Task, { from, to, flags }: RenameWish): number | Denied {
  const call = 'rename(2)'
  const exchange = (flags & RENAME.EXCHANGE) !== 0
  if (flags & ~7) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (exchange && flags & (RENAME.NOREPLACE | RENAME.WHITEOUT))
    return deny('EINVAL', call, `${call}: RENAME_EXCHANGE goes with no other flag`)
  const source = walkParent(task, from[0], from[1], { call })
  if (isDenied(source)) return source
  const target = walkParent(task, to[0], to[1], { call })
  if (isDenied(target)) return target
  if (source.parent.mount !== target.parent.mount)
    return deny('EXDEV', 'MNT-019', `${call}: the names are on different mounts`)
  if (source.special) return deny('EBUSY', call, `${call}: . and .. and / stay`)
  if (target.special)
    return flags & RENAME.NOREPLACE
      ? deny('EEXIST', call, `${call}: RENAME_NOREPLACE, and there is the target`)
      : deny('EBUSY', call, `${call}: . and .. and / stay`)
  const readonly = wantWrite(source.parent, call)
  if (readonly) return readonly
  if (source.parent.dentry.superblock !== target.parent.dentry.superblock)
    return deny('EXDEV', call, `${call}: the names are on different file systems`)
  const moved = existing(task, source.parent, source.name, call)
  if (isDenied(moved)) return moved
  const there = lookupIn(task, target.parent.dentry, target.name, call)
  if (isDenied(there)) return there
  const refusal =
    (there ? undefined : mayBeMissing(target.parent, call)) ?? checkShape({ source, target, moved, there, flags })
  if (refusal) return refusal
  if (there && there.inode === moved.inode) return 0
  return (
    checkRights(task, { source, target, moved, there, flags }) ?? move(task, { source, target, moved, there, flags })
  )
}

interface Renaming {
  readonly source: Place
  readonly target: Place
  readonly moved: Dentry
  readonly there: Dentry | undefined
  readonly flags: number
}

/** What can be said without asking for rights. do_renameat2() in fs/namei.c */
function checkShape({ source, target, moved, there, flags }: Renaming): Denied | undefined {
  const call = 'rename(2)'
  const exchange = (flags & RENAME.EXCHANGE) !== 0
  if (flags & RENAME.NOREPLACE && there)
    return deny('EEXIST', call, `${call}: RENAME_NOREPLACE, and there is the target`)
  if (exchange && !there) return deny('ENOENT', call, `${call}: RENAME_EXCHANGE, and there is no target`)
  if (exchange && there!.inode.kind !== 'directory' && target.slash)
    return deny('ENOTDIR', call, `${call}: a slash at the end is for directories`)
  if (moved.inode.kind !== 'directory' && (source.slash || (!exchange && target.slash)))
    return deny('ENOTDIR', call, `${call}: a slash at the end is for directories`)
  if (target.parent.dentry.isBelow(moved))
    return deny('EINVAL', call, `${call}: a directory cannot be moved into itself`)
  if (there && source.parent.dentry.isBelow(there))
    return exchange
      ? deny('EINVAL', call, `${call}: a directory cannot be moved into itself`)
      : deny('ENOTEMPTY', call, `${call}: the target holds the source`)
  return undefined
}

/** vfs_rename() in fs/namei.c. */
function checkRights(task: Task, { source, target, moved, there, flags }: Renaming): Denied | undefined {
  const call = 'rename(2)'
  const exchange = (flags & RENAME.EXCHANGE) !== 0
  const isDirectory = moved.inode.kind === 'directory'
  const { mount } = source.parent
  const refusal =
    mayDelete(task, source.parent, moved, isDirectory, call) ??
    (there
      ? mayDelete(task, target.parent, there, exchange ? there.inode.kind === 'directory' : isDirectory, call)
      : mayCreate(task, target.parent, call))
  if (refusal) return refusal
  if (source.parent.dentry.inode.rename === undefined)
    return deny('EPERM', call, `${call}: the file system renames nothing`)
  // `..` of a directory that gets another parent is written to.
  if (source.parent.dentry !== target.parent.dentry) {
    const who = task.credentials
    const first = isDirectory ? checkPermission(who, mount, moved.inode, mayWrite, call) : undefined
    if (first) return first
    const second =
      exchange && there!.inode.kind === 'directory'
        ? checkPermission(who, mount, there!.inode, mayWrite, call)
        : undefined
    if (second) return second
  }
  const { mnt } = task.namespaces
  if (isMountpointIn(mnt, moved) || (there && isMountpointIn(mnt, there)))
    return deny('EBUSY', 'MNT-018', `${call}: something is mounted on one of the two`)
  return undefined
}

function move(task: Task, { source, target, moved, there, flags }: Renaming): number | Denied {
  const from = source.parent.dentry
  const to = target.parent.dentry
  const denied = from.inode.rename!(task, source.name, to.inode, target.name, flags)
  if (denied) return denied
  const { inode } = moved
  const exchange = (flags & RENAME.EXCHANGE) !== 0
  if (there && !exchange) forget(to, there)
  from.children.delete(source.name)
  to.children.delete(target.name)
  place(moved, to, target.name)
  if (there && exchange) place(there, from, source.name)
  const cookie = task.kernel.counters.nextUnique()
  notifyEntry(from.inode, IN.MOVED_FROM, source.name, inode, cookie)
  notifyEntry(to.inode, IN.MOVED_TO, target.name, inode, cookie)
  notifyInode(inode, IN.MOVE_SELF)
  return 0
}

function place(dentry: Dentry, directory: Dentry, name: string): void {
  dentry.name = name
  dentry.parent = directory
  directory.children.set(name, dentry)
}

export const calls: Calls = {
  unlink: full((task, { pathname }) => unlink(task, AT_FDCWD, pathname)),
  rmdir: full((task, { pathname }) => rmdir(task, AT_FDCWD, pathname)),
  unlinkat: full((task, { dirfd, pathname, flags }) => {
    if (uint(flags) & ~AT_REMOVEDIR) return deny('EINVAL', 'unlink(2)', 'unlink(2): there are unknown flags')
    return uint(flags) ? rmdir(task, fdNumber(dirfd), pathname) : unlink(task, fdNumber(dirfd), pathname)
  }),
  rename: full((task, { oldpath, newpath }) =>
    rename(task, { from: [AT_FDCWD, oldpath], to: [AT_FDCWD, newpath], flags: 0 }),
  ),
  renameat: full((task, { olddirfd, oldpath, newdirfd, newpath }) =>
    rename(task, { from: [fdNumber(olddirfd), oldpath], to: [fdNumber(newdirfd), newpath], flags: 0 }),
  ),
  renameat2: full((task, call) => {
    const flags = uint(call.flags)
    return rename(task, {
      from: [fdNumber(call.olddirfd), call.oldpath],
      to: [fdNumber(call.newdirfd), call.newpath],
      flags,
    })
  }),
}

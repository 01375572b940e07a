// chmod, chown, utimensat, truncate, fallocate: what is changed of a file. chmod(2), chown(2), utimensat(2),
// truncate(2), fallocate(2)

import type { KGid, KUid } from '../ids.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Moment } from '../time.ts'
import type { OpenFile } from '../vfs/file.ts'
import { mayBeWritten } from '../vfs/flags.ts'
import { isImmutable } from '../vfs/immutable.ts'
import type { Inode } from '../vfs/inode.ts'
import { IN, notify } from '../vfs/notify.ts'
import { wantWrite } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import {
  capableOver,
  checkPermission,
  groupOf,
  groupThrough,
  inGroup,
  mayWrite,
  ownerOf,
  ownerThrough,
  ownsOrCapable,
} from '../vfs/permission.ts'
import { privilegesDropped, setgid, setuid } from '../vfs/rights.ts'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../vfs/walk.ts'
import { fdNumber, fileAt, fileOf, int, long, uint } from './arguments.ts'

/** Files whose mode and owner nobody changes. may_setattr() in fs/attr.c, anon_inode_setattr() in fs/libfs.c */
function unchangeable({ kernel }: Task, inode: Inode, call: string): Denied | undefined {
  if (isImmutable(kernel, inode)) return deny('EPERM', call, `${call}: the kernel's own file stays as it is`)
  const isShared = inode.kind === 'anonymous' && kernel.since(6, 15)
  if (!isShared && inode.superblock.type !== 'pidfs') return undefined
  return deny('EOPNOTSUPP', call, `${call}: what all such descriptors share is not changed`)
}

function chmod(task: Task, path: Path, mode: number): number | Denied {
  const call = 'chmod(2)'
  const { mount, dentry } = path
  const { inode } = dentry
  const refusal = wantWrite(path, call) ?? checkIds(path, call)
  if (refusal) return refusal
  if (inode.kind === 'symlink') return deny('EOPNOTSUPP', call, `${call}: a symbolic link has no mode of its own`)
  const fixed = unchangeable(task, inode, call)
  if (fixed) return fixed
  if (!ownsOrCapable(task.credentials, mount, inode))
    return deny('EPERM', 'USR-014', `${call}: only the owner, or CAP_FOWNER over the file`)
  let bits = mode & 0o7777
  if (bits & setgid && !inGroup(task.credentials, groupOf(mount, inode)))
    if (!capableOver(task.credentials, 'FSETID', mount, inode)) bits &= ~setgid
  const denied = inode.setAttributes?.(task, { mode: bits })
  if (denied) return denied
  inode.mode = bits
  inode.ctime = task.kernel.now()
  notify(dentry, IN.ATTRIB)
  return 0
}

/** An idmapped mount that cannot express the owner lets nothing be changed. notify_change() in fs/attr.c */
function checkIds({ mount, dentry }: Path, call: string): Denied | undefined {
  if (ownerOf(mount, dentry.inode) !== undefined && groupOf(mount, dentry.inode) !== undefined) return undefined
  return deny('EOVERFLOW', 'mount_setattr(2)', `${call}: the idmapped mount has no id for the owner of the file`)
}

const nobody = 0xffffffff

function chown(task: Task, path: Path, owner: number, group: number): number | Denied {
  const call = 'chown(2)'
  const { mount, dentry } = path
  const { inode } = dentry
  const { credentials } = task
  const readonly = wantWrite(path, call)
  if (readonly) return readonly
  const kuid = owner === nobody ? undefined : credentials.namespace.kuid(owner)
  const kgid = group === nobody ? undefined : credentials.namespace.kgid(group)
  const unmapped = (owner !== nobody && kuid === undefined) || (group !== nobody && kgid === undefined)
  if (unmapped) return deny('EINVAL', 'USR-013', `${call}: the id is not mapped in the user namespace of the caller`)
  const uid = kuid === undefined ? undefined : ownerThrough(mount, kuid)
  const gid = kgid === undefined ? undefined : groupThrough(mount, kgid)
  if ((kuid !== undefined && uid === undefined) || (kgid !== undefined && gid === undefined))
    return deny('EOVERFLOW', 'mount_setattr(2)', `${call}: the idmapped mount has no such id`)
  // Who asks for nothing is told so of the kernel's own files, too.
  const asks = kuid !== undefined || kgid !== undefined || !isImmutable(task.kernel, inode)
  const fixed = asks ? unchangeable(task, inode, call) : undefined
  if (fixed) return fixed
  const refusal = mayChown(task, path, kuid, kgid, call)
  if (refusal) return refusal
  const mode = chownMode(task, path)
  const changes = {
    ...(mode !== inode.mode && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  }
  const denied = inode.setAttributes?.(task, changes)
  if (denied) return denied
  if (uid !== undefined) inode.uid = uid
  if (gid !== undefined) inode.gid = gid
  inode.mode = mode
  inode.ctime = task.kernel.now()
  notify(dentry, IN.ATTRIB)
  return 0
}

/** chown_ok() and chgrp_ok() in fs/attr.c. */
function mayChown(
  task: Task,
  { mount, dentry }: Path,
  uid: KUid | undefined,
  gid: KGid | undefined,
  call: string,
): Denied | undefined {
  const { inode } = dentry
  const { credentials } = task
  const owner = ownerOf(mount, inode)
  const group = groupOf(mount, inode)
  const owns = owner !== undefined && owner === credentials.fsuid
  const may = capableOver(credentials, 'CHOWN', mount, inode)
  if (uid !== undefined && !(owns && uid === owner) && !may)
    return deny('EPERM', 'USR-014', `${call}: another owner needs CAP_CHOWN over the file`)
  if (gid !== undefined && !(owns && (inGroup(credentials, gid) || gid === group)) && !may)
    return deny('EPERM', 'USR-014', `${call}: another group needs to be one of the owner's, or CAP_CHOWN over the file`)
  return undefined
}

/** chown takes setuid and setgid from what is no directory, whoever does it. chown(2) */
function chownMode(task: Task, { mount, dentry }: Path): number {
  const { inode } = dentry
  if (inode.kind === 'directory') return inode.mode
  let mode = inode.mode & ~setuid
  const marksLocking = !(mode & 0o010)
  if (!marksLocking) mode &= ~setgid
  else if (!inGroup(task.credentials, groupOf(mount, inode)))
    if (!capableOver(task.credentials, 'FSETID', mount, inode)) mode &= ~setgid
  return mode
}

const UTIME_NOW = 0x3fffffff
const UTIME_OMIT = 0x3ffffffe

/** Undefined: left as it is. */
type NewTime = Moment | 'now' | undefined

function newTimes(times: Uint8Array | null): readonly [NewTime, NewTime] {
  if (times === null) return ['now', 'now']
  const view = new DataView(times.buffer, times.byteOffset, times.byteLength)
  const [atime, mtime] = [0, 16].map((at): NewTime => {
    const nanoseconds = Number(view.getBigInt64(at + 8, true))
    if (nanoseconds === UTIME_NOW) return 'now'
    return nanoseconds === UTIME_OMIT ? undefined : { seconds: Number(view.getBigInt64(at, true)), nanoseconds }
  })
  return [atime, mtime]
}

const valid = (time: NewTime): boolean =>
  typeof time !== 'object' || (time.nanoseconds >= 0 && time.nanoseconds <= 999_999_999)

function setTimes(task: Task, path: Path, [atime, mtime]: readonly [NewTime, NewTime]): number | Denied {
  const call = 'utimensat(2)'
  const { mount, dentry } = path
  const { inode } = dentry
  if (!valid(atime) || !valid(mtime)) return deny('EINVAL', call, `${call}: nanoseconds are from 0 to 999,999,999`)
  const readonly = wantWrite(path, call)
  if (readonly) return readonly
  const owns = ownsOrCapable(task.credentials, mount, inode)
  const isTouch = atime === 'now' && mtime === 'now'
  const refused = isTouch && !owns && checkPermission(task.credentials, mount, inode, mayWrite, call)
  if (refused) return refused
  const fixed = unchangeable(task, inode, call)
  if (fixed) return fixed
  if (!isTouch && !owns) return deny('EPERM', call, `${call}: only the owner sets other times than now`)
  const refusal = checkIds(path, call)
  if (refusal) return refusal
  const denied = inode.setAttributes?.(task, {})
  if (denied) return denied
  const now = task.kernel.now()
  if (atime !== undefined) inode.atime = atime === 'now' ? now : atime
  if (mtime !== undefined) inode.mtime = mtime === 'now' ? now : mtime
  inode.ctime = now
  notify(dentry, IN.ATTRIB)
  return 0
}

function utimensat(
  task: Task,
  dirfd: number,
  pathname: string | null,
  times: Uint8Array | null,
  flags: number,
): number | Denied {
  const call = 'utimensat(2)'
  if (times !== null && times.length < 32)
    return deny('EFAULT', 'utimensat(2)', 'utimensat(2): the times are not all there')
  const wanted = newTimes(times)
  if (wanted[0] === undefined && wanted[1] === undefined) return 0
  if (pathname === null && dirfd !== AT_FDCWD) {
    if (flags) return deny('EINVAL', call, `${call}: flags go with a path`)
    const file = fileOf(task, dirfd, call)
    return isDenied(file) ? file : setTimes(task, file.path, wanted)
  }
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const path = fileAt(task, dirfd, pathname, flags, call)
  return isDenied(path) ? path : setTimes(task, path, wanted)
}

/** vfs_truncate() and do_ftruncate() in fs/open.c. */
function cut(task: Task, { mount, dentry }: Path, length: number, file?: OpenFile): number | Denied {
  const { inode } = dentry
  const denied =
    file?.operations?.truncate?.(task, length) ??
    inode.setAttributes?.(task, { sizeBytes: length, mode: privilegesDropped(task, mount, inode) })
  if (isDenied(denied)) return denied
  inode.mode = privilegesDropped(task, mount, inode)
  inode.mtime = inode.ctime = task.kernel.now()
  notify(dentry, IN.MODIFY)
  return 0
}

function truncate(task: Task, pathname: string | null, length: number): number | Denied {
  const call = 'truncate(2)'
  if (length < 0) return deny('EINVAL', call, `${call}: the length is negative`)
  const path = fileAt(task, AT_FDCWD, pathname, 0, call)
  if (isDenied(path)) return path
  const { inode } = path.dentry
  if (inode.kind === 'directory') return deny('EISDIR', call, `${call}: it is a directory`)
  if (inode.kind !== 'file') return deny('EINVAL', call, `${call}: it is not a regular file`)
  const refusal = wantWrite(path, call) ?? checkPermission(task.credentials, path.mount, inode, mayWrite, call)
  if (refusal) return refusal
  if (inode.executions > 0) return deny('ETXTBSY', call, `${call}: a program runs from the file`)
  return cut(task, path, length)
}

function ftruncate(task: Task, fd: number, length: number): number | Denied {
  const call = 'ftruncate(2)'
  if (length < 0) return deny('EINVAL', call, `${call}: the length is negative`)
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  if (file.inode.kind !== 'file' || !mayBeWritten(file.flags))
    return deny('EINVAL', call, `${call}: it is not a regular file that is open for writing`)
  const fixed = file.inode.superblock.type === 'pidfs' ? unchangeable(task, file.inode, call) : undefined
  return fixed ?? cut(task, file.path, length, file)
}

const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2, ZERO_RANGE: 0x10 } as const

function fallocate(task: Task, fd: number, mode: number, offset: number, length: number): number | Denied {
  const call = 'fallocate(2)'
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  if (offset < 0 || length <= 0) return deny('EINVAL', call, `${call}: the range is empty or begins below zero`)
  // 0x80 is FALLOC_FL_WRITE_ZEROES.
  const known = task.kernel.since(6, 17) ? 0xff : 0x7f
  if (mode & ~known) return deny('EOPNOTSUPP', call, `${call}: no file system knows such a mode`)
  if (mode & FALLOC.PUNCH_HOLE && !(mode & FALLOC.KEEP_SIZE))
    return deny('EOPNOTSUPP', call, `${call}: a hole keeps the size (FALLOC_FL_KEEP_SIZE)`)
  if (!mayBeWritten(file.flags)) return deny('EBADF', call, `${call}: the descriptor is not open for writing`)
  const { inode, operations } = file
  if (inode.kind === 'fifo') return deny('ESPIPE', call, `${call}: a pipe has no range`)
  if (inode.kind === 'directory') return deny('EISDIR', call, `${call}: a directory has no range`)
  if (inode.kind !== 'file') return deny('ENODEV', call, `${call}: it is not a regular file`)
  if (!operations?.allocate || mode & ~(FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE))
    return deny('EOPNOTSUPP', call, `${call}: the file system cannot do it`)
  const reply = operations.allocate(task, offset, length, mode)
  if (isDenied(reply)) return reply
  inode.mode = privilegesDropped(task, file.path.mount, inode)
  inode.mtime = inode.ctime = task.kernel.now()
  notify(file.path.dentry, IN.MODIFY)
  return 0
}

/** By a path, with the flags that the call takes. */
function at(
  task: Task,
  dirfd: number,
  pathname: string | null,
  flags: number,
  call: string,
  act: (path: Path) => number | Denied,
): number | Denied {
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const path = fileAt(task, dirfd, pathname, flags, call)
  return isDenied(path) ? path : act(path)
}

function chownAt(task: Task, dirfd: number, pathname: string | null, ids: readonly [number, number], flags: number) {
  return at(task, dirfd, pathname, flags, 'chown(2)', (path) => chown(task, path, ids[0], ids[1]))
}

function chmodAt(task: Task, dirfd: number, pathname: string | null, mode: number, flags: number) {
  return at(task, dirfd, pathname, flags, 'chmod(2)', (path) => chmod(task, path, mode))
}

export const calls: Calls = {
  chmod: full((task, { pathname, mode }) => chmodAt(task, AT_FDCWD, pathname, int(mode), 0)),
  fchmodat: full((task, { dirfd, pathname, mode }) => chmodAt(task, fdNumber(dirfd), pathname, int(mode), 0)),
  fchmodat2: full((task, { dirfd, pathname, mode, flags }) =>
    chmodAt(task, fdNumber(dirfd), pathname, int(mode), int(flags)),
  ),
  fchmod: full((task, { fd, mode }) => {
    const file = fileOf(task, fd, 'fchmod(2)')
    return isDenied(file) ? file : chmod(task, file.path, int(mode))
  }),
  chown: full((task, { pathname, owner, group }) => chownAt(task, AT_FDCWD, pathname, [uint(owner), uint(group)], 0)),
  lchown: full((task, { pathname, owner, group }) =>
    chownAt(task, AT_FDCWD, pathname, [uint(owner), uint(group)], AT_SYMLINK_NOFOLLOW),
  ),
  fchownat: full((task, { dirfd, pathname, owner, group, flags }) =>
    chownAt(task, fdNumber(dirfd), pathname, [uint(owner), uint(group)], int(flags)),
  ),
  fchown: full((task, { fd, owner, group }) => {
    const file = fileOf(task, fd, 'fchown(2)')
    return isDenied(file) ? file : chown(task, file.path, uint(owner), uint(group))
  }),
  utimensat: full((task, { dirfd, pathname, times, flags }) =>
    utimensat(task, fdNumber(dirfd), pathname, times, int(flags)),
  ),
  truncate: full((task, { path, length }) => truncate(task, path, long(length))),
  ftruncate: full((task, { fd, length }) => ftruncate(task, fdNumber(fd), long(length))),
  fallocate: full((task, { fd, mode, offset, len }) =>
    fallocate(task, fdNumber(fd), int(mode), long(offset), long(len)),
  ),
}

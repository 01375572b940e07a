// open, openat, openat2, creat: a path becomes an open description. open(2), openat2(2)

import type { OpenHow } from '../../core/syscall.ts'
import { deviceRefusal } from '../cgroup/device-access.ts'
import { type Blocked, type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { Dentry } from '../vfs/dentry.ts'
import type { OpenFile } from '../vfs/file.ts'
import { mayBeWritten, O } from '../vfs/flags.ts'
import { topmost } from '../vfs/mounting.ts'
import { IN, notify, notifyEntry } from '../vfs/notify.ts'
import { endFile, type Opening, openInode, wantWrite } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { checkPermission, mayExecute, mayRead, mayWrite, ownsOrCapable } from '../vfs/permission.ts'
import { mayBeMissing, mayCreate, newAttributes, privilegesDropped } from '../vfs/rights.ts'
import { AT_FDCWD, lookupIn, newDentry, type Place, RESOLVE, walk, walkToCreate } from '../vfs/walk.ts'
import { descriptorsMax, fdNumber, int, long } from './arguments.ts'

const call = 'open(2)'

/** Bits that openat(2) knows; it takes the others off, openat2(2) refuses them. */
const known =
  O.ACCMODE |
  O.CREAT |
  O.EXCL |
  O.NOCTTY |
  O.TRUNC |
  O.APPEND |
  O.NONBLOCK |
  O.SYNC |
  O.DSYNC |
  O.ASYNC |
  O.DIRECT |
  O.LARGEFILE |
  O.DIRECTORY |
  O.NOFOLLOW |
  O.NOATIME |
  O.CLOEXEC |
  O.PATH |
  O.TMPFILE
const withPath = O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC

interface Wish {
  readonly flags: number
  readonly mode: number
  readonly resolve: number
}

/** What openat(2) makes of its flags. */
function forgiving(flags: number, mode: number): Wish {
  const kept = flags & O.PATH ? flags & withPath : flags & known
  return { flags: kept, mode: kept & (O.CREAT | O.TMPFILE) ? mode & 0o7777 : 0, resolve: 0 }
}

/** What openat2(2) refuses of its own accord. build_open_flags() in fs/open.c */
function strict(how: OpenHow): Wish | Denied {
  const { flags, mode = 0, resolve = 0 } = how
  const no = (why: string) => deny('EINVAL', 'openat2(2)', `openat2(2): ${why}`)
  if (flags > 0xffffffff || flags < 0 || flags & ~known) return no('there are flags that no kernel knows')
  if (resolve & ~0x3f) return no('there are RESOLVE_* bits that no kernel knows')
  if (resolve & RESOLVE.BENEATH && resolve & RESOLVE.IN_ROOT) return no('BENEATH and IN_ROOT exclude each other')
  if (flags & (O.CREAT | O.TMPFILE)) {
    if (mode & ~0o7777) return no('a mode has only the twelve permission bits')
  } else if (mode !== 0) return no('a mode belongs to O_CREAT and O_TMPFILE')
  if (flags & O.PATH && flags & ~withPath) return no('O_PATH goes only with O_DIRECTORY, O_NOFOLLOW and O_CLOEXEC')
  return { flags, mode, resolve }
}

/** Opens, and answers the lowest free descriptor. */
function open(task: Task, dirfd: number, pathname: string | null, wish: Wish): Reply {
  let { flags } = wish
  const refusal = checkFlags(flags, wish.resolve)
  if (refusal) return refusal
  if (pathname === null) return deny('EFAULT', call, `${call}: the path is no pointer`)
  if (pathname === '') return deny('ENOENT', call, `${call}: an empty path names nothing`)
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
  if (wish.resolve & RESOLVE.CACHED)
    return deny('EAGAIN', 'openat2(2)', 'openat2(2): RESOLVE_CACHED, and the walk may have to ask the file system')
  if (!(flags & O.PATH)) flags |= O.LARGEFILE
  const opening =
    flags & O.TMPFILE && !(flags & O.PATH)
      ? openUnnamed(task, dirfd, pathname, { ...wish, flags })
      : openNamed(task, dirfd, pathname, { ...wish, flags })
  if (isDenied(opening)) return opening
  const { file, wait } = opening
  const closeOnExec = (flags & O.CLOEXEC) !== 0
  if (wait === undefined) return give(task, file, closeOnExec)
  const blocked: Blocked = {
    queues: wait.queues,
    interruptible: true,
    again: () => {
      if (!wait.ready()) return undefined
      const fd = give(task, file, closeOnExec)
      return typeof fd === 'number' ? { value: fd } : fd
    },
    interrupted: () => {
      endFile(file)
      return deny('EINTR', 'fifo(7)', 'fifo(7): a signal came before the other end was opened')
    },
  }
  return blocked
}

function give(task: Task, file: OpenFile, closeOnExec: boolean): number | Denied {
  const fd = task.files.add(file, closeOnExec, descriptorsMax(task))
  if (fd !== undefined) return fd
  endFile(file)
  return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
}

function checkFlags(flags: number, resolve: number): Denied | undefined {
  if (flags & O.TMPFILE && !(flags & O.PATH)) {
    if (!(flags & O.DIRECTORY) || flags & O.CREAT || !(flags & O.ACCMODE))
      return deny('EINVAL', call, `${call}: O_TMPFILE wants a directory and O_WRONLY or O_RDWR`)
  } else if ((flags & (O.CREAT | O.DIRECTORY)) === (O.CREAT | O.DIRECTORY))
    return deny('EINVAL', call, `${call}: O_CREAT and O_DIRECTORY exclude each other`)
  if (resolve & RESOLVE.CACHED && flags & (O.TRUNC | O.CREAT | O.TMPFILE))
    return deny('EAGAIN', 'openat2(2)', 'openat2(2): RESOLVE_CACHED cannot make or cut anything')
  return undefined
}

const accessOf = (flags: number): number => {
  if (flags & O.PATH) return 0
  const bits = [mayRead, mayWrite, mayRead | mayWrite, mayRead | mayWrite][flags & O.ACCMODE]!
  return flags & O.TRUNC ? bits | mayWrite : bits
}

function openNamed(task: Task, dirfd: number, pathname: string, wish: Wish): Opening | Denied {
  const { flags, resolve } = wish
  if (flags & O.CREAT) return openOrCreate(task, dirfd, pathname, wish)
  const path = walk(task, dirfd, pathname, { follow: !(flags & O.NOFOLLOW), resolve, call })
  if (isDenied(path)) return path
  return openFound(task, path, flags)
}

/** O_CREAT: the last component may be missing, and may be a symbolic link to where it is to be made. */
function openOrCreate(task: Task, dirfd: number, pathname: string, wish: Wish): Opening | Denied {
  const { flags, resolve } = wish
  const exclusive = (flags & O.EXCL) !== 0
  const follow = !(flags & O.NOFOLLOW) && !exclusive
  const place = walkToCreate(task, dirfd, pathname, { follow, resolve, call })
  if (isDenied(place)) return place
  if (!('parent' in place)) return openExisting(task, place, flags)
  if (place.special) {
    const path = walk(task, dirfd, pathname, { follow, resolve, call })
    if (isDenied(path)) return path
    if (exclusive) return deny('EEXIST', call, `${call}: O_EXCL, and there is the directory`)
  }
  if (place.special || place.slash) return deny('EISDIR', call, `${call}: O_CREAT, and the path names a directory`)
  const { parent, name } = place
  const dentry = lookupIn(task, parent.dentry, name, call)
  if (isDenied(dentry)) return dentry
  if (dentry === undefined) return create(task, place, wish)
  const found = topmost({ mount: parent.mount, dentry })
  if (found.mount !== parent.mount && resolve & RESOLVE.NO_XDEV)
    return deny('EXDEV', 'openat2(2)', `${call}: RESOLVE_NO_XDEV, and the path crosses a mount`)
  if (exclusive) return deny('EEXIST', call, `${call}: O_EXCL, and there is ${name} already`)
  return protectedInSticky(task, parent, found) ?? openExisting(task, found, flags)
}

function openExisting(task: Task, path: Path, flags: number): Opening | Denied {
  if (path.dentry.inode.kind === 'directory') return deny('EISDIR', call, `${call}: O_CREAT, and there is a directory`)
  return openFound(task, path, flags)
}

/** fs.protected_regular and fs.protected_fifos: 2 is for directories that their group may write, too. may_create_in_sticky() */
function protectedInSticky(task: Task, parent: Path, { mount, dentry }: Path): Denied | undefined {
  const { inode } = dentry
  const directory = parent.dentry.inode
  const { sysctls } = task.kernel
  const key = inode.kind === 'fifo' ? 'protected_fifos' : 'protected_regular'
  const level = inode.kind === 'fifo' || inode.kind === 'file' ? (sysctls.get(key) ?? 0) : 0
  if (level === 0 || !(directory.mode & 0o1000) || mount !== parent.mount) return undefined
  if (inode.uid === directory.uid || inode.uid === task.credentials.fsuid) return undefined
  if (!(directory.mode & 0o002) && !(level === 2 && directory.mode & 0o020)) return undefined
  return deny('EACCES', 'proc_sys_fs(5)', `${call}: O_CREAT on another user's file in a sticky directory`)
}

function create(task: Task, { parent, name }: Place, { flags, mode }: Wish): Opening | Denied {
  const inode = parent.dentry.inode
  const refusal = mayBeMissing(parent, call) ?? wantWrite(parent, call) ?? mayCreate(task, parent, call)
  if (refusal) return refusal
  if (inode.create === undefined) return deny('EACCES', call, `${call}: nothing can be made in this file system`)
  const made = inode.create(task, name, newAttributes(task, parent, 'file', mode & ~task.fs.umask))
  if (isDenied(made)) return made
  const dentry = newDentry(parent.dentry, name, made)
  notifyEntry(inode, IN.CREATE, name, made)
  return openInode(task, { mount: parent.mount, dentry }, flags, call)
}

function openFound(task: Task, path: Path, flags: number): Opening | Denied {
  const { inode } = path.dentry
  if (flags & O.DIRECTORY && inode.kind !== 'directory') return deny('ENOTDIR', call, `${call}: it is not a directory`)
  if (flags & O.PATH) return openInode(task, path, flags, call)
  const cut = (flags & O.TRUNC) !== 0 && inode.kind === 'file'
  const refusal = (cut ? wantWrite(path, call) : undefined) ?? mayOpen(task, path, accessOf(flags), flags)
  if (refusal) return refusal
  const opening = openInode(task, path, flags, call)
  if (isDenied(opening) || !cut) return opening
  const failed = truncate(task, path, opening.file)
  if (!failed) return opening
  endFile(opening.file)
  return failed
}

function truncate(task: Task, { mount, dentry }: Path, file: OpenFile): Denied | undefined {
  const { inode } = dentry
  if (!mayBeWritten(file.flags) && inode.executions > 0)
    return deny('ETXTBSY', call, `${call}: a program runs from the file`)
  const mode = privilegesDropped(task, mount, inode)
  const reply = inode.setAttributes?.(task, mode === inode.mode ? { sizeBytes: 0 } : { sizeBytes: 0, mode })
  if (reply) return reply
  inode.mode = mode
  inode.mtime = inode.ctime = task.kernel.now()
  notify(dentry, IN.MODIFY)
  return undefined
}

/** may_open() in fs/namei.c. */
export function mayOpen(task: Task, path: Path, access: number, flags: number): Denied | undefined {
  const { mount, dentry } = path
  const { inode } = dentry
  switch (inode.kind) {
    case 'symlink':
      return deny('ELOOP', call, `${call}: O_NOFOLLOW, and it is a symbolic link`)
    case 'directory':
      if (access & mayWrite) return deny('EISDIR', call, `${call}: a directory is not written to`)
      if (access & mayExecute) return deny('EACCES', call, `${call}: a directory is not executed`)
      break
    case 'character':
    case 'block':
      if (mount.flags.nodev) return deny('EACCES', 'MNT-023', `${call}: the mount gives no access to devices (nodev)`)
      if (mount.superblock.owner.level > 0)
        return deny('EACCES', 'USR-113', `${call}: no devices on a file system that a user namespace has mounted`)
      break
    case 'file':
      if (access & mayExecute && mount.flags.noexec)
        return deny('EACCES', 'MNT-023', `${call}: nothing is executed from the mount (noexec)`)
  }
  const unpermitted = access === 0 ? undefined : checkPermission(task.credentials, mount, inode, access, call)
  const refusal =
    unpermitted?.errno === 'EACCES' && inode.admits?.(task)
      ? undefined
      : (unpermitted ?? (access === 0 ? undefined : deviceRefusal(task, inode, access)))
  if (refusal) return refusal
  if (flags & O.NOATIME && !ownsOrCapable(task.credentials, mount, inode))
    return deny('EPERM', call, `${call}: O_NOATIME is for the owner`)
  return undefined
}

function openUnnamed(task: Task, dirfd: number, pathname: string, wish: Wish): Opening | Denied {
  const { flags, mode, resolve } = wish
  const path = walk(task, dirfd, pathname, { follow: !(flags & O.NOFOLLOW), resolve, call })
  if (isDenied(path)) return path
  const { inode } = path.dentry
  if (inode.kind !== 'directory') return deny('ENOTDIR', call, `${call}: O_TMPFILE, and it is not a directory`)
  const refusal =
    wantWrite(path, call) ?? checkPermission(task.credentials, path.mount, inode, mayWrite | mayExecute, call)
  if (refusal) return refusal
  if (inode.createUnnamed === undefined) return deny('EOPNOTSUPP', call, `${call}: the file system has no O_TMPFILE`)
  const made = inode.createUnnamed(task, newAttributes(task, path, 'file', mode & ~task.fs.umask))
  if (isDenied(made)) return made
  made.linkable = !(flags & O.EXCL)
  const dentry: Dentry = unnamed(path.dentry, made)
  return openInode(task, { mount: path.mount, dentry }, flags, call)
}

function unnamed(directory: Dentry, inode: Dentry['inode']): Dentry {
  const dentry = newDentry(directory, `#${inode.ino}`, inode)
  directory.children.delete(dentry.name)
  dentry.deleted = true
  return dentry
}

export const calls: Calls = {
  open: full((task, { pathname, flags, mode }) => open(task, AT_FDCWD, pathname, forgiving(int(flags), int(mode)))),
  openat: full((task, { dirfd, pathname, flags, mode }) =>
    open(task, fdNumber(dirfd), pathname, forgiving(int(flags), int(mode))),
  ),
  creat: full((task, { pathname, mode }) =>
    open(task, AT_FDCWD, pathname, forgiving(O.CREAT | O.WRONLY | O.TRUNC, int(mode))),
  ),
  openat2: partial('RESOLVE_CACHED always answers EAGAIN', (task, { dirfd, pathname, how }) => {
    const wish = strict({ flags: long(how.flags), mode: long(how.mode ?? 0), resolve: long(how.resolve ?? 0) })
    return isDenied(wish) ? wish : open(task, fdNumber(dirfd), pathname, wish)
  }),
}

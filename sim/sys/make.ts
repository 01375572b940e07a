// mkdir, mknod, symlink, link: a name is given to something new, or to something that has one. mkdir(2), mknod(2),
// symlink(2), link(2)

import { deviceAccess } from '../cgroup/device-access.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { InodeKind, NewInode } from '../vfs/inode.ts'
import { IN, notify, notifyEntry } from '../vfs/notify.ts'
import { wantWrite } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { capableOver, groupOf, mayRead, mayWrite, ownerOf, ownsOrCapable, permitted } from '../vfs/permission.ts'
import { mayBeMissing, mayCreate, newAttributes, setgid, setuid } from '../vfs/rights.ts'
import { longerThan } from '../vfs/utf8.ts'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW, lookupIn, newDentry, walk, walkParent } from '../vfs/walk.ts'
import { fdNumber, int, uint } from './arguments.ts'

/** Where something new will be. */
interface Vacancy {
  readonly parent: Path
  readonly name: string
}

/** A name that is free, in a place that may be written to. filename_create() in fs/namei.c */
function vacancy(
  task: Task,
  dirfd: number,
  pathname: string | null,
  call: string,
  directory: boolean,
): Vacancy | Denied {
  const place = walkParent(task, dirfd, pathname, { call })
  if (isDenied(place)) return place
  const exists = () => deny('EEXIST', call, `${call}: there is something of this name already`)
  if (place.special) return exists()
  const { parent, name } = place
  const found = lookupIn(task, parent.dentry, name, call)
  if (isDenied(found)) return found
  if (found) return exists()
  const missing = mayBeMissing(parent, call)
  if (missing) return missing
  if (place.slash && !directory) return deny('ENOENT', call, `${call}: a path with a slash at the end is a directory's`)
  return wantWrite(parent, call) ?? { parent, name }
}

/** Makes it; the directory's rights are asked last, as Linux does. */
function make(task: Task, { parent, name }: Vacancy, made: NewInode, call: string): number | Denied {
  const { inode } = parent.dentry
  // vfs_create() and vfs_mknod() in fs/namei.c differ in what they say.
  if (inode.create === undefined)
    return deny(
      made.kind === 'file' ? 'EACCES' : 'EPERM',
      call,
      `${call}: in this file system nothing of the kind can be made`,
    )
  const created = inode.create(task, name, made)
  if (isDenied(created)) return created
  newDentry(parent.dentry, name, created)
  notifyEntry(inode, IN.CREATE, name, created)
  return 0
}

function mkdir(task: Task, dirfd: number, pathname: string | null, mode: number): number | Denied {
  const call = 'mkdir(2)'
  const place = vacancy(task, dirfd, pathname, call, true)
  if (isDenied(place)) return place
  const made = newAttributes(task, place.parent, 'directory', mode & ~task.fs.umask & 0o1777)
  return mayCreate(task, place.parent, call) ?? make(task, place, made, call)
}

/** By the S_IFMT bits of a mode. */
const kinds: ReadonlyMap<number, InodeKind> = new Map([
  [0, 'file'],
  [0o010000, 'fifo'],
  [0o020000, 'character'],
  [0o060000, 'block'],
  [0o100000, 'file'],
  [0o140000, 'socket'],
])

/** dev_t as the kernel's u32: minor in bits 0-7 and 20-31, major in 8-19. new_decode_dev() */
const decodeDevice = (device: number): readonly [number, number] => [
  (device >>> 8) & 0xfff,
  (device & 0xff) | ((device >>> 12) & 0xfff00),
]

function mknod(task: Task, dirfd: number, pathname: string | null, mode: number, dev: number): number | Denied {
  const call = 'mknod(2)'
  const format = mode & 0o170000
  if (format === 0o040000) return deny('EPERM', call, `${call}: directories are made by mkdir(2)`)
  const kind = kinds.get(format)
  if (kind === undefined) return deny('EINVAL', call, `${call}: the type is none of S_IF*`)
  const place = vacancy(task, dirfd, pathname, call, false)
  if (isDenied(place)) return place
  const refusal = mayCreate(task, place.parent, call)
  if (refusal) return refusal
  const device = decodeDevice(dev)
  const isDevice = kind === 'character' || kind === 'block'
  const whiteout = kind === 'character' && device[0] === 0 && device[1] === 0
  if (isDevice && !whiteout && !capable(task.credentials, 'MKNOD', task.kernel.initial.user))
    return deny('EPERM', 'USR-037', `${call}: a device needs CAP_MKNOD in the initial user namespace`)
  if (isDevice && !whiteout) {
    const forbidden = task.kernel.cgroups.device(task, kind, device, deviceAccess.mknod)
    if (forbidden) return forbidden
  }
  const made = newAttributes(task, place.parent, kind, mode & ~task.fs.umask & 0o7777, isDevice ? { device } : {})
  return make(task, place, made, call)
}

function symlink(task: Task, target: string | null, dirfd: number, pathname: string | null): number | Denied {
  const call = 'symlink(2)'
  if (target === null) return deny('EFAULT', call, `${call}: the target is no pointer`)
  if (target === '') return deny('ENOENT', call, `${call}: the target is empty`)
  if (longerThan(target, 4095)) return deny('ENAMETOOLONG', call, `${call}: a target has at most 4095 bytes`)
  const place = vacancy(task, dirfd, pathname, call, false)
  if (isDenied(place)) return place
  const refusal = mayCreate(task, place.parent, call)
  if (refusal) return refusal
  return make(task, place, newAttributes(task, place.parent, 'symlink', 0o777, { target }), call)
}

interface LinkWish {
  readonly oldDirfd: number
  readonly oldPath: string | null
  readonly newDirfd: number
  readonly newPath: string | null
  readonly flags: number
}

function link(task: Task, wish: LinkWish): number | Denied {
  const call = 'link(2)'
  const { oldDirfd, oldPath, newDirfd, newPath, flags } = wish
  if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const empty = (flags & AT_EMPTY_PATH) !== 0
  const isBelow = oldDirfd !== AT_FDCWD && !oldPath?.startsWith('/')
  if (empty && (oldPath === '' || isBelow || !task.kernel.since(6, 10)) && !mayLinkDescriptor(task, oldDirfd))
    return deny('ENOENT', call, `${call}: AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH, or a file opened with these rights`)
  const old = walk(task, oldDirfd, oldPath, { follow: (flags & AT_SYMLINK_FOLLOW) !== 0, emptyPath: empty, call })
  if (isDenied(old)) return old
  const place = vacancy(task, newDirfd, newPath, call, false)
  if (isDenied(place)) return place
  const { parent, name } = place
  if (parent.dentry.deleted) return deny('ENOENT', call, `${call}: the directory has been removed`)
  if (old.mount !== parent.mount) return deny('EXDEV', 'MNT-019', `${call}: the names are on different mounts`)
  const refusal = mayLink(task, old, call) ?? mayCreate(task, parent, call)
  if (refusal) return refusal
  const { inode } = old.dentry
  if (inode.superblock !== parent.dentry.superblock)
    return deny('EXDEV', call, `${call}: the names are on different file systems`)
  const directory = parent.dentry.inode
  if (directory.link === undefined) return deny('EPERM', call, `${call}: the file system has no hard links`)
  if (inode.kind === 'directory') return deny('EPERM', call, `${call}: a directory has one name`)
  if (inode.linkCount === 0 && !inode.linkable) return deny('ENOENT', call, `${call}: the file has no name any more`)
  const denied = directory.link(task, name, inode)
  if (denied) return denied
  inode.linkable = false
  newDentry(parent.dentry, name, inode)
  notify(old.dentry, IN.ATTRIB)
  notifyEntry(directory, IN.CREATE, name, inode)
  return 0
}

function mayLinkDescriptor(task: Task, fd: number): boolean {
  const { credentials, kernel } = task
  if (!kernel.since(6, 10)) return capable(credentials, 'DAC_READ_SEARCH', kernel.initial.user)
  const opener = task.files.get(fd)?.file.opener
  // Of none that is open the walk will say so.
  if (opener === undefined || opener === credentials) return true
  return capable(credentials, 'DAC_READ_SEARCH', opener.namespace)
}

/** fs.protected_hardlinks. may_linkat() in fs/namei.c */
function mayLink(task: Task, { mount, dentry }: Path, call: string): Denied | undefined {
  const { inode } = dentry
  if (ownerOf(mount, inode) === undefined || groupOf(mount, inode) === undefined)
    return deny('EOVERFLOW', call, `${call}: the idmapped mount has no id for the owner of the file`)
  const { credentials, kernel } = task
  if (!kernel.sysctls.get('protected_hardlinks')) return undefined
  const safe =
    inode.kind === 'file' &&
    !(inode.mode & setuid) &&
    (inode.mode & (setgid | 0o010)) !== (setgid | 0o010) &&
    permitted(credentials, mount, inode, mayRead | mayWrite)
  if (safe || ownsOrCapable(credentials, mount, inode) || capableOver(credentials, 'FOWNER', mount, inode))
    return undefined
  return deny('EPERM', 'proc_sys_fs(5)', `${call}: the file is another's, and not one to read and write`)
}

export const calls: Calls = {
  mkdir: full((task, { pathname, mode }) => mkdir(task, AT_FDCWD, pathname, int(mode))),
  mkdirat: full((task, { dirfd, pathname, mode }) => mkdir(task, fdNumber(dirfd), pathname, int(mode))),
  mknod: full((task, { pathname, mode, dev }) => mknod(task, AT_FDCWD, pathname, int(mode), uint(dev))),
  mknodat: full((task, { dirfd, pathname, mode, dev }) => mknod(task, fdNumber(dirfd), pathname, int(mode), uint(dev))),
  symlink: full((task, { target, linkpath }) => symlink(task, target, AT_FDCWD, linkpath)),
  symlinkat: full((task, { target, newdirfd, linkpath }) => symlink(task, target, fdNumber(newdirfd), linkpath)),
  link: full((task, { oldpath, newpath }) =>
    link(task, { oldDirfd: AT_FDCWD, oldPath: oldpath, newDirfd: AT_FDCWD, newPath: newpath, flags: 0 }),
  ),
  linkat: full((task, { olddirfd, oldpath, newdirfd, newpath, flags }) =>
    link(task, {
      ...{ oldDirfd: fdNumber(olddirfd), oldPath: oldpath },
      ...{ newDirfd: fdNumber(newdirfd), newPath: newpath, flags: int(flags) },
    }),
  ),
}

// stat, statx, access, readlink, statfs: what a file is. stat(2), statx(2), access(2), readlink(2), statfs(2)

import { deviceRefusal } from '../cgroup/device-access.ts'
import { type Denied, deny, isDenied, type Outcome } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { Moment } from '../time.ts'
import { type Inode, kindBits } from '../vfs/inode.ts'
import { wantWrite } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { checkPermission, groupOf, mayExecute, mayWrite, ownerOf, permitted } from '../vfs/permission.ts'
import type { Superblock } from '../vfs/superblock.ts'
import { touch } from '../vfs/times.ts'
import { encode } from '../vfs/utf8.ts'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, walk } from '../vfs/walk.ts'
import { actingAs } from './acting-as.ts'
import { anyFileOf, fdNumber, fileAt, int, uint } from './arguments.ts'

const overflow = 65534
const AT_NO_AUTOMOUNT = 0x800
const AT_STATX_SYNC = 0x6000
const AT_EACCESS = 0x200

/** new_encode_dev(): major in bits 8-19, minor around it. */
const encodeDevice = ([major, minor]: readonly [number, number]): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0

const blockBytesOf = (superblock: Superblock): number => superblock.statBlockBytes ?? 4096

/** Pidfds are shown as being of no kind. anon_inode_getattr() */
const hasNoKind = ({ kernel }: Task, { superblock }: Inode): boolean =>
  superblock.type === 'pidfs' && kernel.since(6, 15)

/** What both structs are filled with. vfs_getattr() in fs/stat.c */
function factsOf(task: Task, { mount, dentry }: Path) {
  const { inode } = dentry
  const { namespace } = task.credentials
  inode.showsOwner?.()
  const owner = ownerOf(mount, inode)
  const group = groupOf(mount, inode)
  return {
    inode,
    uid: (owner === undefined ? undefined : namespace.uid(owner)) ?? overflow,
    gid: (group === undefined ? undefined : namespace.gid(group)) ?? overflow,
    mode: (hasNoKind(task, inode) ? 0 : kindBits[inode.kind]) | inode.mode,
    blocks: inode.blocks512?.() ?? (inode.kind === 'file' ? Math.ceil(inode.sizeBytes / 512) : 0),
    device: inode.statDevice ?? inode.superblock.device,
  }
}

/** struct stat of x86-64. */
function statBytes(task: Task, path: Path): Uint8Array {
  const { inode, uid, gid, mode, blocks, device } = factsOf(task, path)
  const { slab } = task.kernel
  const data = slab.take(144)
  const { view, base } = slab
  put(view, base, encodeDevice(device))
  put(view, base + 8, inode.ino)
  put(view, base + 16, inode.linkCount)
  view.setUint32(base + 24, mode, true)
  view.setUint32(base + 28, uid, true)
  view.setUint32(base + 32, gid, true)
  put(view, base + 40, encodeDevice(inode.device))
  put(view, base + 48, inode.sizeBytes)
  put(view, base + 56, blockBytesOf(inode.superblock))
  put(view, base + 64, blocks)
  putTime(view, base + 72, inode.atime)
  putTime(view, base + 88, inode.mtime)
  putTime(view, base + 104, inode.ctime)
  return data
}

/** 64 bits. */
function put(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  if (value > 0xffffffff || value < 0) view.setInt32(at + 4, Math.floor(value / 4294967296), true)
}

function putTime(view: DataView, at: number, { seconds, nanoseconds }: Moment): void {
  put(view, at, seconds)
  view.setUint32(at + 8, nanoseconds, true)
}

/** STAMPS: mtime and ctime, whose finest grain is for who asks for it, where the file system has such. */
const STATX = {
  STAMPS: 0xc0,
  BASIC: 0x7ff,
  BTIME: 0x800,
  MNT_ID: 0x1000,
  MNT_ID_UNIQUE: 0x4000,
  RESERVED: 0x80000000,
} as const
const ATTR_MOUNT_ROOT = 0x2000

/** struct statx. */
function statxBytes(task: Task, path: Path, mask: number): Uint8Array {
  const { inode, uid, gid, mode, blocks, device } = factsOf(task, path)
  const data = new Uint8Array(256)
  const view = new DataView(data.buffer)
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true)
  const time = (at: number, { seconds, nanoseconds }: Moment) => {
    view.setBigInt64(at, BigInt(seconds), true)
    view.setUint32(at + 8, nanoseconds, true)
  }
  const unique = (mask & STATX.MNT_ID_UNIQUE) !== 0 && task.kernel.since(6, 8)
  // A time of birth is told to who asks for it; the rest always.
  const fine = task.kernel.since(6, 13) && inode.superblock.type === 'tmpfs' && !(mask & STATX.STAMPS)
  const has =
    (fine ? STATX.BASIC & ~STATX.STAMPS : STATX.BASIC) |
    (inode.btime && mask & STATX.BTIME ? STATX.BTIME : 0) |
    (unique ? STATX.MNT_ID_UNIQUE : STATX.MNT_ID)
  view.setUint32(0, has, true)
  view.setUint32(4, blockBytesOf(inode.superblock), true)
  u64(8, path.dentry === path.mount.root ? ATTR_MOUNT_ROOT : 0)
  view.setUint32(16, inode.linkCount, true)
  view.setUint32(20, uid, true)
  view.setUint32(24, gid, true)
  view.setUint16(28, mode, true)
  u64(32, inode.ino)
  u64(40, inode.sizeBytes)
  u64(48, blocks)
  u64(56, ATTR_MOUNT_ROOT)
  time(64, inode.atime)
  if (has & STATX.BTIME && inode.btime) time(80, inode.btime)
  time(96, inode.ctime)
  time(112, inode.mtime)
  view.setUint32(128, inode.device[0], true)
  view.setUint32(132, inode.device[1], true)
  view.setUint32(136, device[0], true)
  view.setUint32(140, device[1], true)
  u64(144, unique ? path.mount.uniqueId : path.mount.id)
  return data
}

function stat(task: Task, dirfd: number, pathname: string | null, flags: number): Outcome {
  const call = 'stat(2)'
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC))
    return deny('EINVAL', call, `${call}: there are unknown flags`)
  const path = fileAt(task, dirfd, pathname, flags, call)
  return isDenied(path) ? path : { value: 0, data: statBytes(task, path) }
}

function statx(task: Task, dirfd: number, pathname: string | null, flags: number, mask: number): Outcome {
  const call = 'statx(2)'
  if (mask & STATX.RESERVED || (flags & AT_STATX_SYNC) === AT_STATX_SYNC)
    return deny('EINVAL', call, `${call}: the mask or the way to synchronise is one that does not exist`)
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC))
    return deny('EINVAL', call, `${call}: there are unknown flags`)
  const path = fileAt(task, dirfd, pathname, flags, call)
  return isDenied(path) ? path : { value: 0, data: statxBytes(task, path, mask) }
}

/** By the real ids, as a program asks that runs for somebody else. do_faccessat() in fs/open.c */
function access(task: Task, dirfd: number, pathname: string | null, mode: number, flags: number): number | Denied {
  const call = 'access(2)'
  if (mode & ~7) return deny('EINVAL', call, `${call}: the mode has other bits than R_OK, W_OK and X_OK`)
  if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
    return deny('EINVAL', call, `${call}: there are unknown flags`)
  const who = flags & AT_EACCESS ? task.credentials : actingAs(task.credentials)
  const before = task.credentials
  task.credentials = who
  try {
    const path = fileAt(task, dirfd, pathname, flags, call)
    if (isDenied(path)) return path
    const { mount, dentry } = path
    const hidden = dentry.inode.refuses?.(task)
    if (hidden) return hidden
    if (mode & mayExecute && dentry.inode.kind === 'file' && mount.flags.noexec)
      return deny('EACCES', 'MNT-023', `${call}: nothing is executed from the mount (noexec)`)
    const isDevice = dentry.inode.kind === 'character' || dentry.inode.kind === 'block'
    if (mode === 0 || (!isDevice && !(mode & mayWrite) && permitted(who, mount, dentry.inode, mode))) return 0
    const unpermitted = checkPermission(who, mount, dentry.inode, mode, call)
    const isAdmitted = unpermitted?.errno === 'EACCES' && dentry.inode.admits?.(task)
    const refusal = isAdmitted ? undefined : (unpermitted ?? deviceRefusal(task, dentry.inode, mode))
    if (refusal) return refusal
    const special = ['character', 'block', 'fifo', 'socket'].includes(dentry.inode.kind)
    return mode & mayWrite && !special ? (wantWrite(path, call) ?? 0) : 0
  } finally {
    task.credentials = before
  }
}

function readlink(task: Task, dirfd: number, pathname: string | null, size: number): Outcome {
  const call = 'readlink(2)'
  if (size <= 0) return deny('EINVAL', call, `${call}: the buffer has no room`)
  const path = walk(task, dirfd, pathname, { follow: false, emptyPath: true, call })
  if (isDenied(path)) return path
  const { inode } = path.dentry
  if (inode.kind !== 'symlink')
    return pathname === ''
      ? deny('ENOENT', call, `${call}: an empty path, and the descriptor is no symbolic link`)
      : deny('EINVAL', call, `${call}: it is not a symbolic link`)
  const target = inode.readlink!(task)
  if (typeof target !== 'string') return target
  touch(task, path, inode)
  const data = encode(target).subarray(0, size)
  return { value: data.length, data }
}

const ST = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  VALID: 0x20,
  NOATIME: 0x400,
  NODIRATIME: 0x800,
  RELATIME: 0x1000,
  NOSYMFOLLOW: 0x2000,
} as const

/** struct statfs of x86-64. */
function statfsBytes({ mount, dentry }: Path): Uint8Array {
  const { superblock } = dentry
  const facts = superblock.statfs()
  const data = new Uint8Array(120)
  const view = new DataView(data.buffer)
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true)
  const { flags } = mount
  let bits: number = ST.VALID
  if (flags.readonly || superblock.flags & 1) bits |= ST.RDONLY
  if (flags.nosuid) bits |= ST.NOSUID
  if (flags.nodev) bits |= ST.NODEV
  if (flags.noexec) bits |= ST.NOEXEC
  if (flags.nosymfollow) bits |= ST.NOSYMFOLLOW
  if (flags.nodiratime) bits |= ST.NODIRATIME
  if (flags.atime === 'noatime') bits |= ST.NOATIME
  if (flags.atime === 'relatime') bits |= ST.RELATIME
  u64(0, facts.type)
  u64(8, facts.blockBytes)
  u64(16, facts.blocks)
  u64(24, facts.blocksFree)
  u64(32, facts.blocksFree)
  u64(40, facts.files)
  u64(48, facts.filesFree)
  u64(56, encodeDevice(superblock.device))
  u64(64, facts.nameLengthMax)
  u64(72, facts.blockBytes)
  u64(80, bits)
  return data
}

export const calls: Calls = {
  stat: full((task, { pathname }) => stat(task, AT_FDCWD, pathname, 0)),
  lstat: full((task, { pathname }) => stat(task, AT_FDCWD, pathname, AT_SYMLINK_NOFOLLOW)),
  fstat: full((task, { fd }) => {
    const file = anyFileOf(task, fd, 'fstat(2)')
    return isDenied(file) ? file : { value: 0, data: statBytes(task, file.path) }
  }),
  newfstatat: full((task, { dirfd, pathname, flags }) => stat(task, fdNumber(dirfd), pathname, int(flags))),
  statx: full((task, { dirfd, pathname, flags, mask }) =>
    statx(task, fdNumber(dirfd), pathname, int(flags), uint(mask)),
  ),
  access: full((task, { pathname, mode }) => access(task, AT_FDCWD, pathname, int(mode), 0)),
  faccessat: full((task, { dirfd, pathname, mode }) => access(task, fdNumber(dirfd), pathname, int(mode), 0)),
  faccessat2: full((task, { dirfd, pathname, mode, flags }) =>
    access(task, fdNumber(dirfd), pathname, int(mode), int(flags)),
  ),
  readlink: full((task, { pathname, buf }) => readlink(task, AT_FDCWD, pathname, buf)),
  readlinkat: full((task, { dirfd, pathname, buf }) => readlink(task, fdNumber(dirfd), pathname, buf)),
  statfs: full((task, { path: pathname }) => {
    const path = walk(task, AT_FDCWD, pathname, { call: 'statfs(2)' })
    return isDenied(path) ? path : { value: 0, data: statfsBytes(path) }
  }),
  fstatfs: full((task, { fd }) => {
    const file = anyFileOf(task, fd, 'fstatfs(2)')
    return isDenied(file) ? file : { value: 0, data: statfsBytes(file.path) }
  }),
}

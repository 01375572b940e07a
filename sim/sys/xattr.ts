// Extended attributes: user, trusted, security, system. xattr(7), setxattr(2), getxattr(2), listxattr(2)

import type { Fd } from '../../core/syscall.ts'
import { capable } from '../credentials.ts'
import { capabilityXattr } from '../file-capabilities.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { isImmutable } from '../vfs/immutable.ts'
import { IN, notify } from '../vfs/notify.ts'
import { wantWrite } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { capableOver, checkPermission, groupOf, mayRead, mayWrite, ownerOf, ownsOrCapable } from '../vfs/permission.ts'
import { encode, longerThan } from '../vfs/utf8.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'
import { fileOf, int } from './arguments.ts'
import { toShow, toStore } from './capability-xattr.ts'

const CREATE = 1
const REPLACE = 2
const valueBytesMax = 65_536

/** Which attributes a file system keeps; a name of no known kind is nobody's. xattr_resolve_name() in fs/xattr.c */
function checkKind({ dentry }: Path, name: string, call: string): Denied | undefined {
  const { xattrPrefixes = [], type } = dentry.superblock
  if (type === 'sockfs' && call === 'removexattr(2)' && name.startsWith('security.'))
    return deny('EAGAIN', 'xattr(7)', `${call}: those of sockets are the security modules' own`)
  const prefix = xattrPrefixes.find((start) => name.startsWith(start))
  if (prefix === undefined) return unsupported(call, name)
  if (name.length > prefix.length) return undefined
  return deny('EINVAL', 'xattr(7)', `${call}: behind ${prefix} there is no name`)
}

/** xattr_permission() in fs/xattr.c. */
function mayAccess(task: Task, { mount, dentry }: Path, name: string, mask: number, call: string): Denied | undefined {
  const { inode } = dentry
  const { credentials, kernel } = task
  const writes = mask === mayWrite
  if (writes && isImmutable(kernel, inode))
    return deny('EPERM', 'xattr(7)', `${call}: the kernel's own file stays as it is`)
  if (writes && (ownerOf(mount, inode) === undefined || groupOf(mount, inode) === undefined))
    return deny('EPERM', 'mount_setattr(2)', `${call}: the idmapped mount has no id for the owner of the file`)
  if (name.startsWith('security.') || name.startsWith('system.')) return undefined
  if (name.startsWith('trusted.')) {
    if (capable(credentials, 'SYS_ADMIN', kernel.initial.user)) return undefined
    return writes
      ? deny('EPERM', 'xattr(7)', `${call}: trusted attributes are for CAP_SYS_ADMIN`)
      : deny('ENODATA', 'xattr(7)', `${call}: trusted attributes are seen with CAP_SYS_ADMIN only`)
  }
  if (name.startsWith('user.')) {
    if (inode.kind !== 'file' && inode.kind !== 'directory')
      return deny(writes ? 'EPERM' : 'ENODATA', 'xattr(7)', `${call}: user attributes are for files and directories`)
    const restricted = inode.kind === 'directory' && (inode.mode & 0o1000) !== 0 && writes
    if (restricted && !ownsOrCapable(credentials, mount, inode))
      return deny('EPERM', 'xattr(7)', `${call}: in a sticky directory only its owner sets attributes of it`)
  }
  return checkPermission(credentials, mount, inode, mask, call)
}

/** What the security modules say of their own names. cap_inode_setxattr() in security/commoncap.c */
function maySecure(task: Task, { mount, dentry }: Path, name: string, call: string): Denied | undefined {
  if (!name.startsWith('security.')) return undefined
  const { credentials } = task
  // S_PRIVATE: nobody is asked.
  const isShared = dentry.inode.kind === 'anonymous' && task.kernel.since(6, 15)
  if (isShared || dentry.superblock.type === 'pidfs') return undefined
  if (name === capabilityXattr) {
    if (capableOver(credentials, 'SETFCAP', mount, dentry.inode)) return undefined
    return deny('EPERM', 'USR-111', `${call}: capabilities of a file are set with CAP_SETFCAP over it`)
  }
  if (capable(credentials, 'SYS_ADMIN', dentry.superblock.owner)) return undefined
  return deny('EPERM', 'xattr(7)', `${call}: security attributes are set with CAP_SYS_ADMIN`)
}

function checkName(name: string | null, call: string): string | Denied {
  if (name === null) return deny('EFAULT', call, `${call}: the name is no pointer`)
  if (name === '' || longerThan(name, 255)) return deny('ERANGE', call, `${call}: a name has between 1 and 255 bytes`)
  return name
}

const unsupported = (call: string, name: string): Denied =>
  deny('EOPNOTSUPP', 'xattr(7)', `${call}: the file system keeps no attributes like ${name}`)

interface Setting {
  readonly name: string | null
  readonly value: Uint8Array | string
  readonly flags: number
}

function set(task: Task, path: Path, setting: Setting): number | Denied {
  const call = 'setxattr(2)'
  const { flags } = setting
  const readonly = wantWrite(path, call)
  if (readonly) return readonly
  const name = setting.name as string
  if (name.startsWith(accessLists)) return setList(task, path, name, setting.value.length)
  const refusal = mayAccess(task, path, name, mayWrite, call) ?? maySecure(task, path, name, call)
  if (refusal) return refusal
  const wrong = checkKind(path, name, call)
  if (wrong) return wrong
  const { inode } = path.dentry
  const has = inode.xattrs.has(name)
  if (flags & CREATE && has) return deny('EEXIST', call, `${call}: XATTR_CREATE, and there is ${name}`)
  if (flags & REPLACE && !has) return deny('ENODATA', call, `${call}: XATTR_REPLACE, and there is no ${name}`)
  const bytes = typeof setting.value === 'string' ? encode(setting.value) : setting.value.slice()
  const stored = name === capabilityXattr ? toStore(task, path, bytes) : bytes
  if (isDenied(stored)) return stored
  const denied = inode.setXattr?.(task, name, stored)
  if (denied) return denied
  inode.xattrs.set(name, stored)
  if (path.dentry.superblock.type === 'pidfs') inode.hadXattrs = true
  inode.ctime = task.kernel.now()
  notify(path.dentry, IN.ATTRIB)
  return 0
}

const accessLists = 'system.posix_acl_'

/** Access control lists are not kept: taking one away that is not there succeeds. */
function setList(task: Task, { mount, dentry }: Path, name: string, valueBytes: number): number | Denied {
  const call = 'setxattr(2)'
  const { inode } = dentry
  if (!dentry.superblock.xattrPrefixes || inode.kind === 'symlink') return unsupported(call, name)
  if (valueBytes >= 4) return unsupported(call, name)
  if (valueBytes > 0) return deny('EINVAL', 'acl(5)', `${call}: it is no access control list`)
  if (ownsOrCapable(task.credentials, mount, inode)) return 0
  return deny('EPERM', 'acl(5)', `${call}: only the owner sets an access control list`)
}

/** Flags, name and length are looked at before the file is. */
function checkSetting({ name, value, flags }: Setting): Denied | undefined {
  const call = 'setxattr(2)'
  if (flags & ~(CREATE | REPLACE)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const checked = checkName(name, call)
  if (isDenied(checked)) return checked
  if (value.length > valueBytesMax) return deny('E2BIG', call, `${call}: a value has at most 65536 bytes`)
  return undefined
}

function get(task: Task, path: Path, given: string | null, room: number): Outcome {
  const call = 'getxattr(2)'
  const name = checkName(given, call)
  if (isDenied(name)) return name
  const refusal = mayAccess(task, path, name, mayRead, call)
  if (refusal) return refusal
  if (name.startsWith(accessLists) && path.dentry.superblock.xattrPrefixes && path.dentry.inode.kind !== 'symlink')
    return deny('ENODATA', 'acl(5)', `${call}: there is no access control list`)
  const wrong = checkKind(path, name, call)
  if (wrong) return wrong
  const stored = path.dentry.inode.xattrs.get(name)
  // Of a process that never had any, all are empty. pidfs_xattr_get()
  if (path.dentry.superblock.type === 'pidfs' && !path.dentry.inode.hadXattrs)
    return { value: 0, data: new Uint8Array(0) }
  if (stored === undefined) return deny('ENODATA', call, `${call}: there is no ${name}`)
  const value = name === capabilityXattr ? toShow(task, path, stored) : stored
  return isDenied(value) ? value : give(value, room, call)
}

function give(value: Uint8Array, room: number, call: string): Outcome {
  if (room === 0) return { value: value.length }
  if (value.length > room) return deny('ERANGE', call, `${call}: the value does not fit the buffer`)
  return { value: value.length, data: value.slice() }
}

function list(task: Task, { dentry }: Path, room: number): Outcome {
  const all = capable(task.credentials, 'SYS_ADMIN', task.kernel.initial.user)
  const names = [...dentry.inode.xattrs.keys()].filter((name) => all || !name.startsWith('trusted.'))
  // The protocol of a socket. net/socket.c
  if (dentry.superblock.type === 'sockfs') names.push('system.sockprotoname')
  return give(encode(names.map((name) => `${name}\0`).join('')), room, 'listxattr(2)')
}

function remove(task: Task, path: Path, given: string | null): number | Denied {
  const call = 'removexattr(2)'
  const name = checkName(given, call)
  if (isDenied(name)) return name
  const refusal =
    wantWrite(path, call) ?? mayAccess(task, path, name, mayWrite, call) ?? maySecure(task, path, name, call)
  if (refusal) return refusal
  const wrong = checkKind(path, name, call)
  if (wrong) return wrong
  const { inode } = path.dentry
  if (!inode.xattrs.has(name)) return deny('ENODATA', call, `${call}: there is no ${name}`)
  const denied = inode.setXattr?.(task, name, undefined)
  if (denied) return denied
  inode.xattrs.delete(name)
  inode.ctime = task.kernel.now()
  notify(path.dentry, IN.ATTRIB)
  return 0
}

const byPath = (task: Task, pathname: string | null, follow: boolean, act: (path: Path) => Reply): Reply => {
  const path = walk(task, AT_FDCWD, pathname, { follow, call: 'xattr(7)' })
  return isDenied(path) ? path : act(path)
}

const byFd = (task: Task, fd: Fd, act: (path: Path) => Reply): Reply => {
  const file = fileOf(task, fd, 'xattr(7)')
  return isDenied(file) ? file : act(file.path)
}

const setting = (call: {
  readonly xattr: string | null
  readonly value: Uint8Array | string
  readonly flags: unknown
}) => ({
  name: call.xattr,
  value: call.value,
  flags: int(call.flags as number),
})

const noLists = 'no POSIX access control lists'

export const calls: Calls = {
  setxattr: partial(noLists, (task, call) => {
    const wish = setting(call)
    return checkSetting(wish) ?? byPath(task, call.path, true, (path) => set(task, path, wish))
  }),
  lsetxattr: partial(noLists, (task, call) => {
    const wish = setting(call)
    return checkSetting(wish) ?? byPath(task, call.path, false, (path) => set(task, path, wish))
  }),
  fsetxattr: partial(noLists, (task, call) => {
    const wish = setting(call)
    return checkSetting(wish) ?? byFd(task, call.fd, (path) => set(task, path, wish))
  }),
  getxattr: partial(noLists, (task, { path: pathname, xattr, value }) =>
    byPath(task, pathname, true, (path) => get(task, path, xattr, value)),
  ),
  lgetxattr: partial(noLists, (task, { path: pathname, xattr, value }) =>
    byPath(task, pathname, false, (path) => get(task, path, xattr, value)),
  ),
  fgetxattr: partial(noLists, (task, { fd, xattr, value }) => byFd(task, fd, (path) => get(task, path, xattr, value))),
  listxattr: full((task, { path: pathname, list: room }) =>
    byPath(task, pathname, true, (path) => list(task, path, room)),
  ),
  llistxattr: full((task, { path: pathname, list: room }) =>
    byPath(task, pathname, false, (path) => list(task, path, room)),
  ),
  flistxattr: full((task, { fd, list: room }) => byFd(task, fd, (path) => list(task, path, room))),
  removexattr: full((task, { path: pathname, xattr }) =>
    byPath(task, pathname, true, (path) => remove(task, path, xattr)),
  ),
  lremovexattr: full((task, { path: pathname, xattr }) =>
    byPath(task, pathname, false, (path) => remove(task, path, xattr)),
  ),
  fremovexattr: full((task, { fd, xattr }) => byFd(task, fd, (path) => remove(task, path, xattr))),
}

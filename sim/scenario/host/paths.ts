// Which paths a call names, and what its success says of each: that it is there, what it is, or that the call makes it.

import type { Syscall } from '../../../core/syscall.ts'
import type { InodeKind } from '../../vfs/inode.ts'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../vfs/walk.ts'

export interface Named {
  readonly dirfd: number
  readonly path: string
  readonly follow: boolean
  /** makes: the call makes it, its directory is there. takes: it is there, and gone afterwards. */
  readonly use: 'finds' | 'makes' | 'takes'
  readonly kind?: InodeKind
}

const O = { CREAT: 0o100, EXCL: 0o200, DIRECTORY: 0o200000, NOFOLLOW: 0o400000 } as const
const MS = { REMOUNT: 32, BIND: 4096, MOVE: 8192, CHANGE: 0xe0000 } as const

const finds = (path: string | null, kind?: InodeKind, dirfd: unknown = AT_FDCWD, follow = true): Named[] =>
  path === null || path === '' ? [] : [{ dirfd: Number(dirfd), path, follow, use: 'finds', ...(kind && { kind }) }]
const other = (use: 'makes' | 'takes', path: string | null, dirfd: unknown = AT_FDCWD, kind?: InodeKind): Named[] =>
  path === null || path === '' ? [] : [{ dirfd: Number(dirfd), path, follow: false, use, ...(kind && { kind }) }]

function opened(path: string | null, flags: number, dirfd: unknown): Named[] {
  const follow = (flags & O.NOFOLLOW) === 0
  if (flags & O.CREAT) return other('makes', path, dirfd)
  return finds(path, flags & O.DIRECTORY ? 'directory' : undefined, dirfd, follow)
}

function mounted(call: Extract<Syscall, { name: 'mount' }>): Named[] {
  const flags = Number(call.mountflags)
  const source = flags & (MS.BIND | MS.MOVE) && !(flags & MS.REMOUNT) ? finds(call.source) : []
  const layers = /^overlay$/.test(call.filesystemtype ?? '') ? layersOf(call.data ?? '') : []
  return [
    ...source,
    ...layers,
    ...finds(call.target, flags & (MS.BIND | MS.MOVE | MS.CHANGE | MS.REMOUNT) ? undefined : 'directory'),
  ]
}

const layersOf = (data: string): Named[] =>
  [...data.matchAll(/(?:^|,)(?:lowerdir|upperdir|workdir)=([^,]*)/g)].flatMap(([, paths]) =>
    paths!.split(':').flatMap((path) => finds(path, 'directory')),
  )

const noFollow = (flags: unknown): boolean => (Number(flags) & AT_SYMLINK_NOFOLLOW) === 0

/** The paths of a call, as it is played. */
export function pathsOf(call: Syscall): readonly Named[] {
  switch (call.name) {
    case 'open':
      return opened(call.pathname, Number(call.flags), AT_FDCWD)
    case 'openat':
      return opened(call.pathname, Number(call.flags), call.dirfd)
    case 'openat2':
      return opened(call.pathname, Number(call.how.flags), call.dirfd)
    case 'creat':
      return other('makes', call.pathname)
    case 'stat':
    case 'access':
    case 'chmod':
    case 'chown':
    case 'inotify_add_watch':
      return finds(call.pathname)
    case 'lstat':
    case 'lchown':
      return finds(call.pathname, undefined, AT_FDCWD, false)
    case 'newfstatat':
    case 'faccessat2':
    case 'fchownat':
    case 'fchmodat2':
    case 'statx':
    case 'open_tree':
      return finds(call.pathname, undefined, call.dirfd, noFollow(call.flags))
    case 'utimensat':
      return finds(call.pathname, undefined, call.dirfd, noFollow(call.flags))
    case 'faccessat':
    case 'fchmodat':
    case 'mount_setattr':
    case 'fspick':
      return finds(call.pathname, undefined, call.dirfd)
    case 'readlink':
      return finds(call.pathname, 'symlink', AT_FDCWD, false)
    case 'readlinkat':
      return finds(call.pathname, 'symlink', call.dirfd, false)
    case 'execve':
      return finds(call.pathname, 'file')
    case 'execveat':
      return Number(call.flags) & AT_EMPTY_PATH && call.pathname === '' ? [] : finds(call.pathname, 'file', call.dirfd)
    case 'chdir':
    case 'chroot':
      return finds(call.path, 'directory')
    case 'statfs':
    case 'truncate':
    case 'getxattr':
    case 'setxattr':
    case 'listxattr':
    case 'removexattr':
      return finds(call.path)
    case 'lgetxattr':
    case 'lsetxattr':
    case 'llistxattr':
    case 'lremovexattr':
      return finds(call.path, undefined, AT_FDCWD, false)
    case 'mount':
      return mounted(call)
    case 'move_mount':
      return [
        ...finds(call.from_pathname, undefined, call.from_dirfd),
        ...finds(call.to_pathname, undefined, call.to_dirfd),
      ]
    case 'fsconfig':
      return /^(lowerdir|upperdir|workdir)\+?$/.test(call.key ?? '') ? finds(call.value, 'directory') : []
    case 'umount2':
      return finds(call.target)
    case 'pivot_root':
      return [...finds(call.new_root, 'directory'), ...finds(call.put_old, 'directory')]
    case 'mkdir':
    case 'mknod':
      return other('makes', call.pathname)
    case 'mkdirat':
    case 'mknodat':
      return other('makes', call.pathname, call.dirfd)
    case 'symlink':
      return other('makes', call.linkpath)
    case 'symlinkat':
      return other('makes', call.linkpath, call.newdirfd)
    case 'link':
      return [...finds(call.oldpath, undefined, AT_FDCWD, false), ...other('makes', call.newpath)]
    case 'linkat':
      return [
        ...finds(call.oldpath, undefined, call.olddirfd, (Number(call.flags) & 0x400) !== 0),
        ...other('makes', call.newpath, call.newdirfd),
      ]
    case 'unlink':
      return other('takes', call.pathname)
    case 'rmdir':
      return other('takes', call.pathname, AT_FDCWD, 'directory')
    case 'unlinkat':
      return other('takes', call.pathname, call.dirfd, Number(call.flags) & 0x200 ? 'directory' : undefined)
    case 'rename':
      return [...other('takes', call.oldpath), ...other('makes', call.newpath)]
    case 'renameat':
    case 'renameat2':
      return [...other('takes', call.oldpath, call.olddirfd), ...other('makes', call.newpath, call.newdirfd)]
    default:
      return []
  }
}

/** Flags of open(2) that make a file only where none is. */
export const exclusive = (call: Syscall): boolean =>
  !/^open/.test(call.name) ||
  (Number(call.name === 'openat2' ? call.how.flags : 'flags' in call ? call.flags : 0) & O.EXCL) !== 0

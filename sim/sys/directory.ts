// getdents64, chdir, fchdir, getcwd, chroot, umask: directories, and where a task is. getdents(2), chdir(2), getcwd(2),
// chroot(2), umask(2)

import { capable } from '../credentials.ts'
import { type Denied, deny, isDenied, type Outcome } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { mayBeRead } from '../vfs/flags.ts'
import type { DirectoryEntry, InodeKind } from '../vfs/inode.ts'
import { hold, letGo, type Path } from '../vfs/path.ts'
import { pathName } from '../vfs/path-name.ts'
import { checkPermission, mayExecute } from '../vfs/permission.ts'
import { touch } from '../vfs/times.ts'
import { endOfDirectory, TmpfsDirectory } from '../vfs/tmpfs-directory.ts'
import { encode } from '../vfs/utf8.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'
import { anyFileOf, fileOf, int } from './arguments.ts'

/** DT_*. dirent.h */
const types: Readonly<Record<InodeKind, number>> = {
  fifo: 1,
  character: 2,
  directory: 4,
  block: 6,
  file: 8,
  symlink: 10,
  socket: 12,
  anonymous: 0,
}

/** All entries, `.` and `..` first. */
function listing(task: Task, { path, inode }: OpenFile): readonly DirectoryEntry[] {
  // Above the root of a mount too: dir_emit_dotdot() knows no mounts.
  const { dentry } = path
  const above = dentry.parent ?? dentry
  const dots: DirectoryEntry[] = [
    { name: '.', ino: inode.ino, kind: 'directory' },
    { name: '..', ino: above.inode.ino, kind: 'directory' },
  ]
  return [...dots, ...(inode.entries?.(task) ?? [])]
}

function getdents(task: Task, file: OpenFile, size: number): Outcome {
  const call = 'getdents64(2)'
  if (file.inode.kind !== 'directory') return deny('ENOTDIR', call, `${call}: it is not a directory`)
  if (!mayBeRead(file.flags)) return deny('EBADF', call, `${call}: the descriptor is not open for reading`)
  if (file.path.dentry.deleted) return deny('ENOENT', call, `${call}: the directory has been removed`)
  const isCounted = file.operations instanceof TmpfsDirectory && !task.kernel.since(6, 12)
  if (file.operations?.listsByOffset && !isCounted) return getdentsByOffset(task, file, size)
  const names = file.offset === 0 || file.listing === undefined ? listing(task, file) : file.listing
  const parts: Uint8Array[] = []
  let used = 0
  let at = file.offset
  for (; at < names.length; at++) {
    const entry = names[at]!
    const name = encode(entry.name)
    const length = (19 + name.length + 1 + 7) & ~7
    if (used + length > size) break
    parts.push(record(entry, name, length, at + 1))
    used += length
  }
  if (parts.length === 0 && at < names.length)
    return deny('EINVAL', call, `${call}: the buffer is too small for the next entry`)
  file.listing = names
  file.offset = at
  touch(task, file.path, file.inode)
  return { value: used, data: joined(parts, used) }
}

/**
 * Where offsets belong to names: from the entry at the offset on, or the one before it, or the first; what has been made
 * since stands before. offset_iterate_dir() in fs/libfs.c; of cgroups kernfs_fop_readdir()
 */
function getdentsByOffset(task: Task, file: OpenFile, size: number): Outcome {
  const names = listing(task, file)
  let index = indexAt(names, file.offset)
  const parts: Uint8Array[] = []
  let used = 0
  for (; index < names.length; index++) {
    const name = encode(names[index]!.name)
    const length = (19 + name.length + 1 + 7) & ~7
    if (used + length > size) break
    parts.push(record(names[index]!, name, length, offsetAt(names, index + 1)))
    used += length
  }
  if (parts.length === 0 && index < names.length)
    return deny('EINVAL', 'getdents64(2)', 'getdents64(2): the buffer is too small for the next entry')
  file.offset = offsetAt(names, index)
  touch(task, file.path, file.inode)
  return { value: used, data: joined(parts, used) }
}

function indexAt(names: readonly DirectoryEntry[], at: number): number {
  if (at < 2) return at
  if (at >= endOfDirectory) return names.length
  let best = 2
  let highest = 0
  for (const [index, { offset = 0 }] of names.entries())
    if (offset <= at && offset > highest) {
      best = index
      highest = offset
    }
  return best
}

/** The first entry stands at 2 as well. */
const offsetAt = (names: readonly DirectoryEntry[], index: number): number =>
  index < 2 ? index : (names[index]?.offset ?? endOfDirectory)

function joined(parts: readonly Uint8Array[], used: number): Uint8Array {
  const data = new Uint8Array(used)
  let to = 0
  for (const part of parts) {
    data.set(part, to)
    to += part.length
  }
  return data
}

/** struct linux_dirent64. */
function record({ ino, kind }: DirectoryEntry, name: Uint8Array, length: number, next: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(ino), true)
  view.setBigInt64(8, BigInt(next), true)
  view.setUint16(16, length, true)
  view.setUint8(18, types[kind])
  bytes.set(name, 19)
  return bytes
}

/** Replaces the working directory or the root; the task is then busy there, and no longer where it was. */
function go(task: Task, which: 'cwd' | 'root', { mount, dentry }: Path): number {
  const before = task.fs[which]
  task.fs[which] = hold({ mount, dentry })
  letGo(before)
  return 0
}

function chdir(task: Task, path: Path, call: string): number | Denied {
  const { inode } = path.dentry
  if (inode.kind !== 'directory') return deny('ENOTDIR', call, `${call}: it is not a directory`)
  return (
    inode.refuses?.(task) ??
    checkPermission(task.credentials, path.mount, inode, mayExecute, call) ??
    go(task, 'cwd', path)
  )
}

function getcwd(task: Task, size: number): Outcome {
  const { cwd, root } = task.fs
  if (cwd.dentry.deleted) return deny('ENOENT', 'getcwd(2)', 'getcwd(2): the working directory has been removed')
  const { text, reachable } = pathName(root, cwd)
  const data = encode(`${reachable ? '' : '(unreachable)'}${text}\0`)
  if (data.length > size) return deny('ERANGE', 'getcwd(2)', 'getcwd(2): the path does not fit the buffer')
  return { value: data.length, data }
}

function chroot(task: Task, pathname: string | null): number | Denied {
  const call = 'chroot(2)'
  const path = walk(task, AT_FDCWD, pathname, { call })
  if (isDenied(path)) return path
  const { inode } = path.dentry
  if (inode.kind !== 'directory') return deny('ENOTDIR', 'MNT-027', `${call}: it is not a directory`)
  const refusal = checkPermission(task.credentials, path.mount, inode, mayExecute, call)
  if (refusal) return refusal
  if (!capable(task.credentials, 'SYS_CHROOT', task.credentials.namespace))
    return deny('EPERM', 'MNT-027', `${call}: another root needs CAP_SYS_CHROOT`)
  return go(task, 'root', path)
}

export const calls: Calls = {
  getdents64: full((task, { fd, dirp }) => {
    const file = fileOf(task, fd, 'getdents64(2)')
    return isDenied(file) ? file : getdents(task, file, dirp)
  }),
  chdir: full((task, { path: pathname }) => {
    const path = walk(task, AT_FDCWD, pathname, { call: 'chdir(2)' })
    return isDenied(path) ? path : chdir(task, path, 'chdir(2)')
  }),
  fchdir: full((task, { fd }) => {
    const file = anyFileOf(task, fd, 'fchdir(2)')
    return isDenied(file) ? file : chdir(task, file.path, 'fchdir(2)')
  }),
  getcwd: full((task, { buf }) => getcwd(task, buf)),
  chroot: full((task, { path }) => chroot(task, path)),
  umask: full((task, { mask }) => {
    const before = task.fs.umask
    task.fs.umask = int(mask) & 0o777
    return before
  }),
}

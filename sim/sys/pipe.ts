// pipe2, memfd_create, sync and their kin. pipe(2), memfd_create(2), sync(2), fsync(2), posix_fadvise(2)

import { type Denied, deny, isDenied, type Outcome } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { anonymousMount, newAnonymousInode } from '../vfs/anonymous.ts'
import { Dentry } from '../vfs/dentry.ts'
import { OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { internalMount } from '../vfs/mounting.ts'
import { begun, endFile, release } from '../vfs/open.ts'
import { Pipe } from '../vfs/pipe.ts'
import { PipeFile } from '../vfs/pipe-file.ts'
import { Tmpfs } from '../vfs/tmpfs.ts'
import { SEAL, TmpfsFile } from '../vfs/tmpfs-file.ts'
import { longerThan } from '../vfs/utf8.ts'
import { descriptorsMax, fdNumber, fileOf, int, uint } from './arguments.ts'

function pipe(task: Task, flags: number): Outcome {
  const call = 'pipe(2)'
  if (flags & ~(O.CLOEXEC | O.NONBLOCK | O.DIRECT)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const { kernel, files } = task
  const mount = anonymousMount(kernel, 'pipefs')
  const inode = newAnonymousInode(kernel, mount.superblock, 'fifo', 0o600, task.credentials)
  const dentry = new Dentry(mount.superblock, inode, `pipe:[${inode.ino}]`, undefined)
  const made = new Pipe()
  inode.pipe = made
  const ends = [O.NONBLOCK & flags, (flags & (O.NONBLOCK | O.DIRECT)) | O.WRONLY].map((bits) => {
    const file = new OpenFile(inode, { mount, dentry }, bits, task.credentials)
    file.operations = new PipeFile(made, file, inode)
    return begun(file)
  })
  const closeOnExec = (flags & O.CLOEXEC) !== 0
  const limit = descriptorsMax(task)
  const first = files.add(ends[0]!, closeOnExec, limit)
  const second = first === undefined ? undefined : files.add(ends[1]!, closeOnExec, limit)
  if (first === undefined || second === undefined) {
    if (first === undefined) endFile(ends[0]!)
    else release(files.take(first)!)
    endFile(ends[1]!)
    return deny('EMFILE', call, `${call}: the process has no room for two descriptors more`)
  }
  const data = new Uint8Array(8)
  const view = new DataView(data.buffer)
  view.setInt32(0, first, true)
  view.setInt32(4, second, true)
  return { value: 0, data }
}

const MFD = { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 0x10 } as const

function memfd(task: Task, label: string | null, flags: number): number | Denied {
  const call = 'memfd_create(2)'
  if (flags & ~0x1f && !(flags & MFD.HUGETLB)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (flags & MFD.EXEC && flags & MFD.NOEXEC_SEAL)
    return deny('EINVAL', call, `${call}: MFD_EXEC and MFD_NOEXEC_SEAL exclude each other`)
  if (flags & MFD.HUGETLB) return deny('ENOSYS', call, `${call}: huge pages are not modelled`)
  if (label === null) return deny('EFAULT', call, `${call}: the name is no pointer`)
  if (longerThan(label, 249)) return deny('EINVAL', call, `${call}: a name has at most 249 bytes`)
  const { kernel } = task
  const mount = internalMount(kernel, () => new Tmpfs(kernel, kernel.initial.user, {}), 'tmpfs')
  const superblock = mount.superblock as Tmpfs
  const { fsuid: uid, fsgid: gid } = task.credentials
  const executable = !(flags & MFD.NOEXEC_SEAL)
  const inode = superblock.newInode({ kind: 'file', mode: executable ? 0o777 : 0o666, uid, gid })
  inode.linkCount = 0
  inode.seals = flags & (MFD.ALLOW_SEALING | MFD.NOEXEC_SEAL) ? 0 : SEAL.SEAL
  if (!executable) inode.seals |= SEAL.EXEC
  const dentry = new Dentry(superblock, inode, `/memfd:${label} (deleted)`, undefined)
  const file = new OpenFile(inode, { mount, dentry }, O.RDWR | O.LARGEFILE, task.credentials)
  file.operations = new TmpfsFile(inode, file)
  file.isNoWriter = true
  begun(file)
  const fd = task.files.add(file, (flags & MFD.CLOEXEC) !== 0, descriptorsMax(task))
  if (fd !== undefined) return fd
  endFile(file)
  return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
}

/** File systems without fsync, and those whose directories have none. */
const unsynchronised: ReadonlySet<string> = new Set(['proc', 'nsfs', 'mqueue', 'devpts', 'pidfs'])
const unsynchronisedDirectories: ReadonlySet<string> = new Set(['cgroup', 'cgroup2', 'sysfs'])

/** Nothing waits to be written to a disk; the descriptor has to be one that could. */
function synchronise(task: Task, fd: number, call: string): number | Denied {
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  const { kind, superblock } = file.inode
  const hasNone = kind === 'directory' && unsynchronisedDirectories.has(superblock.type)
  const written = kind === 'file' || kind === 'directory' || kind === 'block'
  if (call !== 'syncfs(2)' && (!written || hasNone || unsynchronised.has(superblock.type)))
    return deny('EINVAL', call, `${call}: this kind of file has nothing to be written`)
  return 0
}

export const calls: Calls = {
  pipe: full((task) => pipe(task, 0)),
  pipe2: full((task, { flags }) => pipe(task, int(flags))),
  memfd_create: full((task, { label, flags }) => memfd(task, label, uint(flags))),
  sync: full(() => 0),
  syncfs: full((task, { fd }) => synchronise(task, fdNumber(fd), 'syncfs(2)')),
  fsync: full((task, { fd }) => synchronise(task, fdNumber(fd), 'fsync(2)')),
  fdatasync: full((task, { fd }) => synchronise(task, fdNumber(fd), 'fdatasync(2)')),
  fadvise64: full((task, { fd, advice }) => {
    const call = 'posix_fadvise(2)'
    const file = fileOf(task, fd, call)
    if (isDenied(file)) return file
    if (file.inode.kind === 'fifo') return deny('ESPIPE', call, `${call}: a pipe takes no advice`)
    return int(advice) >= 0 && int(advice) <= 5 ? 0 : deny('EINVAL', call, `${call}: there is no such advice`)
  }),
}

// read, write and their kin. read(2), write(2), pread(2), readv(2), sendfile(2), copy_file_range(2)

import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { Dentry } from '../vfs/dentry.ts'
import type { OpenFile } from '../vfs/file.ts'
import { mayBeRead, mayBeWritten, O } from '../vfs/flags.ts'
import type { InodeKind } from '../vfs/inode.ts'
import { IN, notify } from '../vfs/notify.ts'
import { privilegesDropped } from '../vfs/rights.ts'
import { touch } from '../vfs/times.ts'
import { encode } from '../vfs/utf8.ts'
import { fileOf, int, long } from './arguments.ts'

/** MAX_RW_COUNT: what one call moves at most. */
const countMax = 0x7ffff000
const RLIMIT_FSIZE = 1
const SIGXFSZ = 25

/** What is written, as bytes. */
const bytesOf = (bytes: Uint8Array | string): Uint8Array => (typeof bytes === 'string' ? encode(bytes) : bytes)

/** Reads at the offset of the description, or at one that is given. */
export function readFile(task: Task, file: OpenFile, count: number, at?: number): Reply {
  const { operations, inode } = file
  if (!mayBeRead(file.flags)) return deny('EBADF', 'read(2)', 'read(2): the descriptor is not open for reading')
  if (inode.kind === 'directory') return deny('EISDIR', 'read(2)', 'read(2): a directory is read by getdents64(2)')
  if (operations?.read === undefined) return deny('EINVAL', 'read(2)', 'read(2): this kind of file cannot be read')
  const reply = operations.read(task, Math.min(count, countMax), at ?? file.offset)
  if (typeof reply !== 'object' || !('value' in reply)) return reply
  if (operations.seekable) {
    if (at === undefined) file.offset += reply.value
    if (reply.value > 0) touch(task, file.path, inode)
  }
  if (inode.watchers !== undefined || file.path.dentry.parent?.inode.watchers !== undefined)
    if (reply.value > 0) notify(file.path.dentry, IN.ACCESS)
  return reply
}

/** Writes at the offset of the description (its end with O_APPEND), or at one that is given. */
export function writeFile(task: Task, file: OpenFile, bytes: Uint8Array, at?: number): Reply {
  const { operations, inode, flags } = file
  if (!mayBeWritten(flags)) return deny('EBADF', 'write(2)', 'write(2): the descriptor is not open for writing')
  if (operations?.write === undefined) return deny('EINVAL', 'write(2)', 'write(2): this kind of file takes no data')
  if (!operations.seekable) return told(file, operations.write(task, bytes, 0))
  let offset = at ?? file.offset
  let data = bytes
  if (inode.kind === 'file') {
    // "Appends even where pwrite(2) is told an offset": pwrite(2) BUGS.
    if (flags & O.APPEND) offset = inode.sizeBytes
    const room = roomForFile(task, offset, data.length)
    if (typeof room !== 'number') return room
    if (room < data.length) data = data.subarray(0, room)
    // Files that the kernel makes may have something against nothing.
    if (data.length === 0 && !operations.writesEachBuffer) return 0
  }
  const reply = operations.write(task, data, offset)
  const written = typeof reply === 'number' ? reply : 'value' in reply ? reply.value : undefined
  if (written === undefined) return reply
  if (at === undefined && !operations.keepsOffset) file.offset = offset + written
  if (written > 0) inode.mode = privilegesDropped(task, file.path.mount, inode)
  return told(file, reply)
}

/** writev(2): as one piece, but for files that take each buffer by itself. do_loop_readv_writev() */
function writeVector(task: Task, file: OpenFile, parts: readonly Uint8Array[]): Reply {
  if (mayBeWritten(file.flags) && file.operations?.write && parts.every(({ length }) => length === 0)) return 0
  if (!file.operations?.writesEachBuffer) return writeFile(task, file, joined(parts))
  let done = 0
  for (const part of parts) {
    const reply = writeFile(task, file, part)
    const written = typeof reply === 'number' ? reply : 'value' in reply ? reply.value : undefined
    if (written === undefined) return done > 0 ? done : reply
    done += written
    if (written < part.length) break
  }
  return done
}

function told(file: OpenFile, reply: Reply): Reply {
  if (typeof reply === 'number' ? reply > 0 : 'value' in reply) notify(file.path.dentry, IN.MODIFY)
  return reply
}

/** How much RLIMIT_FSIZE leaves: a write beyond it sends SIGXFSZ. getrlimit(2) */
function roomForFile(task: Task, offset: number, count: number): number | Denied {
  const limit = task.process.limits.get(RLIMIT_FSIZE)?.soft
  if (limit === undefined || count === 0 || offset + count <= limit) return count
  if (offset < limit) return limit - offset
  task.kernel.sendSignal(task, SIGXFSZ)
  return deny('EFBIG', 'write(2)', 'write(2): the file would be larger than RLIMIT_FSIZE allows')
}

const negativeOffset = (name: string): Denied => deny('EINVAL', name, `${name}: the offset is negative`)

/** An explicit offset: EINVAL below zero, ESPIPE for streams. */
function checkOffset(file: OpenFile, offset: number, name: string): Denied | undefined {
  if (offset < 0) return negativeOffset(name)
  const { operations, inode } = file
  // Devices like null have offsets that mean nothing.
  const meaningless = (inode.kind === 'character' && operations?.seek !== undefined) || operations?.isUnreadable
  if (!operations?.seekable && !meaningless) return deny('ESPIPE', name, `${name}: a stream has no offsets`)
  return undefined
}

const SEEK = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const

function seek(task: Task, file: OpenFile, offset: number, whence: number): Reply {
  const { operations, inode } = file
  if (whence < 0 || whence > SEEK.HOLE) return deny('EINVAL', 'lseek(2)', 'lseek(2): whence is none of SEEK_*')
  if (operations?.seek) return operations.seek(task, offset, whence)
  if (!operations?.seekable) return deny('ESPIPE', 'lseek(2)', 'lseek(2): a stream has no offsets')
  const end = inode.kind === 'directory' ? 0 : inode.sizeBytes
  // Directories of trees that the kernel makes are sought in as empty files. generic_file_llseek()
  const sized = inode.kind === 'file' || /^(proc|sysfs|cgroup2?)$/.test(inode.superblock.type)
  // default_llseek() compares with a sign, generic_file_llseek() without.
  const signed = inode.superblock.type === 'proc' && /^oom_/.test(file.path.dentry.name)
  let to: number
  if (signed && offset < 0 && (whence === SEEK.DATA || whence === SEEK.HOLE)) to = whence === SEEK.HOLE ? end : offset
  else if (whence === SEEK.SET) to = offset
  else if (whence === SEEK.CUR) to = file.offset + offset
  else if (whence === SEEK.END && sized) to = end + offset
  else if ((whence === SEEK.DATA || whence === SEEK.HOLE) && sized) {
    if (offset < 0 || offset >= end) return deny('ENXIO', 'lseek(2)', 'lseek(2): the offset is beyond the end')
    const data = whence === SEEK.DATA
    to = operations.seekData?.(offset, data) ?? (data ? offset : end)
    if (data && to >= end) return deny('ENXIO', 'lseek(2)', 'lseek(2): there is no data behind the offset')
  } else return deny('EINVAL', 'lseek(2)', 'lseek(2): whence is none of SEEK_*')
  if (to < 0) return deny('EINVAL', 'lseek(2)', 'lseek(2): the offset would be negative')
  if (to === 0 || inode.kind !== 'directory') file.listing = to === 0 ? undefined : file.listing
  file.offset = to
  return to
}

/** Moves bytes inside of the kernel. A refusal after the first bytes is not told. */
function copy(task: Task, from: OpenFile, to: OpenFile, count: number, fromAt?: number, toAt?: number): Reply {
  let done = 0
  while (done < count) {
    const part = Math.min(count - done, 65_536)
    const before = from.offset
    const reply = readFile(task, from, part, fromAt === undefined ? undefined : fromAt + done)
    if (typeof reply !== 'object' || !('value' in reply)) return done > 0 ? done : reply
    const { data } = reply
    if (data === undefined || data.length === 0) return done
    const written = writeFile(task, to, data, toAt === undefined ? undefined : toAt + done)
    const took = typeof written === 'number' ? written : 'value' in written ? written.value : 0
    if (took < data.length && fromAt === undefined && from.operations?.seekable) from.offset = before + took
    if (took === 0) return done > 0 ? done : written
    done += took
    if (took < data.length) return done
  }
  return done
}

/** Kinds that have splice_read and can be sought in: of streams bytes would be lost. */
const sendable: ReadonlySet<InodeKind> = new Set(['file', 'block', 'character'])

/** Neither queues, namespaces and processes have splice_read, nor files of /proc/PID but for the lists of mounts. */
function hasNoSplice({ inode, path }: OpenFile): boolean {
  if (inode.superblock.type === 'mqueue' || inode.superblock.type === 'nsfs' || inode.superblock.type === 'pidfs')
    return true
  if (inode.superblock.type !== 'proc' || path.dentry.name.startsWith('mount')) return false
  return belowProcess(path.dentry)
}

function belowProcess(dentry: Dentry): boolean {
  let top = dentry
  while (top.parent?.parent) top = top.parent
  return /^\d+$/.test(top.name)
}

/** Files of processes take no pages. */
function hasNoSpliceWrite({ inode, path }: OpenFile): boolean {
  return inode.superblock.type === 'proc' && inode.kind === 'file' && belowProcess(path.dentry)
}

function sendfile(task: Task, out: OpenFile, from: OpenFile, offset: Uint8Array | null, count: number): Reply {
  if (!mayBeRead(from.flags)) return deny('EBADF', 'sendfile(2)', 'sendfile(2): the source is not open for reading')
  if (!mayBeWritten(out.flags)) return deny('EBADF', 'sendfile(2)', 'sendfile(2): the target is not open for writing')
  if (out.flags & O.APPEND) return deny('EINVAL', 'sendfile(2)', 'sendfile(2): the target was opened with O_APPEND')
  if (count === 0) return 0
  if (from.inode.kind === 'socket' && out.inode.kind === 'fifo')
    return deny('ENOSYS', 'sendfile(2)', 'sendfile(2): from a socket into a pipe is not modelled')
  if (!sendable.has(from.inode.kind) || hasNoSplice(from))
    return deny('EINVAL', 'sendfile(2)', 'sendfile(2): this kind of file cannot be the source')
  if (hasNoSpliceWrite(out)) {
    const before = from.offset
    const reply = readFile(task, from, 1)
    from.offset = before
    const isEmpty = typeof reply === 'object' && 'value' in reply && reply.value === 0
    return isEmpty ? 0 : deny('EINVAL', 'sendfile(2)', 'sendfile(2): this kind of file cannot be the target')
  }
  if (offset === null && from === out) {
    // Both places are known beforehand, and both move on. do_sendfile()
    const at = from.offset
    const reply = copy(task, from, out, count, at, at)
    if (typeof reply === 'number') from.offset = at + reply
    return reply
  }
  if (offset === null) return copy(task, from, out, count)
  if (offset.length < 8) return deny('EFAULT', 'sendfile(2)', 'sendfile(2): the offset is not all there')
  const view = new DataView(offset.buffer, offset.byteOffset, 8)
  const start = Number(view.getBigInt64(0, true))
  const refusal = checkOffset(from, start, 'sendfile(2)')
  if (refusal) return refusal
  const reply = copy(task, from, out, count, start)
  const value = typeof reply === 'number' ? reply : undefined
  if (value === undefined) return reply
  const data = offset.slice()
  new DataView(data.buffer).setBigInt64(0, BigInt(start + value), true)
  return { value, data }
}

function copyRange(task: Task, from: OpenFile, to: OpenFile, count: number, flags: number): Reply {
  const no = (errno: 'EBADF' | 'EINVAL' | 'EISDIR', why: string) =>
    deny(errno, 'copy_file_range(2)', `copy_file_range(2): ${why}`)
  if (flags !== 0) return no('EINVAL', 'it has no flags')
  const kinds = [from.inode.kind, to.inode.kind]
  if (kinds.includes('directory')) return no('EISDIR', 'a directory has no content')
  if (kinds.some((kind) => kind !== 'file')) return no('EINVAL', 'both have to be regular files')
  if (!mayBeRead(from.flags) || !mayBeWritten(to.flags) || to.flags & O.APPEND)
    return no('EBADF', 'one is not open for it, or with O_APPEND')
  if (from.inode.superblock !== to.inode.superblock)
    return deny('EXDEV', 'copy_file_range(2)', 'copy_file_range(2): the files are on different file systems')
  const length = Math.max(0, Math.min(count, from.inode.sizeBytes - from.offset))
  if (from.inode === to.inode && Math.abs(from.offset - to.offset) < length)
    return no('EINVAL', 'the two ranges of one file overlap')
  return copy(task, from, to, length)
}

export const calls: Calls = {
  read: full((task, { fd, buf }) => {
    const file = fileOf(task, fd, 'read(2)')
    return isDenied(file) ? file : readFile(task, file, buf)
  }),
  readv: full((task, { fd, iov }) => {
    const file = fileOf(task, fd, 'readv(2)')
    return isDenied(file) ? file : readFile(task, file, iov)
  }),
  pread64: full((task, { fd, buf, offset }) => {
    const at = long(offset)
    if (at < 0) return negativeOffset('pread(2)')
    const file = fileOf(task, fd, 'pread(2)')
    if (isDenied(file)) return file
    return checkOffset(file, at, 'pread(2)') ?? readFile(task, file, buf, at)
  }),
  write: full((task, { fd, buf }) => {
    const file = fileOf(task, fd, 'write(2)')
    return isDenied(file) ? file : writeFile(task, file, bytesOf(buf))
  }),
  writev: full((task, { fd, iov }) => {
    const file = fileOf(task, fd, 'writev(2)')
    return isDenied(file) ? file : writeVector(task, file, iov.map(bytesOf))
  }),
  pwrite64: full((task, { fd, buf, offset }) => {
    const at = long(offset)
    if (at < 0) return negativeOffset('pwrite(2)')
    const file = fileOf(task, fd, 'pwrite(2)')
    if (isDenied(file)) return file
    if (file.operations?.isSequence) return deny('ESPIPE', 'pwrite(2)', 'pwrite(2): a seq_file is written at its start')
    return checkOffset(file, at, 'pwrite(2)') ?? writeFile(task, file, bytesOf(buf), at)
  }),
  lseek: full((task, { fd, offset, whence }) => {
    const file = fileOf(task, fd, 'lseek(2)')
    return isDenied(file) ? file : seek(task, file, long(offset), int(whence))
  }),
  sendfile: partial('not from a socket into a pipe', (task, { out_fd, in_fd, offset, count }) => {
    const from = fileOf(task, in_fd, 'sendfile(2)')
    if (isDenied(from)) return from
    const out = fileOf(task, out_fd, 'sendfile(2)')
    return isDenied(out) ? out : sendfile(task, out, from, offset, Math.min(long(count), countMax))
  }),
  copy_file_range: partial('no explicit offsets', (task, { fd_in, off_in, fd_out, off_out, len, flags }) => {
    const from = fileOf(task, fd_in, 'copy_file_range(2)')
    if (isDenied(from)) return from
    const to = fileOf(task, fd_out, 'copy_file_range(2)')
    if (isDenied(to)) return to
    if (long(off_in) !== 0 || long(off_out) !== 0)
      return deny('ENOSYS', 'copy_file_range(2)', 'copy_file_range(2): explicit offsets are not modelled')
    return copyRange(task, from, to, Math.min(long(len), countMax), int(flags))
  }),
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

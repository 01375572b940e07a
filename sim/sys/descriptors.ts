// close, dup, fcntl, flock: descriptors, and what belongs to an open description. close(2), dup(2), fcntl(2), flock(2)

import type { Fd } from '../../core/syscall.ts'
import { type Blocked, type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { mayBeRead, mayBeWritten, O } from '../vfs/flags.ts'
import { locksOf } from '../vfs/locks.ts'
import { release } from '../vfs/open.ts'
import { ownsOrCapable } from '../vfs/permission.ts'
import { anyFileOf, descriptorsMax, fdNumber, fileOf, int, long, uint } from './arguments.ts'

const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  DUPFD_QUERY: 1027,
  DUPFD_CLOEXEC: 1030,
} as const
/** What fcntl(2) does on a descriptor that O_PATH has made. */
const onPaths: ReadonlySet<number> = new Set([F.DUPFD, F.DUPFD_CLOEXEC, F.DUPFD_QUERY, F.GETFD, F.SETFD, F.GETFL])
const changeable = O.APPEND | O.NONBLOCK | O.DIRECT | O.NOATIME | O.ASYNC

const badDescriptor = (call: string, fd: number): Denied =>
  deny('EBADF', call, `${call}: ${fd} is not, or cannot be, a descriptor`)
const tooMany = (call: string): Denied =>
  deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)

function duplicate(task: Task, file: OpenFile, from: number, closeOnExec: boolean, call: string): number | Denied {
  return task.files.add(file, closeOnExec, descriptorsMax(task), from) ?? tooMany(call)
}

function duplicateTo(task: Task, fd: number, to: number, closeOnExec: boolean, call: string): number | Denied {
  if (to < 0 || to >= descriptorsMax(task)) return badDescriptor(call, to)
  const file = anyFileOf(task, fd, call)
  if (isDenied(file)) return file
  const before = task.files.put(to, file, closeOnExec)
  if (before) release(before)
  return to
}

function close(task: Task, fd: number): number | Denied {
  const file = task.files.take(fd)
  if (file === undefined) return badDescriptor('close(2)', fd)
  release(file)
  return 0
}

const CLOSE_RANGE_UNSHARE = 2
const CLOSE_RANGE_CLOEXEC = 4

function closeRange(task: Task, first: number, last: number, flags: number): number | Denied {
  if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
    return deny('EINVAL', 'close_range(2)', 'close_range(2): there are unknown flags')
  if (first > last) return deny('EINVAL', 'close_range(2)', 'close_range(2): the first is behind the last')
  if (flags & CLOSE_RANGE_UNSHARE && task.files.users > 1) {
    task.files.users -= 1
    task.files = task.files.copy()
  }
  for (const [fd, descriptor] of task.files.entries()) {
    if (fd < first || fd > last) continue
    if (flags & CLOSE_RANGE_CLOEXEC) descriptor.closeOnExec = true
    else close(task, fd)
  }
  return 0
}

function fcntl(task: Task, fd: number, command: number, arg: number): Reply {
  const call = 'fcntl(2)'
  const file = anyFileOf(task, fd, call)
  if (isDenied(file)) return file
  if (file.flags & O.PATH && !onPaths.has(command)) return badDescriptor(call, fd)
  switch (command) {
    case F.DUPFD:
    case F.DUPFD_CLOEXEC:
      if (arg < 0 || arg >= descriptorsMax(task))
        return deny('EINVAL', call, `${call}: the lowest number wanted is beyond RLIMIT_NOFILE`)
      return duplicate(task, file, arg, command === F.DUPFD_CLOEXEC, call)
    case F.DUPFD_QUERY:
      if (!task.kernel.since(6, 10)) break
      return task.files.get(arg)?.file === file ? 1 : 0
    case F.GETFD:
      return task.files.get(fd)!.closeOnExec ? 1 : 0
    case F.SETFD:
      task.files.get(fd)!.closeOnExec = (arg & 1) !== 0
      return 0
    case F.GETFL:
      return file.flags
    case F.SETFL:
      return setFlags(task, file, arg)
  }
  const reply = file.operations?.fcntl?.(task, command, arg)
  if (reply !== undefined) return reply
  if (pipeSizes.has(command)) return badDescriptor(call, fd)
  if (command === F_ADD_SEALS && !mayBeWritten(file.flags))
    return deny('EPERM', call, `${call}: the descriptor is not open for writing`)
  if (recordLocks.has(command)) return deny('ENOSYS', call, `${call}: locks on records are not modelled`)
  return deny('EINVAL', call, `${call}: this kind of file does not know the command ${command}`)
}

const F_ADD_SEALS = 1033
/** F_SETPIPE_SZ and F_GETPIPE_SZ. */
const pipeSizes: ReadonlySet<number> = new Set([1031, 1032])
const recordLocks: ReadonlySet<number> = new Set([5, 6, 7, 36, 37, 38])

function setFlags(task: Task, file: OpenFile, arg: number): number | Denied {
  const gains = arg & ~file.flags
  if (gains & O.NOATIME && !ownsOrCapable(task.credentials, file.path.mount, file.inode))
    return deny('EPERM', 'fcntl(2)', 'fcntl(2): O_NOATIME is for the owner')
  file.flags = (file.flags & ~changeable) | (arg & changeable)
  return 0
}

const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const

function flock(task: Task, fd: Fd, operation: number): Reply {
  const kind = operation & ~LOCK.NB
  if (kind !== LOCK.SH && kind !== LOCK.EX && kind !== LOCK.UN)
    return deny('EINVAL', 'flock(2)', 'flock(2): the operation is none of LOCK_*')
  const file = fileOf(task, fd, 'flock(2)')
  if (isDenied(file)) return file
  if (kind === LOCK.UN) {
    file.inode.locks?.giveBack(file)
    return 0
  }
  if (!mayBeRead(file.flags) && !mayBeWritten(file.flags))
    return deny('EBADF', 'flock(2)', 'flock(2): the descriptor is open for neither reading nor writing')
  const locks = locksOf(file.inode)
  const wanted = kind === LOCK.SH ? 'shared' : 'exclusive'
  if (locks.take(file, wanted)) return 0
  if (operation & LOCK.NB) return deny('EAGAIN', 'flock(2)', 'flock(2): LOCK_NB, and another has the lock')
  const again = () => (locks.take(file, wanted) ? { value: 0 } : undefined)
  const blocked: Blocked = { queues: [locks.changes], again, interruptible: true }
  return blocked
}

export const calls: Calls = {
  close: full((task, { fd }) => close(task, fdNumber(fd))),
  close_range: full((task, { first, last, flags }) => closeRange(task, uint(first), uint(last), uint(flags))),
  dup: full((task, { oldfd }) => {
    const file = anyFileOf(task, oldfd, 'dup(2)')
    return isDenied(file) ? file : duplicate(task, file, 0, false, 'dup(2)')
  }),
  dup2: full((task, { oldfd, newfd }) => {
    const [from, to] = [fdNumber(oldfd), fdNumber(newfd)]
    if (from !== to) return duplicateTo(task, from, to, false, 'dup2(2)')
    const file = anyFileOf(task, from, 'dup2(2)')
    return isDenied(file) ? file : from
  }),
  dup3: full((task, { oldfd, newfd, flags }) => {
    const [from, to, bits] = [fdNumber(oldfd), fdNumber(newfd), int(flags)]
    if (bits & ~O.CLOEXEC) return deny('EINVAL', 'dup3(2)', 'dup3(2): O_CLOEXEC is the only flag')
    if (from === to) return deny('EINVAL', 'dup3(2)', 'dup3(2): both descriptors are the same')
    return duplicateTo(task, from, to, bits !== 0, 'dup3(2)')
  }),
  fcntl: partial('no locks on records, leases or owners', (task, { fd, cmd, arg }) =>
    fcntl(task, fdNumber(fd), int(cmd), long(arg)),
  ),
  flock: full((task, { fd, operation }) => flock(task, fd, int(operation))),
}

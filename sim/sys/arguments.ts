// Arguments of calls as Linux reads its registers, and descriptors as open files.

import type { Fd, Result } from '../../core/syscall.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import type { Path } from '../vfs/path.ts'
import { walk } from '../vfs/walk.ts'

/** A whole argument as a number; what does not fit a double exactly is a limit or a mask anyway. */
export const long = (value: number | bigint | Result): number => Number(value as number | bigint)

/** As the kernel's `int`. */
export const int = (value: number | bigint | Result): number =>
  typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value as bigint))

/** As the kernel's `unsigned int`. */
export const uint = (value: number | bigint | Result): number => int(value) >>> 0

export const fdNumber = (fd: Fd): number => (fd as number) | 0

export const O_PATH = 0o10000000

/** What a descriptor stands for. EBADF: nothing, or it was opened with O_PATH. */
export function fileOf(task: Task, fd: Fd, call: string): OpenFile | Denied {
  const file = task.files.get(fd as number)?.file
  if (file === undefined || file.flags & O_PATH) return notOpen(fd, call, file)
  return file
}

/** The same where O_PATH does not matter. */
export function anyFileOf(task: Task, fd: Fd, call: string): OpenFile | Denied {
  return task.files.get(fd as number)?.file ?? notOpen(fd, call)
}

function notOpen(fd: Fd, call: string, file?: OpenFile): Denied {
  const why = file ? 'was opened with O_PATH' : 'is not open'
  return deny('EBADF', call, `${call}: descriptor ${fdNumber(fd)} ${why}`)
}

const RLIMIT_NOFILE = 7

/** RLIMIT_NOFILE of the process. getrlimit(2) */
export function descriptorsMax(task: Task): number {
  const limit = task.process.limits.get(RLIMIT_NOFILE)
  return limit === undefined ? 1024 : (limit.soft ?? 1_048_576)
}

const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000

/** What a call of the *at kind is about, by the flags that all of them have. */
export function fileAt(task: Task, dirfd: number, pathname: string | null, flags: number, call: string): Path | Denied {
  const emptyPath = (flags & AT_EMPTY_PATH) !== 0
  return walk(task, dirfd, pathname, { follow: (flags & AT_SYMLINK_NOFOLLOW) === 0, emptyPath, call })
}

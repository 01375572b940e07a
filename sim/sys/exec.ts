// execve, execveat: arguments and rights in Linux's order; the rest is in life/exec.ts. execve(2), execveat(2)

import { execCredentials } from '../exec-credentials.ts'
import { execute } from '../life/exec.ts'
import { findExecutable } from '../life/exec-file.ts'
import { exceedsProcesses, limitOf, RLIMIT } from '../life/limits.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { encode } from '../vfs/utf8.ts'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../vfs/walk.ts'
import { fdNumber, int } from './arguments.ts'

const stringBytesMost = 131_072
const argumentBytesMost = 6_291_456

function exec(
  task: Task,
  dirfd: number,
  pathname: string | null,
  argv: readonly string[],
  envp: readonly string[],
  flags: number,
): number | Denied {
  const call = dirfd === AT_FDCWD ? 'execve(2)' : 'execveat(2)'
  if (pathname === '' && !(flags & AT_EMPTY_PATH)) return deny('ENOENT', call, `${call}: the path is empty`)
  if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return deny('EINVAL', call, `${call}: there are unknown flags`)
  if (task.hasTooManyProcesses && exceedsProcesses(task, 0))
    return deny('EAGAIN', 'CLN-102', `${call}: the user has more processes than RLIMIT_NPROC allows`)
  task.hasTooManyProcesses = false
  const options = {
    follow: !(flags & AT_SYMLINK_NOFOLLOW),
    emptyPath: (flags & AT_EMPTY_PATH) !== 0,
    opened: () => tooLong(task, argv, envp, call),
  }
  // Since Linux 5.18 an empty argv has one empty string.
  const executable = findExecutable(task, dirfd, pathname, argv.length === 0 ? [''] : argv, options)
  if (isDenied(executable)) return executable
  const become = execCredentials(task, executable.path)
  if (isDenied(become)) return become
  execute(task, executable, envp, become)
  return 0
}

/** E2BIG is found after the file was opened, and before it is looked into. */
function tooLong(task: Task, argv: readonly string[], envp: readonly string[], call: string): Denied | undefined {
  const stack = limitOf(task, RLIMIT.STACK).soft ?? Number.POSITIVE_INFINITY
  const most = Math.max(stringBytesMost, Math.min(argumentBytesMost, stack / 4))
  let bytes = 0
  for (const text of [...argv, ...envp]) {
    const length = encode(text).length + 1
    if (length > stringBytesMost) return deny('E2BIG', 'CLN-107', `${call}: an argument is longer than 128 KiB`)
    bytes += length + 8
  }
  if (bytes > most) return deny('E2BIG', 'CLN-107', `${call}: arguments and environment are too long together`)
  return undefined
}

const note = 'runs scripts and the programs that the machine was given; no machine code'

export const calls: Calls = {
  execve: partial(note, (task, { pathname, argv, envp }) => exec(task, AT_FDCWD, pathname, argv, envp, 0)),
  execveat: partial(note, (task, { dirfd, pathname, argv, envp, flags }) =>
    exec(task, fdNumber(dirfd), pathname, argv, envp, int(flags)),
  ),
}

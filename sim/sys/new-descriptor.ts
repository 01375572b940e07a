// A descriptor for an open file without a path: eventfd, epoll, timerfd, signalfd, inotify.

import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { anonymousFile } from '../vfs/anonymous.ts'
import type { FileOperations, OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { endFile } from '../vfs/open.ts'
import { descriptorsMax } from './arguments.ts'

/**
 * @param label - as /proc/PID/fd shows it: `[eventfd]`
 * @param flags - O_NONBLOCK and O_CLOEXEC, which all kinds spell alike, and the access mode
 */
export function newDescriptor(
  task: Task,
  label: string,
  flags: number,
  operationsOf: (file: OpenFile) => FileOperations,
): number | Denied {
  const call = label.replaceAll(/[[\]]/g, '')
  const file = anonymousFile(task, label, flags & (O.NONBLOCK | O.ACCMODE))
  file.operations = operationsOf(file)
  const fd = task.files.add(file, (flags & O.CLOEXEC) !== 0, descriptorsMax(task))
  if (fd !== undefined) return fd
  endFile(file)
  return deny('EMFILE', call, `${call}: the process has as many descriptors as RLIMIT_NOFILE allows`)
}

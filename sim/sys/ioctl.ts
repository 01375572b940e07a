// ioctl: requests that all descriptors know, and those of each kind of file. ioctl(2)

import type { Fd } from '../../core/syscall.ts'
import { deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import type { OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { fdNumber, fileOf, long, uint } from './arguments.ts'

const FIONCLEX = 0x5450
const FIOCLEX = 0x5451
const FIONBIO = 0x5421
const FIOASYNC = 0x5452
const FIONREAD = 0x541b

function ioctl(task: Task, fd: Fd, request: number, arg: Uint8Array | number): Reply {
  const call = 'ioctl(2)'
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  switch (request) {
    case FIOCLEX:
    case FIONCLEX:
      task.files.get(fdNumber(fd))!.closeOnExec = request === FIOCLEX
      return 0
    case FIONBIO:
    case FIOASYNC: {
      const on = typeof arg === 'number' ? arg !== 0 : arg.some((byte) => byte !== 0)
      const bit = request === FIONBIO ? O.NONBLOCK : O.ASYNC
      file.flags = on ? file.flags | bit : file.flags & ~bit
      return 0
    }
    case FIONREAD:
      if (file.inode.kind === 'file' && !isAnonymous(task, file)) return left(file.inode.sizeBytes - file.offset)
  }
  return file.operations?.ioctl?.(task, request, arg) ?? deny('ENOTTY', call, `${call}: the file knows no such request`)
}

/** Since Linux 6.16 pidfds are asked themselves. IS_ANON_FILE() */
const isAnonymous = ({ kernel }: Task, { inode }: OpenFile): boolean =>
  inode.superblock.type === 'pidfs' && kernel.since(6, 16)

function left(bytes: number): Reply {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setInt32(0, bytes, true)
  return { value: 0, data }
}

export const calls: Calls = {
  ioctl: full((task, { fd, request, arg }) => ioctl(task, fd, uint(request), arg)),
  ioctl_int: full((task, { fd, request, arg }) => ioctl(task, fd, uint(request), long(arg))),
}

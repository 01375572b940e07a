// The ends of a pipe as open files: of pipe2(2) and of a fifo that was opened. fifo(7)

import { capable } from '../credentials.ts'
import { pageBytes } from '../memory.ts'
import { type Blocked, type Denied, deny, type Reply } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from './file.ts'
import { mayBeRead, mayBeWritten, O } from './flags.ts'
import type { Inode } from './inode.ts'
import { Pipe } from './pipe.ts'
import { POLLERR, POLLHUP, readable, writable } from './poll-events.ts'

const F_SETPIPE_SZ = 1031
const F_GETPIPE_SZ = 1032
const FIONREAD = 0x541b
/** fs.pipe-max-size */
const pipeBytesMax = 1_048_576

export class PipeFile implements FileOperations {
  readonly seekable = false
  readonly pipe: Pipe
  readonly #file: OpenFile
  readonly #inode: Inode
  /** Writers that were there before it was opened do not count as having gone. */
  #writerOpensSeen = -1

  constructor(pipe: Pipe, file: OpenFile, inode: Inode) {
    this.pipe = pipe
    this.#file = file
    this.#inode = inode
    if (mayBeRead(file.flags)) {
      pipe.readers += 1
      pipe.readerOpens += 1
      if (pipe.writers === 0) this.#writerOpensSeen = pipe.writerOpens
    }
    if (mayBeWritten(file.flags)) {
      pipe.writers += 1
      pipe.writerOpens += 1
    }
  }

  read(_task: Task, count: number): Reply {
    return this.pipe.read(count, (this.#file.flags & O.NONBLOCK) !== 0)
  }

  write(task: Task, bytes: Uint8Array): Reply {
    const { flags } = this.#file
    return this.pipe.write(task, bytes, (flags & O.NONBLOCK) !== 0, (flags & O.DIRECT) !== 0)
  }

  poll() {
    const { pipe } = this
    let events = 0
    if (mayBeRead(this.#file.flags)) {
      if (!pipe.empty) events |= readable
      if (pipe.writers === 0 && pipe.writerOpens !== this.#writerOpensSeen) events |= POLLHUP
    }
    if (mayBeWritten(this.#file.flags)) {
      if (!pipe.full) events |= writable
      if (pipe.readers === 0) events |= POLLERR
    }
    return { events, queues: [pipe.forReaders, pipe.forWriters] }
  }

  ioctl(_task: Task, request: number): Reply {
    if (request !== FIONREAD) return deny('ENOTTY', 'ioctl(2)', 'ioctl(2): a pipe does not know this request')
    const data = new Uint8Array(4)
    new DataView(data.buffer).setInt32(0, this.pipe.byteCount, true)
    return { value: 0, data }
  }

  fcntl(task: Task, command: number, arg: number): Reply | undefined {
    if (command === F_GETPIPE_SZ) return this.pipe.buffersMax * pageBytes
    if (command !== F_SETPIPE_SZ) return undefined
    return resize(task, this.pipe, arg)
  }

  release(): void {
    const { pipe } = this
    if (mayBeRead(this.#file.flags)) pipe.readers -= 1
    if (mayBeWritten(this.#file.flags)) pipe.writers -= 1
    if (pipe.readers + pipe.writers === 0) {
      pipe.end()
      this.#inode.pipe = undefined
      return
    }
    pipe.forReaders.wake()
    pipe.forWriters.wake()
  }

  /** For the digest. */
  hidden(): object {
    return { writerOpensSeen: this.#writerOpensSeen }
  }
}

/** Rounded up to pages, and those to a power of two. fcntl(2) F_SETPIPE_SZ */
function resize(task: Task, pipe: Pipe, bytes: number): Denied | number {
  let pages = 1
  while (pages * pageBytes < bytes) pages *= 2
  if (bytes <= 0 || pages * pageBytes > 2 ** 31)
    return deny('EINVAL', 'fcntl(2)', 'fcntl(2): a pipe has between one page and 2 GiB')
  const { credentials, kernel } = task
  if (
    pages > pipe.buffersMax &&
    pages * pageBytes > (kernel.sysctls.get('pipe-max-size') ?? pipeBytesMax) &&
    !capable(credentials, 'SYS_RESOURCE', kernel.initial.user)
  )
    return deny('EPERM', 'pipe(7)', 'pipe(7): beyond fs.pipe-max-size needs CAP_SYS_RESOURCE')
  if (pages < pipe.buffersUsed)
    return deny('EBUSY', 'fcntl(2)', 'fcntl(2): the pipe holds more than the new size would')
  const wasFull = pipe.full
  pipe.buffersMax = pages
  if (wasFull && !pipe.full) pipe.forWriters.wake()
  return pages * pageBytes
}

/** What opening one end of a fifo gives; it may have to wait for the other end. */
export interface FifoOpening {
  readonly operations: PipeFile
  /** Absent: the open is complete. */
  readonly wait?: Omit<Blocked, 'again'> & { readonly ready: () => boolean }
}

/** The opener waits for the other end, unless it opens both or does not wait. fifo_open() in fs/pipe.c */
export function openFifo(inode: Inode, file: OpenFile): FifoOpening | Denied {
  const { flags } = file
  const known = inode.pipe
  const nonblocking = (flags & O.NONBLOCK) !== 0
  if (!mayBeRead(flags) && !mayBeWritten(flags))
    return deny('EINVAL', 'fifo(7)', 'fifo(7): it is opened for reading, for writing or for both')
  const writesOnly = mayBeWritten(flags) && !mayBeRead(flags)
  if (writesOnly && nonblocking && !(known && known.readers > 0))
    return deny('ENXIO', 'fifo(7)', 'fifo(7): nobody has the fifo open for reading, and the open does not wait')
  const pipe = known ?? new Pipe()
  inode.pipe = pipe
  const operations = new PipeFile(pipe, file, inode)
  const reads = mayBeRead(flags)
  const writes = mayBeWritten(flags)
  // Those who wait for this end to be opened go on.
  if (reads) pipe.forWriters.wake()
  if (writes) pipe.forReaders.wake()
  if (nonblocking || (reads && writes)) return { operations }
  if (reads ? pipe.writers > 0 : pipe.readers > 0) return { operations }
  const seen = reads ? pipe.writerOpens : pipe.readerOpens
  const ready = () => (reads ? pipe.writerOpens : pipe.readerOpens) !== seen
  return { operations, wait: { queues: [reads ? pipe.forReaders : pipe.forWriters], ready, interruptible: true } }
}

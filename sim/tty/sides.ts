// Both sides of a pseudoterminal as open files. pty(7), ioctl_tty(2)

import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { SIG } from '../signal/numbers.ts'
import { descriptorsMax } from '../sys/arguments.ts'
import type { Task } from '../task.ts'
import { type FileOperations, OpenFile } from '../vfs/file.ts'
import { O } from '../vfs/flags.ts'
import { begun } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { POLLHUP, readable, writable } from '../vfs/poll-events.ts'
import { asForeground } from './background.ts'
import type { Terminal } from './terminal.ts'

const T = {
  CGETS: 0x5401,
  CSETS: 0x5402,
  CSETSW: 0x5403,
  CSETSF: 0x5404,
  IOCSCTTY: 0x540e,
  IOCGPGRP: 0x540f,
  IOCSPGRP: 0x5410,
  IOCGWINSZ: 0x5413,
  IOCSWINSZ: 0x5414,
  IOCNOTTY: 0x5422,
  IOCGSID: 0x5429,
  IOCGPTPEER: 0x5441,
  IOCGPTN: 0x80045430,
  IOCSPTLCK: 0x40045431,
} as const

const nonblocking = ({ flags }: OpenFile): boolean => (flags & O.NONBLOCK) !== 0
const noPointer = (): Denied => deny('EFAULT', 'ioctl_tty(2)', 'ioctl(2): there is no place for the value')
const notIts = (): Denied => deny('ENOTTY', 'ioctl_tty(2)', 'ioctl(2): it is not the caller’s controlling terminal')

function put(arg: Uint8Array | number, value: Uint8Array): Reply {
  if (!(arg instanceof Uint8Array)) return noPointer()
  const data = arg.slice()
  data.set(value.subarray(0, data.length))
  return { value: 0, data }
}

const word = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

/** TIOCSPGRP */
function setForeground({ process, pidNamespace }: Task, terminal: Terminal, arg: Uint8Array | number): Reply {
  if (process.terminal !== terminal || terminal.session !== process.session) return notIts()
  if (!(arg instanceof Uint8Array)) return noPointer()
  const number = new DataView(arg.buffer, arg.byteOffset).getInt32(0, true)
  const group = number < 0 ? undefined : pidNamespace.find(number)
  if (number < 0) return deny('EINVAL', 'ioctl_tty(2)', 'ioctl(2): there is no such process group')
  if (!group || group.group.size === 0) return deny('ESRCH', 'ioctl_tty(2)', 'ioctl(2): there is no such process group')
  const [member] = group.group
  if (member!.session !== process.session)
    return deny('EPERM', 'ioctl_tty(2)', 'ioctl(2): the process group is of another session')
  terminal.foreground = group
  return 0
}

function common(task: Task, terminal: Terminal, request: number, arg: Uint8Array | number): Reply | undefined {
  const { process, pidNamespace } = task
  switch (request) {
    case T.CGETS:
      return put(arg, terminal.termios)
    case T.CSETS:
    case T.CSETSW:
    case T.CSETSF:
      if (!(arg instanceof Uint8Array)) return noPointer()
      return asForeground(task, terminal, SIG.TTOU, () => {
        terminal.termios.set(arg.subarray(0, 36))
        return 0
      })
    case T.IOCGWINSZ:
      return put(arg, terminal.windowSize)
    case T.IOCSWINSZ: {
      if (!(arg instanceof Uint8Array)) return noPointer()
      const same = terminal.windowSize.every((byte, at) => byte === arg[at])
      terminal.windowSize = arg.slice(0, 8)
      if (!same) terminal.signal(SIG.WINCH)
      return 0
    }
    case T.IOCSCTTY:
      return terminal.control(task)
    case T.IOCNOTTY:
      if (process.terminal !== terminal) return notIts()
      if (process.session === process.leader.entry) terminal.disassociate()
      process.terminal = undefined
      return 0
    case T.IOCGPGRP:
      if (process.terminal !== terminal) return notIts()
      return put(arg, word(terminal.foreground?.in(pidNamespace) ?? 0))
    case T.IOCGSID:
      if (process.terminal !== terminal) return notIts()
      return put(arg, word(terminal.session?.in(pidNamespace) ?? 0))
    case T.IOCSPGRP:
      return asForeground(task, terminal, SIG.TTOU, () => setForeground(task, terminal, arg))
  }
  return undefined
}

const unknown = (): Denied => deny('ENOTTY', 'ioctl_tty(2)', 'ioctl(2): terminals know no such request')

/** @param slavePath - where the other side is in its devpts: TIOCGPTPEER opens it there */
export function masterSide(
  file: OpenFile,
  terminal: Terminal,
  slavePath: () => Path | Denied,
  gone: () => void,
): FileOperations {
  return {
    seekable: false,
    read: (_task, count) => terminal.readOutput(count, nonblocking(file)),
    write: (_task, bytes) => terminal.type(bytes),
    poll: () => ({
      events:
        writable | (terminal.hasOutput ? readable : 0) | (terminal.hadSlave && terminal.slaves === 0 ? POLLHUP : 0),
      queues: [terminal.changes],
    }),
    ioctl(task, request, arg) {
      switch (request >>> 0) {
        case T.IOCGPTN:
          return put(arg, word(terminal.number))
        case T.IOCSPTLCK:
          if (!(arg instanceof Uint8Array)) return noPointer()
          terminal.locked = arg[0] !== 0
          return 0
        case T.IOCGPTPEER: {
          const path = slavePath()
          return isDenied(path) ? path : openPeer(task, terminal, path, Number(arg as number))
        }
      }
      return common(task, terminal, request >>> 0, arg) ?? unknown()
    },
    release() {
      terminal.masterOpen = false
      terminal.disassociate()
      terminal.changes.wake()
      gone()
    },
  }
}

function openPeer(task: Task, terminal: Terminal, path: Path, flags: number): Reply {
  if (task.files.lowest() >= descriptorsMax(task))
    return deny('EMFILE', 'ioctl_tty(2)', 'ioctl(2): the process has as many descriptors as RLIMIT_NOFILE allows')
  const file = new OpenFile(path.dentry.inode, path, flags & ~(O.CLOEXEC | O.NOCTTY), task.credentials)
  const operations = slaveSide(file, terminal, true)
  if (isDenied(operations)) return operations
  file.operations = operations
  return task.files.add(begun(file), (flags & O.CLOEXEC) !== 0, descriptorsMax(task))!
}

export function slaveSide(file: OpenFile, terminal: Terminal, peer = false): FileOperations | Denied {
  if (!terminal.masterOpen || (terminal.locked && !peer))
    return deny('EIO', 'pty(7)', 'open(2): the terminal is locked, or nobody has its other side')
  terminal.slaves += 1
  terminal.hadSlave = true
  return {
    seekable: false,
    read: (task, count) => asForeground(task, terminal, SIG.TTIN, () => terminal.readInput(count, nonblocking(file))),
    write: (_task, bytes) => terminal.print(bytes),
    poll: () => ({
      events: writable | (terminal.hasInput ? readable : 0) | (terminal.masterOpen ? 0 : readable | POLLHUP),
      queues: [terminal.changes],
    }),
    ioctl: (task, request, arg) => common(task, terminal, request >>> 0, arg) ?? unknown(),
    release() {
      terminal.slaves -= 1
      terminal.changes.wake()
    },
  }
}

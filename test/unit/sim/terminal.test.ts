// Terminals: an instance of devpts each mount, lines, signals from the keyboard, hang-ups. pty(7), pts(4)

import { describe, expect, it } from 'vitest'
import { isDenied } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'

const AT_FDCWD = -100
const [TIOCSPTLCK, TIOCGPTN, TIOCSCTTY, TIOCGWINSZ, TIOCSWINSZ] = [0x40045431, 0x80045430, 0x540e, 0x5413, 0x5414]
const NOCTTY = 0o400

const open = (task: Task, pathname: string, flags = 2 | NOCTTY) =>
  call(task, { name: 'openat', dirfd: AT_FDCWD, pathname, flags, mode: 0 })
const opened = (task: Task, pathname: string, flags?: number): number => {
  const outcome = open(task, pathname, flags)
  if (isDenied(outcome)) throw new Error(`${pathname}: ${outcome.errno}`)
  return outcome.value
}
const ioctl = (task: Task, fd: number, request: number, arg = new Uint8Array(4)) =>
  call(task, { name: 'ioctl', fd, request, arg })
const read = (task: Task, fd: number): string => {
  const outcome = call(task, { name: 'read', fd, buf: 100 })
  return isDenied(outcome) ? outcome.errno : new TextDecoder().decode(outcome.data)
}

function pair(task: Task) {
  const master = opened(task, '/dev/ptmx')
  value(task, { name: 'ioctl', fd: master, request: TIOCSPTLCK, arg: new Uint8Array(4) })
  return { master, slave: opened(task, '/dev/pts/0') }
}

describe('a pseudoterminal', () => {
  it('is locked until its master opens it', () => {
    const { init } = boot()
    const master = opened(init, '/dev/ptmx')
    expect(errno(open(init, '/dev/pts/0'))).toBe('EIO')
    ioctl(init, master, TIOCSPTLCK)
    expect(errno(open(init, '/dev/pts/0'))).toBeUndefined()
    const number = ioctl(init, master, TIOCGPTN)
    expect(isDenied(number) ? -1 : number.data![0]).toBe(0)
  })

  it('gives whole lines, echoes them, and turns newlines into two characters', () => {
    const { init } = boot()
    const { master, slave } = pair(init)
    value(init, { name: 'write', fd: master, buf: 'ab\x7fc\r' })
    expect(read(init, slave)).toBe('ac\n')
    value(init, { name: 'write', fd: slave, buf: 'x\n' })
    const echoed = [1, 2, 3, 4, 5, 6].map(() => read(init, master)).join('')
    expect(echoed).toBe('ab\b \bc\r\nx\r\n')
  })

  it('sends SIGINT to the foreground of its session for ^C', () => {
    const { init } = boot()
    const { master } = pair(init)
    value(init, { name: 'clone', flags: 17, stack: 0, parent_tid: 0, child_tid: 0, tls: 0 })
    const child = init.kernel.lastBorn!
    value(child, { name: 'setsid' })
    const own = opened(child, '/dev/pts/0')
    value(child, { name: 'ioctl_int', fd: own, request: TIOCSCTTY, arg: 0 })
    expect(errno(open(child, '/dev/tty'))).toBeUndefined()
    value(init, { name: 'write', fd: master, buf: '\x03' })
    expect(child.process.ending?.signal).toBe(2)
  })

  it('keeps the size of its window, and is gone with its master', () => {
    const { init } = boot()
    const { master, slave } = pair(init)
    ioctl(init, slave, TIOCSWINSZ, Uint8Array.of(24, 0, 80, 0, 0, 0, 0, 0))
    const size = ioctl(init, master, TIOCGWINSZ, new Uint8Array(8))
    expect(isDenied(size) ? [] : Array.from(size.data!.subarray(0, 4))).toEqual([24, 0, 80, 0])
    value(init, { name: 'close', fd: master })
    expect(errno(call(init, { name: 'write', fd: slave, buf: 'x' }))).toBe('EIO')
    expect(errno(open(init, '/dev/pts/0'))).toBe('ENOENT')
  })

  it('belongs to one mount of devpts: another begins with 0 again', () => {
    const { init } = boot()
    opened(init, '/dev/ptmx')
    const options = { filesystemtype: 'devpts', mountflags: 0, data: 'newinstance,ptmxmode=0666,mode=0620,gid=5' }
    value(init, { name: 'mount', source: 'devpts', target: '/tmp', ...options })
    const master = opened(init, '/tmp/ptmx')
    const number = ioctl(init, master, TIOCGPTN)
    expect(isDenied(number) ? -1 : number.data![0]).toBe(0)
  })
})

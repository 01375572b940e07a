// POSIX message queues: one file system for each IPC namespace, by call and by mount.

import { describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { decode } from '../../../sim/vfs/utf8.ts'
import { begin, boot, call, data, errno, value } from '../../support/sim.ts'
import { child, login, NEW } from '../../support/sim-namespaces.ts'

const O = { RDWR: 2, CREAT: 0o100, EXCL: 0o200, NONBLOCK: 0o4000 }
const open = (task: Task, mq: string, oflag: number) =>
  call(task, { name: 'mq_open', mq, oflag, mode: 0o600, attr: null })
const fresh = (): Task => child(boot().init)

function make(task: Task, mq: string, oflag = O.RDWR | O.CREAT): number {
  return value(task, { name: 'mq_open', mq, oflag, mode: 0o600, attr: null })
}

function mountAt(task: Task, target: string): void {
  value(task, { name: 'mkdir', pathname: target, mode: 0o755 })
  value(task, { name: 'mount', source: 'mqueue', target, filesystemtype: 'mqueue', mountflags: 0, data: null })
}

describe('mq_open', () => {
  it('makes a queue once, with O_CREAT, by a name without slashes', () => {
    const task = fresh()
    expect(errno(open(task, 'q', O.RDWR))).toBe('ENOENT')
    make(task, 'q')
    expect(errno(open(task, 'q', O.RDWR | O.CREAT | O.EXCL))).toBe('EEXIST')
    expect(errno(open(task, '/q', O.RDWR))).toBe('EACCES')
    const other = child(task)
    login(other, 1000)
    expect(errno(open(other, 'q', O.RDWR))).toBe('EACCES')
    expect(errno(call(other, { name: 'mq_unlink', mq: 'q' }))).toBe('EPERM')
  })

  it('IPC-001: keeps to its IPC namespace', () => {
    const task = fresh()
    make(task, 'q')
    expect(errno(open(child(task, NEW.IPC), 'q', O.RDWR))).toBe('ENOENT')
  })

  it('IPC-005: shows its queues in every mount of the namespace, whoever looks there', () => {
    const task = child(boot().init, NEW.NS)
    mountAt(task, '/tmp/one')
    mountAt(task, '/tmp/two')
    make(task, 'q')
    const other = child(task, NEW.IPC)
    for (const directory of ['/tmp/one', '/tmp/two'])
      expect(errno(call(other, { name: 'access', pathname: `${directory}/q`, mode: 0 })), directory).toBeUndefined()
    mountAt(other, '/tmp/three')
    expect(errno(call(other, { name: 'access', pathname: '/tmp/three/q', mode: 0 }))).toBe('ENOENT')
    value(task, { name: 'mq_unlink', mq: 'q' })
    expect(errno(call(task, { name: 'access', pathname: '/tmp/one/q', mode: 0 }))).toBe('ENOENT')
  })

  it('IPC-006: goes with the last of the namespace', () => {
    const { init } = boot()
    const task = child(init, NEW.IPC)
    make(task, 'q')
    const { ipc } = task.namespaces
    value(task, { name: 'exit_group', status: 0 })
    expect(ipc.references).toBe(0)
    expect(ipc.queueMount!.superblock.mounts).toBe(0)
  })
})

describe('messages', () => {
  const send = (task: Task, mqdes: number, msg: string, prio = 0) =>
    call(task, { name: 'mq_timedsend', mqdes, msg, prio, abs_timeout: null })

  it('come by priority, and wait for each other', () => {
    const task = fresh()
    const mqdes = make(task, 'q')
    send(task, mqdes, 'low', 1)
    send(task, mqdes, 'high', 9)
    const receive = { name: 'mq_timedreceive', mqdes, msg: 8192, prio: 0, abs_timeout: null } as const
    expect(decode(data(task, receive))).toBe('high')
    expect(decode(data(task, receive))).toBe('low')
    const other = child(task)
    begin(task, receive)
    send(other, mqdes, 'late')
    expect(task.kernel.finish(task)).toMatchObject({ value: 4 })
  })

  it('are refused when they are too long, too many, or not for this descriptor', () => {
    const task = fresh()
    const mqdes = make(task, 'q', O.RDWR | O.CREAT | O.NONBLOCK)
    expect(errno(send(task, mqdes, 'x'.repeat(8193)))).toBe('EMSGSIZE')
    expect(errno(send(task, mqdes, 'x', 32768))).toBe('EINVAL')
    expect(errno(send(task, 0, 'x'))).toBe('EBADF')
    for (let sent = 0; sent < 10; sent++) expect(errno(send(task, mqdes, 'x'))).toBeUndefined()
    expect(errno(send(task, mqdes, 'x'))).toBe('EAGAIN')
    expect(decode(data(task, { name: 'pread64', fd: mqdes, buf: 100, offset: 0 }))).toMatch(/^QSIZE:10 /)
  })

  it('stay with the descriptor when their IPC namespace has ended', () => {
    const task = fresh()
    value(task, { name: 'unshare', flags: NEW.IPC })
    const mqdes = make(task, 'q', O.RDWR | O.CREAT | O.NONBLOCK)
    send(task, mqdes, 'kept')
    const mount = task.namespaces.ipc.queueMount!
    value(task, { name: 'unshare', flags: NEW.IPC })
    expect(mount.superblock.mounts).toBe(1)
    expect(decode(data(task, { name: 'mq_timedreceive', mqdes, msg: 8192, prio: 0, abs_timeout: null }))).toBe('kept')
    value(task, { name: 'close', fd: mqdes })
    expect(mount.superblock.mounts).toBe(0)
  })
})

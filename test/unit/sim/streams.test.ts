// Files that wait: pipes, fifos, locks, and what tells of them: poll, epoll, timers, inotify. pipe(7), epoll(7)

import { beforeEach, describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import type { Kernel } from '../../../sim/kernel.ts'
import type { Task } from '../../../sim/task.ts'
import { begin, boot, call, data, errno, value } from '../../support/sim.ts'
import { thread } from '../../support/sim-tasks.ts'

let kernel: Kernel
let init: Task
let other: Task
const O = { WRONLY: 1, RDWR: 2, CREAT: 0o100, NONBLOCK: 0o4000, DIRECT: 0o40000, CLOEXEC: 0o2000000 }
const refusal = (syscall: Syscall) => errno(call(init, syscall))
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes)
const read = (fd: number, buf = 100): Syscall => ({ name: 'read', fd, buf })
const write = (fd: number, buf: string | Uint8Array): Syscall => ({ name: 'write', fd, buf })
const words = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 4 }, (_, index) =>
    new DataView(bytes.buffer, bytes.byteOffset).getInt32(4 * index, true),
  )

function pipe(flags = 0): readonly [number, number] {
  const [from, to] = words(data(init, { name: 'pipe2', pipefd: 8, flags }))
  return [from!, to!]
}

beforeEach(() => {
  ;({ kernel, init } = boot())
  other = thread(init)
})

describe('a pipe', () => {
  it('makes a reader wait until something is written, and ends when nobody can write', () => {
    const [from, to] = pipe()
    begin(other, read(from))
    value(init, write(to, 'hello'))
    expect(text((kernel.finish(other) as { data: Uint8Array }).data)).toBe('hello')
    begin(other, read(from))
    value(init, { name: 'close', fd: to })
    expect(kernel.finish(other)).toMatchObject({ value: 0 })
  })

  it('takes 65536 bytes and makes a writer wait for room for the rest', () => {
    const [from, to] = pipe()
    begin(other, write(to, new Uint8Array(70_000)))
    value(init, read(from, 4000))
    expect(other.blocked).toBeDefined()
    value(init, read(from, 10_000))
    expect(kernel.finish(other)).toEqual({ value: 70_000 })
  })

  it('takes a part when it does not wait, and nothing of what is atomic and does not fit', () => {
    const [from, to] = pipe(O.NONBLOCK)
    expect(refusal(read(from))).toBe('EAGAIN')
    expect(value(init, write(to, new Uint8Array(70_000)))).toBe(65_536)
    expect(refusal(write(to, 'x'))).toBe('EAGAIN')
    value(init, read(from, 100))
    expect(refusal(write(to, new Uint8Array(4096)))).toBe('EAGAIN')
  })

  it('answers EPIPE and sends SIGPIPE when nobody can read', () => {
    const signals: number[] = []
    kernel.sendSignal = (_task, signal) => signals.push(signal)
    const [from, to] = pipe()
    value(init, { name: 'close', fd: from })
    expect(refusal(write(to, 'x'))).toBe('EPIPE')
    expect(signals).toEqual([13])
  })

  it('tells a writer that a signal has interrupted how much it has written', () => {
    const [, to] = pipe()
    begin(other, write(to, new Uint8Array(70_000)))
    kernel.scheduler.interrupt(other)
    expect(kernel.finish(other)).toEqual({ value: 65_536 })
    begin(other, write(to, 'x'))
    kernel.scheduler.interrupt(other)
    expect(kernel.finish(other)).toMatchObject({ errno: 'EINTR' })
  })

  it('keeps packets apart with O_DIRECT', () => {
    const [from, to] = pipe(O.DIRECT)
    value(init, write(to, 'one'))
    value(init, write(to, 'two'))
    expect(text(data(init, read(from, 2)))).toBe('on')
    expect(text(data(init, read(from)))).toBe('two')
  })

  it('is as large as is asked, in pages, and not smaller than what is in it', () => {
    const [from, to] = pipe()
    const size = (arg: number): Syscall => ({ name: 'fcntl', fd: from, cmd: 1031, arg })
    expect(value(init, size(5000))).toBe(8192)
    value(init, write(to, new Uint8Array(8192)))
    expect(refusal(size(4096))).toBe('EBUSY')
    expect(value(init, { name: 'fcntl', fd: to, cmd: 1032, arg: 0 })).toBe(8192)
  })
})

describe('a fifo', () => {
  const open = (flags: number): Syscall => ({ name: 'open', pathname: '/tmp/fifo', flags, mode: 0 })

  beforeEach(() => value(init, { name: 'mknod', pathname: '/tmp/fifo', mode: 0o010644, dev: 0 }))

  it('is opened when both ends are', () => {
    begin(other, open(0))
    const to = value(init, open(O.WRONLY))
    const from = (kernel.finish(other) as { value: number }).value
    value(init, write(to, 'x'))
    expect(text(data(init, read(from)))).toBe('x')
  })

  it('is opened at once by who does not wait, for writing only if somebody reads', () => {
    expect(refusal(open(O.WRONLY | O.NONBLOCK))).toBe('ENXIO')
    const from = value(init, open(O.NONBLOCK))
    expect(call(init, read(from))).toMatchObject({ value: 0 })
    expect(refusal(open(O.WRONLY | O.NONBLOCK))).toBeUndefined()
    expect(refusal(read(from))).toBe('EAGAIN')
  })

  it('is not open any more for who was interrupted while he waited', () => {
    begin(other, open(0))
    kernel.scheduler.interrupt(other)
    expect(kernel.finish(other)).toMatchObject({ errno: 'EINTR' })
    expect(refusal(open(O.WRONLY | O.NONBLOCK))).toBe('ENXIO')
  })
})

describe('flock', () => {
  const lock = (fd: number, operation: number): Syscall => ({ name: 'flock', fd, operation })
  const open = () => value(init, { name: 'open', pathname: '/tmp/lock', flags: O.CREAT, mode: 0o644 })

  it('is held by the open description: shared by several, exclusively by one, until it is closed', () => {
    const [a, b] = [open(), open()]
    value(init, lock(a, 1))
    value(init, lock(b, 1))
    expect(refusal(lock(b, 2 | 4))).toBe('EAGAIN')
    value(init, lock(a, 8))
    const copy = value(init, { name: 'dup', oldfd: b })
    value(init, lock(copy, 2))
    begin(other, lock(a, 2))
    value(init, { name: 'close', fd: b })
    expect(other.blocked).toBeDefined()
    value(init, { name: 'close', fd: copy })
    expect(kernel.finish(other)).toEqual({ value: 0 })
  })
})

describe('poll', () => {
  const poll = (fd: number, events: number, timeout: number): Syscall => ({
    name: 'poll',
    fds: [{ fd, events }],
    timeout,
  })
  const revents = (syscall: Syscall) => new DataView(data(init, syscall).buffer).getInt16(6, true)

  it('tells what is ready, what has hung up and what is no descriptor', () => {
    const [from, to] = pipe()
    expect(revents(poll(from, 1, 0))).toBe(0)
    expect(revents(poll(to, 4, 0))).toBe(4)
    value(init, write(to, 'x'))
    expect(revents(poll(from, 1, 0))).toBe(1)
    value(init, { name: 'close', fd: to })
    expect(revents(poll(from, 1, 0))).toBe(0x11)
    expect(revents(poll(99, 1, 0))).toBe(0x20)
  })

  it('waits as long as it is told, in virtual time', () => {
    const [from] = pipe()
    const start = kernel.clock.nowNs
    expect(value(init, poll(from, 1, 250))).toBe(0)
    expect(kernel.clock.nowNs - start).toBe(250e6)
  })

  it('is woken by what happens', () => {
    const [from, to] = pipe()
    begin(other, poll(from, 1, -1))
    value(init, write(to, 'x'))
    expect(kernel.finish(other)).toMatchObject({ value: 1 })
  })
})

describe('epoll', () => {
  const event = (events: number, own: bigint) => {
    const bytes = new Uint8Array(12)
    new DataView(bytes.buffer).setUint32(0, events, true)
    new DataView(bytes.buffer).setBigUint64(4, own, true)
    return bytes
  }
  const control = (epfd: number, op: number, fd: number, events = 1): Syscall => ({
    name: 'epoll_ctl',
    ...{ epfd, op, fd, event: event(events, 7n) },
  })
  const wait = (epfd: number, timeout = 0): Syscall => ({
    name: 'epoll_wait',
    epfd,
    events: 120,
    maxevents: 10,
    timeout,
  })
  const create = () => value(init, { name: 'epoll_create1', flags: 0 })

  it('reports a level again and again, an edge once', () => {
    const [from, to] = pipe()
    const [level, edge] = [create(), create()]
    value(init, control(level, 1, from))
    value(init, control(edge, 1, from, 1 + 2 ** 31))
    value(init, write(to, 'x'))
    expect([1, 2].map(() => value(init, wait(level)))).toEqual([1, 1])
    expect([1, 2].map(() => value(init, wait(edge)))).toEqual([1, 0])
    value(init, write(to, 'y'))
    expect(value(init, wait(edge))).toBe(1)
    value(init, read(from))
    expect(value(init, wait(level))).toBe(0)
  })

  it('reports what was asked for with its own data, once with EPOLLONESHOT', () => {
    const [from, to] = pipe()
    const epfd = create()
    value(init, control(epfd, 1, from, 1 + 2 ** 30))
    begin(other, wait(epfd, -1))
    value(init, write(to, 'x'))
    const { data: bytes } = kernel.finish(other) as { data: Uint8Array }
    expect([...bytes]).toEqual([1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0])
    expect(value(init, wait(epfd))).toBe(0)
    value(init, control(epfd, 3, from))
    expect(value(init, wait(epfd))).toBe(1)
  })

  it('refuses files that are always ready, itself, what is in already and what is not', () => {
    const epfd = create()
    const [from] = pipe()
    const file = value(init, { name: 'open', pathname: '/tmp', flags: 0, mode: 0 })
    expect(refusal(control(epfd, 1, file))).toBe('EPERM')
    expect(refusal(control(epfd, 1, epfd))).toBe('EINVAL')
    expect(refusal(control(from, 1, epfd))).toBe('EINVAL')
    expect(refusal(control(epfd, 3, from))).toBe('ENOENT')
    value(init, control(epfd, 1, from))
    expect(refusal(control(epfd, 1, from))).toBe('EEXIST')
    const second = create()
    value(init, control(second, 1, epfd))
    expect(refusal(control(epfd, 1, second))).toBe('ELOOP')
  })

  it('forgets what is closed', () => {
    const [from, to] = pipe()
    const epfd = create()
    value(init, control(epfd, 1, from))
    value(init, write(to, 'x'))
    value(init, { name: 'close', fd: from })
    expect(value(init, wait(epfd))).toBe(0)
  })
})

describe('descriptors that count', () => {
  it('eventfd: a read takes the sum, or one with EFD_SEMAPHORE', () => {
    const fd = value(init, { name: 'eventfd2', initval: 2, flags: O.NONBLOCK })
    value(init, write(fd, new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0])))
    expect(data(init, read(fd))[0]).toBe(5)
    expect(refusal(read(fd))).toBe('EAGAIN')
    const semaphore = value(init, { name: 'eventfd2', initval: 2, flags: 1 })
    expect([data(init, read(semaphore))[0], data(init, read(semaphore))[0]]).toEqual([1, 1])
    begin(other, read(semaphore))
    value(init, write(semaphore, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])))
    expect(kernel.finish(other)).toMatchObject({ value: 8 })
  })

  it('timerfd: a read waits for the next expiration and tells how many there were', () => {
    const fd = value(init, { name: 'timerfd_create', clockid: 1, flags: 0 })
    const times = new Uint8Array(32)
    new DataView(times.buffer).setBigInt64(8, 100_000_000n, true)
    new DataView(times.buffer).setBigInt64(24, 50_000_000n, true)
    value(init, { name: 'timerfd_settime', fd, flags: 0, new_value: times, old_value: 0 })
    expect(data(init, read(fd))[0]).toBe(1)
    expect(kernel.clock.nowNs).toBe(50e6)
    value(init, { name: 'poll', fds: [], timeout: 320 })
    expect(data(init, read(fd))[0]).toBe(3)
    expect(data(init, { name: 'timerfd_gettime', fd, curr_value: 32 })[24 + 3]).toBe(4)
    expect(refusal({ name: 'timerfd_create', clockid: 3, flags: 0 })).toBe('EINVAL')
  })
})

describe('inotify', () => {
  const IN = { MODIFY: 2, ATTRIB: 4, CREATE: 0x100, DELETE: 0x200, DELETE_SELF: 0x400, IGNORED: 0x8000, MOVED: 0xc0 }

  function eventsOf(fd: number): string[] {
    const outcome = call(init, read(fd, 4096))
    if (!('data' in outcome)) return []
    const bytes = outcome.data!
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const events: string[] = []
    for (let at = 0; at < bytes.length; at += 16 + view.getUint32(at + 12, true)) {
      const name = text(bytes.subarray(at + 16, at + 16 + view.getUint32(at + 12, true))).replaceAll('\0', '')
      events.push(`${view.getInt32(at, true)} ${view.getUint32(at + 4, true).toString(16)} ${name}`.trim())
    }
    return events
  }

  it('tells what happens in a directory, and to a file until that is gone', () => {
    const fd = value(init, { name: 'inotify_init1', flags: O.NONBLOCK })
    const watch = (pathname: string, mask: number) => value(init, { name: 'inotify_add_watch', fd, pathname, mask })
    watch('/tmp', IN.CREATE | IN.DELETE | IN.MOVED)
    const file = value(init, { name: 'creat', pathname: '/tmp/file', mode: 0o644 })
    watch('/tmp/file', IN.MODIFY | IN.DELETE_SELF)
    value(init, write(file, 'x'))
    value(init, write(file, 'y'))
    value(init, { name: 'mkdir', pathname: '/tmp/d', mode: 0o755 })
    value(init, { name: 'rename', oldpath: '/tmp/d', newpath: '/tmp/e' })
    expect(eventsOf(fd)).toEqual(['1 100 file', '2 2', '1 40000100 d', '1 40000040 d', '1 40000080 e'])
    value(init, { name: 'unlink', pathname: '/tmp/file' })
    value(init, { name: 'close', fd: file })
    expect(eventsOf(fd)).toEqual(['1 200 file', '2 400', '2 8000'])
    expect(eventsOf(fd)).toEqual([])
  })

  it('wakes who polls it, and ends a watch when asked', () => {
    const fd = value(init, { name: 'inotify_init1', flags: 0 })
    const wd = value(init, { name: 'inotify_add_watch', fd, pathname: '/tmp', mask: IN.CREATE })
    begin(other, { name: 'poll', fds: [{ fd, events: 1 }], timeout: -1 })
    value(init, { name: 'mkdir', pathname: '/tmp/d', mode: 0o755 })
    expect(kernel.finish(other)).toMatchObject({ value: 1 })
    value(init, { name: 'inotify_rm_watch', fd, wd })
    expect(eventsOf(fd)).toEqual(['1 40000100 d', '1 8000'])
    expect(refusal({ name: 'inotify_rm_watch', fd, wd })).toBe('EINVAL')
  })
})

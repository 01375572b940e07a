// What is in files, what it costs, and the descriptors that lead to it. read(2), write(2), tmpfs(5), memfd_create(2)

import { beforeEach, describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import type { Kernel } from '../../../sim/kernel.ts'
import { deny } from '../../../sim/outcome.ts'
import type { Task } from '../../../sim/task.ts'
import type { Tmpfs } from '../../../sim/vfs/tmpfs.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { mountTmpfs, pathOf } from '../../support/sim-tasks.ts'

let kernel: Kernel
let init: Task
const O = { WRONLY: 1, RDWR: 2, CREAT: 0o100, EXCL: 0o200, TRUNC: 0o1000, APPEND: 0o2000, DIRECTORY: 0o200000 }
const O_TMPFILE = 0o20000000 | O.DIRECTORY
const refusal = (syscall: Syscall) => errno(call(init, syscall))
const open = (pathname: string, flags = 0, mode = 0o644) => value(init, { name: 'open', pathname, flags, mode })
const read = (fd: number, buf = 100): Syscall => ({ name: 'read', fd, buf })
const write = (fd: number, buf: string | Uint8Array): Syscall => ({ name: 'write', fd, buf })
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const contentOf = (pathname: string) => text(data(init, read(open(pathname), 10_000)))
const sizeOf = (fd: number) => {
  const bytes = data(init, { name: 'fstat', fd, statbuf: 144 })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return { size: Number(view.getBigInt64(48, true)), blocks: Number(view.getBigInt64(64, true)) }
}

beforeEach(() => {
  ;({ kernel, init } = boot())
})

describe('a regular file', () => {
  it('is read and written at the offset of its description, which duplicates share', () => {
    const fd = open('/tmp/file', O.RDWR | O.CREAT)
    value(init, write(fd, 'hello world'))
    const copy = value(init, { name: 'dup', oldfd: fd })
    value(init, { name: 'lseek', fd, offset: 6, whence: 0 })
    expect(text(data(init, read(copy, 3)))).toBe('wor')
    expect(text(data(init, { name: 'pread64', fd, buf: 5, offset: 0 }))).toBe('hello')
    value(init, { name: 'pwrite64', fd, buf: 'J', offset: 0 })
    expect(value(init, { name: 'lseek', fd, offset: 0, whence: 1 })).toBe(9)
    expect(contentOf('/tmp/file')).toBe('Jello world')
  })

  it('is written at its end with O_APPEND, whatever the offset', () => {
    const first = open('/tmp/file', O.WRONLY | O.CREAT | O.APPEND)
    const second = open('/tmp/file', O.WRONLY | O.APPEND)
    for (const [fd, buf] of [
      [first, 'a'],
      [second, 'b'],
      [first, 'c'],
    ] as const)
      value(init, write(fd, buf))
    value(init, { name: 'pwrite64', fd: first, buf: 'd', offset: 0 })
    expect(contentOf('/tmp/file')).toBe('abcd')
  })

  it('has holes, which read as zeros and take no room', () => {
    const fd = open('/tmp/file', O.RDWR | O.CREAT)
    value(init, { name: 'pwrite64', fd, buf: 'x', offset: 10_000 })
    expect(sizeOf(fd)).toEqual({ size: 10_001, blocks: 8 })
    expect(data(init, { name: 'pread64', fd, buf: 10, offset: 5000 })).toEqual(new Uint8Array(10))
    expect(value(init, { name: 'lseek', fd, offset: 0, whence: 3 })).toBe(8192)
    value(init, { name: 'ftruncate', fd, length: 3 })
    value(init, { name: 'ftruncate', fd, length: 20_000 })
    expect(sizeOf(fd)).toEqual({ size: 20_000, blocks: 0 })
  })

  it('ends a write at RLIMIT_FSIZE, and sends SIGXFSZ beyond it', () => {
    const signals: number[] = []
    kernel.sendSignal = (_task, signal) => signals.push(signal)
    init.process.limits = new Map([...init.process.limits, [1, { soft: 10, hard: 10 }]])
    const fd = open('/tmp/file', O.WRONLY | O.CREAT)
    expect(value(init, write(fd, 'x'.repeat(12)))).toBe(10)
    expect(refusal(write(fd, 'x'))).toBe('EFBIG')
    expect(signals).toEqual([25])
  })

  it('without a name lives until it is closed; O_TMPFILE makes one that link(2) can name', () => {
    const superblock = pathOf(init, '/tmp').mount.superblock as Tmpfs
    const before = superblock.usedPages
    const fd = open('/tmp/file', O.RDWR | O.CREAT)
    value(init, write(fd, 'x'))
    value(init, { name: 'unlink', pathname: '/tmp/file' })
    expect(text(data(init, { name: 'pread64', fd, buf: 9, offset: 0 }))).toBe('x')
    expect(superblock.usedPages).toBe(before + 1)
    value(init, { name: 'close', fd })
    expect(superblock.usedPages).toBe(before)
    const unnamed = open('/tmp', O_TMPFILE | O.RDWR)
    value(init, write(unnamed, 'y'))
    const link = { olddirfd: unnamed, oldpath: '', newdirfd: -100, newpath: '/tmp/named', flags: 0x1000 } as const
    value(init, { name: 'linkat', ...link })
    expect(contentOf('/tmp/named')).toBe('y')
    expect(refusal({ name: 'open', pathname: '/tmp', flags: O_TMPFILE, mode: 0 })).toBe('EINVAL')
  })

  it('that a program runs from is not written to, nor run while it is written', () => {
    const fd = open('/tmp/program', O.WRONLY | O.CREAT, 0o755)
    const { inode } = pathOf(init, '/tmp/program').dentry
    expect(inode.writers).toBe(1)
    value(init, { name: 'close', fd })
    expect(inode.writers).toBe(0)
    inode.executions = 1
    expect(refusal({ name: 'open', pathname: '/tmp/program', flags: O.WRONLY, mode: 0 })).toBe('ETXTBSY')
    expect(refusal({ name: 'truncate', path: '/tmp/program', length: 0 })).toBe('ETXTBSY')
  })
})

describe('tmpfs', () => {
  it('MNT-034: is full at its size, and at its number of inodes, the root among them', () => {
    mountTmpfs(init, '/home', { sizeBytes: 65_536, inodes: 5 })
    const fd = open('/home/file', O.RDWR | O.CREAT)
    expect(value(init, write(fd, new Uint8Array(70_000)))).toBe(65_536)
    expect(refusal(write(fd, 'x'))).toBe('ENOSPC')
    for (const name of ['a', 'b', 'c']) value(init, { name: 'mkdir', pathname: `/home/${name}`, mode: 0o755 })
    expect(refusal({ name: 'mkdir', pathname: '/home/d', mode: 0o755 })).toBe('ENOSPC')
    const facts = data(init, { name: 'statfs', path: '/home', buf: 120 })
    const view = new DataView(facts.buffer, facts.byteOffset)
    expect([0, 16, 24, 40, 48].map((at) => Number(view.getBigInt64(at, true)))).toEqual([0x01021994, 16, 0, 5, 0])
    value(init, { name: 'ftruncate', fd, length: 4096 })
    value(init, { name: 'lseek', fd, offset: 0, whence: 2 })
    expect(value(init, write(fd, new Uint8Array(5000)))).toBe(5000)
  })

  it('MNT-106: has each page paid for by whoever writes it first, and gives it back when it goes', () => {
    let pages = 0
    const payer = { charged: true } as const
    kernel.memory = {
      charge: (_task, _kind, count) => {
        if (pages + count > 3) return deny('ENOMEM', 'MEM-005', 'memory.max')
        pages += count
        return payer
      },
      uncharge: (_payer, _kind, count) => {
        pages -= count
      },
    } as typeof kernel.memory
    mountTmpfs(init, '/run')
    const fd = open('/run/file', O.RDWR | O.CREAT)
    expect(value(init, write(fd, new Uint8Array(5000)))).toBe(5000)
    expect(pages).toBe(2)
    value(init, { name: 'pwrite64', fd, buf: 'x', offset: 0 })
    expect(pages).toBe(2)
    expect(refusal({ name: 'fallocate', fd, mode: 0, offset: 0, len: 40_960 })).toBe('ENOMEM')
    expect(pages).toBe(2)
    value(init, { name: 'fallocate', fd, mode: 3, offset: 0, len: 4096 })
    expect(pages).toBe(1)
    value(init, { name: 'unlink', pathname: '/run/file' })
    value(init, { name: 'close', fd })
    expect(pages).toBe(0)
  })
})

describe('memfd_create', () => {
  const seal = (fd: number, arg: number): Syscall => ({ name: 'fcntl', fd, cmd: 1033, arg })

  it('takes seals that forbid to shrink, grow and write, and at last more seals', () => {
    const fd = value(init, { name: 'memfd_create', label: 'x', flags: 2 })
    value(init, write(fd, 'hello'))
    value(init, seal(fd, 2 | 4))
    expect(refusal({ name: 'ftruncate', fd, length: 3 })).toBe('EPERM')
    expect(refusal(write(fd, 'more'))).toBe('EPERM')
    expect(refusal({ name: 'pwrite64', fd, buf: 'J', offset: 0 })).toBeUndefined()
    value(init, seal(fd, 8 | 1))
    expect(refusal({ name: 'pwrite64', fd, buf: 'J', offset: 0 })).toBe('EPERM')
    expect(refusal(seal(fd, 2))).toBe('EPERM')
    expect(value(init, { name: 'fcntl', fd, cmd: 1034, arg: 0 })).toBe(15)
  })

  it('takes none unless it is asked for', () => {
    const fd = value(init, { name: 'memfd_create', label: 'x', flags: 0 })
    expect(refusal(seal(fd, 2))).toBe('EPERM')
    expect(refusal({ name: 'memfd_create', label: 'x'.repeat(250), flags: 0 })).toBe('EINVAL')
  })
})

describe('names', () => {
  it('of one file are several, and the last one that goes takes the file along', () => {
    value(init, write(open('/tmp/a', O.WRONLY | O.CREAT), 'x'))
    value(init, { name: 'link', oldpath: '/tmp/a', newpath: '/tmp/b' })
    value(init, { name: 'unlink', pathname: '/tmp/a' })
    expect(contentOf('/tmp/b')).toBe('x')
    expect(refusal({ name: 'link', oldpath: '/tmp', newpath: '/tmp/c' })).toBe('EPERM')
  })

  it('are replaced, exchanged, or kept from being replaced by rename', () => {
    const rename = (oldpath: string, newpath: string, flags = 0): Syscall => ({
      name: 'renameat2',
      ...{ olddirfd: -100, oldpath: `/tmp/${oldpath}`, newdirfd: -100, newpath: `/tmp/${newpath}`, flags },
    })
    for (const name of ['a', 'b']) value(init, write(open(`/tmp/${name}`, O.WRONLY | O.CREAT), name))
    value(init, { name: 'mkdir', pathname: '/tmp/d', mode: 0o755 })
    value(init, { name: 'mkdir', pathname: '/tmp/d/e', mode: 0o755 })
    expect(refusal(rename('a', 'b', 1))).toBe('EEXIST')
    value(init, rename('a', 'b', 2))
    expect(contentOf('/tmp/a')).toBe('b')
    value(init, rename('a', 'b'))
    expect(contentOf('/tmp/b')).toBe('b')
    expect(refusal(rename('d', 'd/e/f'))).toBe('EINVAL')
    expect(refusal(rename('d/e', 'd'))).toBe('ENOTEMPTY')
    expect(refusal(rename('b', 'd'))).toBe('EISDIR')
    expect(refusal(rename('d', 'b'))).toBe('ENOTDIR')
    expect(refusal(rename('missing', 'b'))).toBe('ENOENT')
    expect(refusal(rename('d/..', 'x'))).toBe('EBUSY')
    expect(refusal({ name: 'rmdir', pathname: '/tmp/d' })).toBe('ENOTEMPTY')
    expect(refusal({ name: 'rmdir', pathname: '/tmp/d/.' })).toBe('EINVAL')
    expect(refusal({ name: 'unlink', pathname: '/tmp/d' })).toBe('EISDIR')
  })

  it('of a directory are listed by getdents64, the newest first, as much as fits', () => {
    for (const name of ['a', 'b', 'c']) value(init, { name: 'mkdir', pathname: `/home/${name}`, mode: 0o755 })
    const fd = open('/home', O.DIRECTORY)
    const names: string[] = []
    for (;;) {
      const bytes = data(init, { name: 'getdents64', fd, dirp: 50 })
      if (bytes.length === 0) break
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let at = 0; at < bytes.length; at += view.getUint16(at + 16, true))
        names.push(`${text(bytes.subarray(at + 19, bytes.indexOf(0, at + 19)))}:${bytes[at + 18]}`)
    }
    expect(names).toEqual(['.:4', '..:4', 'c:4', 'b:4', 'a:4'])
    expect(refusal({ name: 'getdents64', fd: open('/home'), dirp: 10 })).toBe('EINVAL')
    expect(refusal(read(fd))).toBe('EISDIR')
  })
})

describe('descriptors', () => {
  const fcntl = (fd: number, cmd: number, arg = 0): Syscall => ({ name: 'fcntl', fd, cmd, arg })

  it('are the lowest that are free, and no more than RLIMIT_NOFILE', () => {
    init.process.limits = new Map([...init.process.limits, [7, { soft: 6, hard: 6 }]])
    expect([open('/tmp'), open('/tmp'), open('/tmp')]).toEqual([3, 4, 5])
    expect(refusal({ name: 'open', pathname: '/tmp', flags: 0, mode: 0 })).toBe('EMFILE')
    expect(refusal({ name: 'creat', pathname: '/tmp/new', mode: 0 })).toBe('EMFILE')
    expect(refusal({ name: 'access', pathname: '/tmp/new', mode: 0 })).toBe('ENOENT')
    value(init, { name: 'close', fd: 4 })
    expect(refusal({ name: 'pipe2', pipefd: 8, flags: 0 })).toBe('EMFILE')
    expect(open('/tmp')).toBe(4)
    expect(refusal({ name: 'dup2', oldfd: 0, newfd: 6 })).toBe('EBADF')
    expect(refusal(fcntl(0, 0, 6))).toBe('EINVAL')
  })

  it('are duplicated to a number, whose file is closed first', () => {
    const fd = open('/tmp')
    expect(value(init, { name: 'dup3', oldfd: fd, newfd: 9, flags: 0o2000000 })).toBe(9)
    expect(value(init, fcntl(9, 1))).toBe(1)
    expect(value(init, { name: 'dup2', oldfd: fd, newfd: fd })).toBe(fd)
    expect(refusal({ name: 'dup3', oldfd: fd, newfd: fd, flags: 0 })).toBe('EINVAL')
    expect(value(init, fcntl(fd, 1030, 20))).toBe(20)
    expect(refusal({ name: 'dup', oldfd: 99 })).toBe('EBADF')
  })

  it('are closed in a range, or marked to be', () => {
    for (let count = 0; count < 4; count++) open('/tmp')
    value(init, { name: 'close_range', first: 5, last: 0xffffffff, flags: 4 })
    expect([4, 5, 6].map((fd) => value(init, fcntl(fd, 1)))).toEqual([0, 1, 1])
    value(init, { name: 'close_range', first: 4, last: 5, flags: 0 })
    expect([3, 4, 5, 6].map((fd) => refusal(fcntl(fd, 1)))).toEqual([undefined, 'EBADF', 'EBADF', undefined])
    expect(refusal({ name: 'close_range', first: 5, last: 4, flags: 0 })).toBe('EINVAL')
  })

  it('keep flags in the description: access mode for good, O_APPEND and O_NONBLOCK as they are set', () => {
    const fd = open('/tmp/file', O.WRONLY | O.CREAT | O.TRUNC)
    value(init, fcntl(fd, 4, O.APPEND | 0o4000 | O.RDWR))
    expect(value(init, fcntl(fd, 3))).toBe(O.WRONLY | O.APPEND | 0o4000 | 0o100000)
  })

  it('of O_PATH lead to a place, and to no content', () => {
    const fd = open('/tmp', 0o10000000)
    const forbidden: Syscall[] = [
      read(fd),
      { name: 'fchmod', fd, mode: 0 },
      { name: 'getdents64', fd, dirp: 99 },
      { name: 'flock', fd, operation: 1 },
      { name: 'fgetxattr', fd, xattr: 'user.a', value: 1 },
    ]
    for (const one of forbidden) expect(refusal(one), one.name).toBe('EBADF')
    expect(refusal({ name: 'fstat', fd, statbuf: 144 })).toBeUndefined()
    expect(refusal({ name: 'fchdir', fd })).toBeUndefined()
  })
})

describe('devices', () => {
  it('are known by their numbers, whatever they are called', () => {
    const device = (name: string, dev: number) => {
      value(init, { name: 'mknod', pathname: `/tmp/${name}`, mode: 0o020666, dev })
      return open(`/tmp/${name}`, O.RDWR)
    }
    const [nothing, zeros, full] = [device('a', 0x103), device('b', 0x105), device('c', 0x107)]
    expect(call(init, read(nothing))).toMatchObject({ value: 0 })
    expect(value(init, write(nothing, 'x'))).toBe(1)
    expect(data(init, read(zeros, 3))).toEqual(new Uint8Array(3))
    expect(refusal(write(full, 'x'))).toBe('ENOSPC')
    expect(data(init, read(device('d', 0x109), 8)).length).toBe(8)
    value(init, { name: 'mknod', pathname: '/tmp/e', mode: 0o020666, dev: 0xfe01 })
    expect(refusal({ name: 'open', pathname: '/tmp/e', flags: 0, mode: 0 })).toBe('ENXIO')
  })
})

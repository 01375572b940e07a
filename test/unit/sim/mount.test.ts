// mount(2) and umount2(2): kinds of mounts, their errors, their flags.

import { describe, expect, it } from 'vitest'
import type { Fd } from '../../../core/syscall.ts'
import { mountinfo } from '../../../sim/vfs/mountinfo.ts'
import { call, errno, value } from '../../support/sim.ts'
import {
  bind,
  exists,
  inNewNamespace,
  MS,
  make,
  mkdir,
  mount,
  open,
  playground,
  tmpfs,
  touch,
  umount,
} from '../../support/sim-mounts.ts'

const fieldsOf = (task: ReturnType<typeof playground>, place: string): string[][] =>
  mountinfo(task)
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[4] === place)

describe('mount(2)', () => {
  it('MNT-033: refuses what is no mount with the errno of what is wrong', () => {
    const task = playground()
    touch(task, '/w/file')
    mkdir(task, '/w/d')
    expect(mount(task, 'x', '/w/d', 'nosuchfs')).toBe('ENODEV')
    expect(mount(task, 'x', '/w/d', null)).toBe('EINVAL')
    expect(tmpfs(task, '/w/missing')).toBe('ENOENT')
    expect(tmpfs(task, '/w/file')).toBe('ENOTDIR')
    expect(tmpfs(task, '/w/d', 'nonsense=1')).toBe('EINVAL')
    expect(tmpfs(task, '/w/d', 'size=abc')).toBe('EINVAL')
    expect(mount(task, '/w/nodev', '/w/d', 'ext4')).toBe('ENOENT')
    expect(mount(task, '/w/file', '/w/d', 'ext4')).toBe('ENOTBLK')
    expect(mount(task, null, '/w/d', null, MS.REMOUNT)).toBe('EINVAL')
  })

  it('MNT-101: wants CAP_SYS_ADMIN over the mount namespace, after the path', () => {
    const task = playground()
    mkdir(task, '/w/d')
    const { credentials } = task
    task.credentials = { ...credentials, effective: 0n }
    expect(tmpfs(task, '/w/d')).toBe('EPERM')
    expect(tmpfs(task, '/w/missing')).toBe('ENOENT')
    expect(umount(task, '/w')).toBe('EPERM')
    expect(errno(call(task, { name: 'pivot_root', new_root: '/nothing', put_old: '/nothing' }))).toBe('EPERM')
  })

  it('MNT-011: a bind takes one mount, a recursive bind all below', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/a/sub', '/w/b', '/w/c')
    tmpfs(task, '/w/a/sub')
    touch(task, '/w/a/sub/x')
    expect(bind(task, '/w/a', '/w/b')).toBe('OK')
    expect(bind(task, '/w/a', '/w/c', MS.REC)).toBe('OK')
    expect(exists(task, '/w/b/sub/x')).toBe(false)
    expect(exists(task, '/w/c/sub/x')).toBe(true)
  })

  it('MNT-012: binds directory to directory and file to file only', () => {
    const task = playground()
    mkdir(task, '/w/d')
    touch(task, '/w/f')
    touch(task, '/w/g')
    expect(bind(task, '/w/d', '/w/f')).toBe('ENOTDIR')
    expect(bind(task, '/w/f', '/w/d')).toBe('ENOTDIR')
    expect(bind(task, '/w/f', '/w/g')).toBe('OK')
    expect(bind(task, '/w/none', '/w/d')).toBe('ENOENT')
    expect(bind(task, '/w/d', '/w/none')).toBe('ENOENT')
  })

  it('MNT-017: mounts stack, and the newest goes first', () => {
    const task = playground()
    mkdir(task, '/w/d')
    tmpfs(task, '/w/d')
    touch(task, '/w/d/first')
    tmpfs(task, '/w/d')
    touch(task, '/w/d/second')
    expect(fieldsOf(task, '/w/d')).toHaveLength(2)
    expect(exists(task, '/w/d/first')).toBe(false)
    expect(umount(task, '/w/d')).toBe('OK')
    expect(exists(task, '/w/d/first')).toBe(true)
    expect(exists(task, '/w/d/second')).toBe(false)
  })

  it('MNT-019: neither renames nor links across two binds of one file system', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b', '/w/src')
    bind(task, '/w/src', '/w/a')
    bind(task, '/w/src', '/w/b')
    touch(task, '/w/a/f')
    expect(errno(call(task, { name: 'rename', oldpath: '/w/a/f', newpath: '/w/b/g' }))).toBe('EXDEV')
    expect(errno(call(task, { name: 'link', oldpath: '/w/a/f', newpath: '/w/b/g' }))).toBe('EXDEV')
  })

  it('MNT-018: a mountpoint is not removed, but one of another namespace is, with its mounts', () => {
    const task = playground()
    mkdir(task, '/w/d')
    const child = inNewNamespace(task)
    tmpfs(task, '/w/d')
    expect(errno(call(task, { name: 'rmdir', pathname: '/w/d' }))).toBe('EBUSY')
    expect(errno(call(task, { name: 'rename', oldpath: '/w/d', newpath: '/w/e' }))).toBe('EBUSY')
    expect(errno(call(child, { name: 'rmdir', pathname: '/w/d' }))).toBeUndefined()
    expect(fieldsOf(task, '/w/d')).toHaveLength(0)
  })

  it('MNT-036: no more mounts than fs.mount-max, and a propagation fails as a whole', () => {
    const task = playground()
    mkdir(task, '/w/s', '/w/s/x', '/w/p')
    tmpfs(task, '/w/s')
    make(task, '/w/s', MS.SHARED)
    mkdir(task, '/w/s/x')
    bind(task, '/w/s', '/w/p')
    task.kernel.mountsMax = task.namespaces.mnt.mounts.size + 1
    expect(tmpfs(task, '/w/s/x')).toBe('ENOSPC')
    expect(exists(task, '/w/p/x')).toBe(true)
    expect(fieldsOf(task, '/w/p/x')).toHaveLength(0)
    task.kernel.mountsMax += 1
    expect(tmpfs(task, '/w/s/x')).toBe('OK')
  })

  it('MNT-037, MNT-038: nothing is mounted on, nor bound from, a mount of another namespace', () => {
    const task = playground()
    mkdir(task, '/w/d', '/w/e')
    const fd = open(task, '/w', 0o200000)
    const child = inNewNamespace(task)
    value(child, { name: 'fchdir', fd })
    expect(tmpfs(child, 'd')).toBe('EINVAL')
    expect(bind(child, 'd', '/w/e')).toBe('EINVAL')
    expect(tmpfs(child, '/w/d')).toBe('OK')
  })

  it('MNT-102: what is mounted through one bind does not cover the directory in another', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/a/x', '/w/b')
    bind(task, '/w/a', '/w/b')
    tmpfs(task, '/w/b/x')
    touch(task, '/w/b/x/new')
    expect(exists(task, '/w/a/x/new')).toBe(false)
  })

  it('MNT-001: a private mount of a child namespace is not seen in the parent', () => {
    const task = playground()
    mkdir(task, '/w/d')
    const child = inNewNamespace(task)
    tmpfs(child, '/w/d')
    expect(fieldsOf(child, '/w/d')).toHaveLength(1)
    expect(fieldsOf(task, '/w/d')).toHaveLength(0)
  })

  it('MNT-040: each tmpfs is its own, binds share the device', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b', '/w/c')
    tmpfs(task, '/w/a')
    tmpfs(task, '/w/b')
    bind(task, '/w/a', '/w/c')
    const device = (place: string) => fieldsOf(task, place)[0]![2]
    expect(device('/w/a')).not.toBe(device('/w/b'))
    expect(device('/w/a')).toBe(device('/w/c'))
  })
})

describe('flags of mounts', () => {
  const options = (task: ReturnType<typeof playground>, place: string) => fieldsOf(task, place).at(-1)![5]

  it('MNT-021: the first bind takes over flags, a second call sets them', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b')
    bind(task, '/w/a', '/w/b', MS.RDONLY | MS.NOSUID)
    expect(options(task, '/w/b')).toBe('rw,relatime')
    bind(task, '/w/a', '/w/b', MS.REMOUNT | MS.RDONLY)
    expect(options(task, '/w/b')).toBe('ro,relatime')
    expect(errno(call(task, { name: 'mkdir', pathname: '/w/b/x', mode: 0o755 }))).toBe('EROFS')
    expect(errno(call(task, { name: 'mkdir', pathname: '/w/a/x', mode: 0o755 }))).toBeUndefined()
  })

  it('MNT-020: a remount without MS_BIND is of the file system and so of all its binds', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b')
    tmpfs(task, '/w/a')
    bind(task, '/w/a', '/w/b')
    expect(mount(task, null, '/w/b', null, MS.REMOUNT | MS.RDONLY)).toBe('OK')
    expect(errno(call(task, { name: 'mkdir', pathname: '/w/a/x', mode: 0o755 }))).toBe('EROFS')
    expect(options(task, '/w/a')).toBe('rw,relatime')
  })

  it('MNT-022: nothing becomes read-only while a file is open for writing', () => {
    const task = playground()
    mkdir(task, '/w/a')
    tmpfs(task, '/w/a')
    const fd = open(task, '/w/a/f', 0o101)
    expect(mount(task, null, '/w/a', null, MS.REMOUNT | MS.BIND | MS.RDONLY)).toBe('EBUSY')
    expect(mount(task, null, '/w/a', null, MS.REMOUNT | MS.RDONLY)).toBe('EBUSY')
    value(task, { name: 'close', fd })
    expect(mount(task, null, '/w/a', null, MS.REMOUNT | MS.RDONLY)).toBe('OK')
  })

  it('MNT-024: a remount clears flags that it does not repeat, but keeps atime', () => {
    const task = playground()
    mkdir(task, '/w/a')
    mount(task, 'x', '/w/a', 'tmpfs', MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.NOATIME)
    expect(options(task, '/w/a')).toBe('rw,nosuid,nodev,noexec,noatime')
    mount(task, null, '/w/a', null, MS.REMOUNT | MS.BIND | MS.RDONLY)
    expect(options(task, '/w/a')).toBe('ro,noatime')
  })

  it('MNT-035: a tmpfs shrinks no further than what is in it', () => {
    const task = playground()
    mkdir(task, '/w/a')
    tmpfs(task, '/w/a', 'size=64k')
    touch(task, '/w/a/f', 'x'.repeat(20_000))
    expect(mount(task, null, '/w/a', null, MS.REMOUNT, 'size=8k')).toBe('EINVAL')
    expect(mount(task, null, '/w/a', null, MS.REMOUNT, 'size=128k')).toBe('OK')
    expect(fieldsOf(task, '/w/a')[0]!.at(-1)).toBe('rw,size=128k')
  })

  it('MNT-034: a tmpfs knows sizes in units, of memory, and without limit', () => {
    const task = playground()
    mkdir(task, '/w/a')
    const shown = (data: string | null) => {
      tmpfs(task, '/w/a', data)
      const line = fieldsOf(task, '/w/a').at(-1)!.at(-1)
      umount(task, '/w/a')
      return line
    }
    expect(shown('size=5000')).toBe('rw,size=8k')
    expect(shown('size=1m,nr_inodes=10,mode=755')).toBe('rw,size=1024k,nr_inodes=10,mode=755')
    expect(shown('size=50%')).toBe('rw')
    expect(shown('size=0')).toBe('rw,size=0k')
    expect(shown(null)).toBe('rw')
  })
})

describe('umount2(2)', () => {
  it('MNT-013: is refused for what is in use, not mounted, missing, or with wrong flags', () => {
    const task = playground()
    mkdir(task, '/w/d', '/w/e')
    tmpfs(task, '/w/d')
    const fd = open(task, '/w/d/f', 0o102)
    expect(umount(task, '/w/d')).toBe('EBUSY')
    expect(umount(task, '/w/e')).toBe('EINVAL')
    expect(umount(task, '/w/none')).toBe('ENOENT')
    expect(umount(task, '/w/d', 16)).toBe('EINVAL')
    expect(umount(task, '/w/d', 4 | 2)).toBe('EINVAL')
    expect(umount(task, '/w/d', 2)).toBe('OK')
    expect(value(task, { name: 'write', fd, buf: 'hello' })).toBe(5)
    expect(exists(task, '/w/d/f')).toBe(false)
  })

  it('MNT-014: MNT_DETACH takes the whole subtree', () => {
    const task = playground()
    mkdir(task, '/w/d')
    tmpfs(task, '/w/d')
    mkdir(task, '/w/d/sub')
    tmpfs(task, '/w/d/sub')
    expect(umount(task, '/w/d')).toBe('EBUSY')
    expect(umount(task, '/w/d', 2)).toBe('OK')
    expect(fieldsOf(task, '/w/d/sub')).toHaveLength(0)
    expect(fieldsOf(task, '/w/d')).toHaveLength(0)
  })

  it('MNT-015: MNT_EXPIRE marks first and takes then, unless used between', () => {
    const task = playground()
    mkdir(task, '/w/d')
    tmpfs(task, '/w/d')
    expect(umount(task, '/w/d', 4)).toBe('EAGAIN')
    value(task, { name: 'close', fd: open(task, '/w/d', 0o200000) })
    expect(umount(task, '/w/d', 4)).toBe('EAGAIN')
    exists(task, '/w/d/none')
    exists(task, '/w/d')
    expect(umount(task, '/w/d', 4)).toBe('EAGAIN')
    expect(umount(task, '/w/d', 4)).toBe('OK')
  })

  it('MNT-039: UMOUNT_NOFOLLOW does not follow a link', () => {
    const task = playground()
    mkdir(task, '/w/d')
    tmpfs(task, '/w/d')
    value(task, { name: 'symlink', target: '/w/d', linkpath: '/w/link' })
    expect(umount(task, '/w/link', 8)).toBe('EINVAL')
    expect(umount(task, '/w/link')).toBe('OK')
  })

  it('MNT-041: the own root becomes read-only instead, when nobody writes', () => {
    const task = playground()
    touch(task, '/file')
    const fd = open(task, '/file', 1)
    expect(umount(task, '/')).toBe('EBUSY')
    value(task, { name: 'close', fd })
    expect(umount(task, '/')).toBe('OK')
    expect(errno(call(task, { name: 'mkdir', pathname: '/x', mode: 0o755 }))).toBe('EROFS')
  })

  it('frees what was mounted once nobody uses it', () => {
    const task = playground()
    mkdir(task, '/w/d')
    tmpfs(task, '/w/d')
    const fd = open(task, '/w/d/f', 0o102)
    const { superblock } = task.files.get(fd as number)!.file.path.mount
    umount(task, '/w/d', 2)
    expect(superblock.mounts).toBe(1)
    value(task, { name: 'close', fd: fd as Fd })
    expect(superblock.mounts).toBe(0)
  })
})

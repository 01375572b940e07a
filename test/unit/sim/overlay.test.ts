// overlayfs, rule by rule. filesystems/overlayfs.rst

import { describe, expect, it } from 'vitest'
import type { Fd } from '../../../core/syscall.ts'
import type { Task } from '../../../sim/task.ts'
import { mountinfo } from '../../../sim/vfs/mountinfo.ts'
import { walk } from '../../../sim/vfs/walk.ts'
import { call, data, errno, value } from '../../support/sim.ts'
import {
  bind,
  exists,
  inNewNamespace,
  MS,
  mkdir,
  mount,
  open,
  playground,
  tmpfs,
  touch,
} from '../../support/sim-mounts.ts'

const layers = 'lowerdir=/w/top:/w/low,upperdir=/w/up,workdir=/w/work'

/** Two lower layers and an upper one, not mounted yet. */
function machine(): Task {
  const task = playground()
  mkdir(task, '/w/top', '/w/low', '/w/up', '/w/work', '/w/m')
  mkdir(task, '/w/low/dir', '/w/top/dir', '/w/low/dir/deep')
  touch(task, '/w/low/one', 'low-one')
  touch(task, '/w/top/one', 'top-one')
  touch(task, '/w/low/b', 'low-b')
  touch(task, '/w/low/dir/x', 'x')
  touch(task, '/w/top/dir/y', 'y')
  touch(task, '/w/low/dir/deep/f', 'deep')
  return task
}

function mounted(options = layers): Task {
  const task = machine()
  if (overlay(task, options) !== 'OK') throw new Error('overlay')
  return task
}

const overlay = (task: Task, options: string, target = '/w/m') => mount(task, 'overlay', target, 'overlay', 0, options)

function read(task: Task, pathname: string): string {
  const fd = open(task, pathname)
  const bytes = data(task, { name: 'read', fd, buf: 1000 })
  value(task, { name: 'close', fd })
  return new TextDecoder().decode(bytes)
}

function append(task: Task, pathname: string, text: string): void {
  const fd = open(task, pathname, 0o2001)
  value(task, { name: 'write', fd, buf: text })
  value(task, { name: 'close', fd })
}

function list(task: Task, pathname: string): string[] {
  const path = walk(task, -100, pathname)
  if (!('mount' in path)) throw new Error(path.sentence)
  return path.dentry.inode.entries!(task)
    .map(({ name }) => name)
    .sort()
}

const inodeOf = (task: Task, pathname: string) => {
  const path = walk(task, -100, pathname, { follow: false })
  if (!('mount' in path)) throw new Error(path.sentence)
  return path.dentry.inode
}

const outcome = (task: Task, syscall: Parameters<typeof call>[1]): string => errno(call(task, syscall)) ?? 'OK'

describe('overlayfs', () => {
  it('OVL-001, OVL-002: the top wins, and directories merge', () => {
    const task = mounted()
    expect(read(task, '/w/m/one')).toBe('top-one')
    expect(list(task, '/w/m/dir')).toEqual(['deep', 'x', 'y'])
    touch(task, '/w/m/dir/z', 'z')
    expect(list(task, '/w/m/dir')).toEqual(['deep', 'x', 'y', 'z'])
    expect([exists(task, '/w/up/dir/z'), exists(task, '/w/top/dir/z')]).toEqual([true, false])
  })

  it('OVL-003: writing copies up whole, with parents; the lower layer and st_ino stay', () => {
    const task = mounted()
    const before = inodeOf(task, '/w/m/dir/deep/f').ino
    append(task, '/w/m/dir/deep/f', '+')
    expect(read(task, '/w/up/dir/deep/f')).toBe('deep+')
    expect(read(task, '/w/low/dir/deep/f')).toBe('deep')
    expect(inodeOf(task, '/w/m/dir/deep/f').ino).toBe(before)
    expect(before).toBe(inodeOf(task, '/w/low/dir/deep/f').ino)
    value(task, { name: 'chmod', pathname: '/w/m/b', mode: 0o600 })
    expect([inodeOf(task, '/w/up/b').mode, inodeOf(task, '/w/low/b').mode]).toEqual([0o600, 0o644])
  })

  it('OVL-003: chown, truncate, utimensat, link and setxattr copy up as well', () => {
    const task = mounted()
    const changes: [string, (pathname: string) => void][] = [
      ['a', (pathname) => value(task, { name: 'chown', pathname, owner: 5, group: 6 })],
      ['c', (path) => value(task, { name: 'truncate', path, length: 1 })],
      ['d', (pathname) => value(task, { name: 'utimensat', dirfd: -100 as Fd, pathname, times: null, flags: 0 })],
      ['e', (pathname) => value(task, { name: 'setxattr', path: pathname, xattr: 'user.x', value: 'y', flags: 0 })],
      ['f', (oldpath) => value(task, { name: 'link', oldpath, newpath: '/w/m/second' })],
    ]
    for (const [name, change] of changes) {
      touch(task, `/w/low/${name}`, 'content')
      change(`/w/m/${name}`)
      expect([name, exists(task, `/w/up/${name}`)]).toEqual([name, true])
    }
    expect(inodeOf(task, '/w/low/a').uid).toBe(0)
    expect(read(task, '/w/low/c')).toBe('content')
    expect(read(task, '/w/m/c')).toBe('c')
    append(task, '/w/m/second', '!')
    expect(read(task, '/w/m/f')).toBe('content!')
  })

  it('OVL-004, OVL-010: what is removed leaves a whiteout, which is never listed', () => {
    const task = mounted()
    value(task, { name: 'unlink', pathname: '/w/m/b' })
    const whiteout = inodeOf(task, '/w/up/b')
    expect([whiteout.kind, ...whiteout.device]).toEqual(['character', 0, 0])
    expect(read(task, '/w/low/b')).toBe('low-b')
    expect(list(task, '/w/m')).toEqual(['dir', 'one'])
    expect(exists(task, '/w/m/b')).toBe(false)
    touch(task, '/w/m/b', 'new')
    expect(read(task, '/w/m/b')).toBe('new')
    expect(inodeOf(task, '/w/up/b').kind).toBe('file')
  })

  it('OVL-010: whiteouts and opaque directories of lower layers hide what lies below them', () => {
    const task = machine()
    value(task, { name: 'mknod', pathname: '/w/top/b', mode: 0o020000, dev: 0 })
    value(task, { name: 'setxattr', path: '/w/top/dir', xattr: 'trusted.overlay.opaque', value: 'y', flags: 0 })
    overlay(task, layers)
    expect(exists(task, '/w/m/b')).toBe(false)
    expect(list(task, '/w/m/dir')).toEqual(['y'])
  })

  it('OVL-005: a directory that is removed and made again is opaque', () => {
    const task = mounted()
    expect(outcome(task, { name: 'rmdir', pathname: '/w/m/dir/deep' })).toBe('ENOTEMPTY')
    value(task, { name: 'unlink', pathname: '/w/m/dir/deep/f' })
    value(task, { name: 'rmdir', pathname: '/w/m/dir/deep' })
    expect(inodeOf(task, '/w/up/dir/deep').kind).toBe('character')
    mkdir(task, '/w/m/dir/deep')
    expect(list(task, '/w/m/dir/deep')).toEqual([])
    expect(inodeOf(task, '/w/up/dir/deep').xattrs.get('trusted.overlay.opaque')).toEqual(new Uint8Array([121]))
    expect(inodeOf(task, '/w/m/dir/deep').xattrs.size).toBe(0)
  })

  it('OVL-006: reading copies nothing up, and a descriptor from before the copy sees what is written after', () => {
    const task = mounted()
    const fd = open(task, '/w/m/b')
    read(task, '/w/m/b')
    expect(exists(task, '/w/up/b')).toBe(false)
    append(task, '/w/m/b', '+')
    expect(new TextDecoder().decode(data(task, { name: 'read', fd, buf: 100 }))).toBe('low-b+')
  })

  it('OVL-007: a directory of a lower layer is not renamed, a file is', () => {
    const task = mounted()
    expect(outcome(task, { name: 'rename', oldpath: '/w/m/dir', newpath: '/w/m/other' })).toBe('EXDEV')
    expect(outcome(task, { name: 'rename', oldpath: '/w/m/b', newpath: '/w/m/c' })).toBe('OK')
    expect([exists(task, '/w/m/b'), read(task, '/w/m/c')]).toEqual([false, 'low-b'])
    expect(inodeOf(task, '/w/up/b').kind).toBe('character')
    mkdir(task, '/w/m/own')
    touch(task, '/w/m/own/f', 'f')
    expect(outcome(task, { name: 'rename', oldpath: '/w/m/own', newpath: '/w/m/dir/own' })).toBe('OK')
    expect(read(task, '/w/m/dir/own/f')).toBe('f')
    expect(outcome(task, { name: 'rename', oldpath: '/w/m/c', newpath: '/w/m/one' })).toBe('OK')
    expect(read(task, '/w/m/one')).toBe('low-b')
    expect(list(task, '/w/m')).toEqual(['dir', 'one'])
  })

  it('OVL-008: an upper layer is used twice, unless index=on; work lies in the workdir', () => {
    const task = mounted()
    expect(exists(task, '/w/work/work')).toBe(true)
    mkdir(task, '/w/m2')
    expect(overlay(task, layers, '/w/m2')).toBe('OK')
    expect(overlay(task, `${layers},index=on`, '/w/m2')).toBe('EBUSY')
  })

  it('OVL-009: what layers have to be', () => {
    const task = machine()
    mkdir(task, '/w/up/in', '/w/t')
    tmpfs(task, '/w/t')
    mkdir(task, '/w/t/work')
    const refused: [string, string][] = [
      ['upperdir=/w/up,workdir=/w/work', 'EINVAL'],
      ['lowerdir=/w/low,upperdir=/w/up', 'EINVAL'],
      ['lowerdir=/w/low', 'EINVAL'],
      ['lowerdir=/w/none:/w/low', 'ENOENT'],
      ['lowerdir=/w/low,upperdir=/w/up,workdir=/w/t/work', 'EINVAL'],
      ['lowerdir=/w/low,upperdir=/w/up,workdir=/w/up', 'EINVAL'],
      ['lowerdir=/w/low,upperdir=/w/up,workdir=/w/up/in', 'EINVAL'],
      ['lowerdir=/w/low,upperdir=/w/up,workdir=/w/work,nonsense', 'EINVAL'],
      ['lowerdir=/w/low:/w/low/dir', 'ELOOP'],
      ['lowerdir=/w/low:/w/low', 'ELOOP'],
      [`lowerdir=${Array(501).fill('/w/low').join(':')}`, 'EINVAL'],
    ]
    for (const [options, answer] of refused) expect([options, overlay(task, options)]).toEqual([options, answer])
    expect(overlay(task, 'lowerdir=/w/top:/w/low')).toBe('OK')
    expect(outcome(task, { name: 'mkdir', pathname: '/w/m/x', mode: 0o755 })).toBe('EROFS')
    expect(mount(task, null, '/w/m', null, MS.REMOUNT)).toBe('EROFS')
  })

  it('OVL-011: devices and numbers are the overlay’s on one file system, and one device for each otherwise', () => {
    const task = mounted()
    const { device } = inodeOf(task, '/w/m').superblock
    expect(inodeOf(task, '/w/m/b').statDevice).toBeUndefined()
    expect(inodeOf(task, '/w/m/dir').statDevice).toBeUndefined()
    mkdir(task, '/w/t', '/w/m2')
    tmpfs(task, '/w/t')
    touch(task, '/w/t/f')
    overlay(task, 'lowerdir=/w/t:/w/low', '/w/m2')
    const [first, second] = [inodeOf(task, '/w/m2/f'), inodeOf(task, '/w/m2/b')]
    expect(first.statDevice).not.toEqual(second.statDevice)
    expect(first.statDevice).not.toEqual(device)
    expect(inodeOf(task, '/w/m2/dir').statDevice).toBeUndefined()
  })

  it('OVL-012: new names in the upper layer appear', () => {
    const task = mounted()
    touch(task, '/w/up/direct', 'direct')
    expect(read(task, '/w/m/direct')).toBe('direct')
  })

  it('OVL-101: a copy-up breaks hard links of the lower layer', () => {
    const task = machine()
    value(task, { name: 'link', oldpath: '/w/low/b', newpath: '/w/low/b2' })
    overlay(task, layers)
    expect(inodeOf(task, '/w/m/b').linkCount).toBe(2)
    append(task, '/w/m/b', '+')
    expect([read(task, '/w/m/b'), read(task, '/w/m/b2')]).toEqual(['low-b+', 'low-b'])
    expect(inodeOf(task, '/w/m/b').linkCount).toBe(1)
  })

  it('OVL-102: root of a user namespace mounts it, with attributes of its own', () => {
    const task = inNewNamespace(machine(), true)
    expect(overlay(task, `${layers},userxattr`)).toBe('OK')
    value(task, { name: 'unlink', pathname: '/w/m/dir/deep/f' })
    value(task, { name: 'rmdir', pathname: '/w/m/dir/deep' })
    mkdir(task, '/w/m/dir/deep')
    expect([...inodeOf(task, '/w/up/dir/deep').xattrs.keys()]).toEqual(['user.overlay.opaque'])
  })

  it('a copy-up that finds no room changes nothing', () => {
    const task = machine()
    mkdir(task, '/w/t')
    tmpfs(task, '/w/t', 'size=8k')
    mkdir(task, '/w/t/up', '/w/t/work')
    touch(task, '/w/low/big', 'x'.repeat(20_000))
    overlay(task, 'lowerdir=/w/low,upperdir=/w/t/up,workdir=/w/t/work')
    expect(outcome(task, { name: 'open', pathname: '/w/m/big', flags: 1, mode: 0 })).toBe('ENOSPC')
    expect(exists(task, '/w/t/up/big')).toBe(false)
    expect(inodeOf(task, '/w/m/big').sizeBytes).toBe(20_000)
  })

  it('lives while it is mounted, whatever becomes of the mounts of its layers', () => {
    const task = machine()
    mkdir(task, '/w/t')
    tmpfs(task, '/w/t')
    touch(task, '/w/t/f', 'kept')
    overlay(task, 'lowerdir=/w/t:/w/low')
    const system = inodeOf(task, '/w/t').superblock
    value(task, { name: 'umount2', target: '/w/t', flags: 0 })
    expect(read(task, '/w/m/f')).toBe('kept')
    value(task, { name: 'umount2', target: '/w/m', flags: 0 })
    expect(system.mounts).toBe(0)
  })

  it('shows its layers in mountinfo, and volatile forbids a second mount of the same work directory', () => {
    const task = mounted(`${layers},volatile`)
    const line = mountinfo(task).trimEnd().split('\n').at(-1)!
    expect(line).toContain(
      ' - overlay overlay rw,lowerdir=/w/top:/w/low,upperdir=/w/up,workdir=/w/work,uuid=on,volatile',
    )
    mkdir(task, '/w/m2')
    expect(overlay(task, layers, '/w/m2')).toBe('EINVAL')
  })

  it('covers with a bind, and a file in a merged directory', () => {
    const task = mounted()
    touch(task, '/w/hosts', 'hosts')
    expect(bind(task, '/w/hosts', '/w/m/dir/x')).toBe('OK')
    expect(read(task, '/w/m/dir/x')).toBe('hosts')
    expect(exists(task, '/w/up/dir/x')).toBe(false)
  })
})

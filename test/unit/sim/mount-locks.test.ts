// Mounting inside of user namespaces: what may be mounted, what is locked. mount_namespaces(7), user_namespaces(7)

import { describe, expect, it } from 'vitest'
import type { Task } from '../../../sim/task.ts'
import { single } from '../../../sim/vfs/tmpfs-type.ts'
import { walk } from '../../../sim/vfs/walk.ts'
import { call, errno, value } from '../../support/sim.ts'
import {
  bind,
  inNewNamespace,
  MS,
  make,
  mkdir,
  mount,
  playground,
  propagationOf,
  tmpfs,
  touch,
  umount,
} from '../../support/sim-mounts.ts'

/** A task that is root of its own user and mount namespace, where /w/a and /w/b were mounted before. */
function contained(): { readonly host: Task; readonly task: Task } {
  const host = playground()
  mkdir(host, '/w/a', '/w/b', '/w/c', '/w/d')
  tmpfs(host, '/w/a')
  touch(host, '/w/a/secret')
  mkdir(host, '/w/a/sub')
  tmpfs(host, '/w/a/sub')
  mount(host, 'x', '/w/b', 'tmpfs', MS.RDONLY | MS.NOSUID)
  make(host, '/w/c', MS.SHARED)
  return { host, task: inNewNamespace(host, true) }
}

describe('a mount namespace of another user namespace', () => {
  it('USR-017: only some file systems may be mounted there', () => {
    const { task } = contained()
    for (const type of ['tmpfs', 'ramfs', 'mqueue', 'binfmt_misc']) {
      if (type === 'mqueue') continue
      expect([type, mount(task, 'x', '/w/d', type)]).toEqual([type, 'OK'])
    }
    for (const type of ['debugfs', 'tracefs', 'securityfs', 'hugetlbfs', 'devtmpfs', 'bpf', 'fusectl', 'ext4'])
      expect([type, mount(task, 'x', '/w/d', type)]).toEqual([type, 'EPERM'])
  })

  it('USR-018: the namespace that a file system shows must be owned', () => {
    const { task } = contained()
    expect(mount(task, 'x', '/w/d', 'mqueue')).toBe('EPERM')
    expect(mount(task.kernel.init, 'x', '/w/d', 'mqueue')).toBe('OK')
  })

  it('USR-020: inherited mounts are locked in their places and flags', () => {
    const { task } = contained()
    const remount = MS.REMOUNT | MS.BIND
    expect(umount(task, '/w/a')).toBe('EINVAL')
    expect(mount(task, null, '/w/b', null, remount | MS.NOSUID)).toBe('EPERM')
    expect(mount(task, null, '/w/b', null, remount | MS.RDONLY)).toBe('EPERM')
    expect(mount(task, null, '/w/b', null, remount | MS.RDONLY | MS.NOSUID | MS.NOATIME)).toBe('EPERM')
    expect(mount(task, null, '/w/b', null, remount | MS.RDONLY | MS.NOSUID)).toBe('OK')
    expect(mount(task, null, '/w/b', null, remount | MS.RDONLY | MS.NOSUID | MS.NOEXEC)).toBe('OK')
    expect(mount(task, null, '/w/b', null, MS.REMOUNT | MS.RDONLY | MS.NOSUID)).toBe('EPERM')
    expect(bind(task, '/w/a', '/w/d')).toBe('EINVAL')
    expect(bind(task, '/w/a', '/w/d', MS.REC)).toBe('OK')
    expect(umount(task, '/w/d/sub')).toBe('EINVAL')
    expect(umount(task, '/w/d', 2)).toBe('OK')
    expect(mount(task, '/w/a', '/w/d', null, MS.MOVE)).toBe('EINVAL')
  })

  it('USR-021: inherited shared mounts become slaves', () => {
    const { host, task } = contained()
    make(host, '/w/a', MS.SHARED)
    const child = inNewNamespace(host, true)
    expect(propagationOf(child, '/w/a')).toBe('slave')
    mkdir(host, '/w/a/new')
    tmpfs(host, '/w/a/new')
    touch(host, '/w/a/new/x')
    expect(errno(call(child, { name: 'access', pathname: '/w/a/new/x', mode: 0 }))).toBeUndefined()
    expect(umount(child, '/w/a/new')).toBe('OK')
    expect(task).toBeDefined()
  })

  it('USR-020: a whole tree that comes by propagation is locked within', () => {
    const host = playground()
    mkdir(host, '/w/s', '/w/t')
    tmpfs(host, '/w/s')
    make(host, '/w/s', MS.SHARED)
    mkdir(host, '/w/s/x')
    tmpfs(host, '/w/t')
    mkdir(host, '/w/t/u')
    tmpfs(host, '/w/t/u')
    const task = inNewNamespace(host, true)
    bind(host, '/w/t', '/w/s/x', MS.REC)
    expect(umount(task, '/w/s/x/u')).toBe('EINVAL')
    expect(umount(task, '/w/s/x', 2)).toBe('OK')
  })

  it('USR-019, USR-112: a file system that shows the kernel shows no more than is seen already', () => {
    const host = playground()
    mkdir(host, '/w/old', '/w/new')
    const { kernel } = host
    kernel.fileSystems.set('window', { ...single('window', 0o555), inUserNamespaces: true, revealing: true })
    const lonely = inNewNamespace(host, true)
    expect(mount(lonely, 'x', '/w/new', 'window')).toBe('EPERM')
    mount(host, 'x', '/w/old', 'window')
    mkdir(host, '/w/old/hidden')
    const sees = inNewNamespace(host, true)
    expect(mount(sees, 'x', '/w/new', 'window')).toBe('OK')
    tmpfs(host, '/w/old/hidden')
    const masked = inNewNamespace(host, true)
    expect(mount(masked, 'x', '/w/new', 'window')).toBe('EPERM')
    umount(host, '/w/old/hidden')
    mount(host, null, '/w/old', null, MS.REMOUNT | MS.BIND | MS.RDONLY)
    const readonly = inNewNamespace(host, true)
    expect(mount(readonly, 'x', '/w/new', 'window')).toBe('EPERM')
    expect(mount(readonly, 'x', '/w/new', 'window', MS.RDONLY)).toBe('OK')
    expect(mount(readonly, null, '/w/new', null, MS.REMOUNT | MS.BIND)).toBe('EPERM')
  })

  it('USR-113, USR-038: devices of a file system made there are of no use, and no option says so', () => {
    const { task } = contained()
    tmpfs(task, '/w/d')
    const path = walk(task, -100, '/w/d')
    expect('mount' in path && path.mount.superblock.owner.level).toBe(1)
    expect('mount' in path && path.mount.flags.nodev).toBe(false)
  })

  it('a locked child of an unmounted tree stays on it, so that what it hides is not seen', () => {
    const { task } = contained()
    bind(task, '/w/a', '/w/d', MS.REC)
    value(task, { name: 'chdir', path: '/w/d' })
    umount(task, '/w/d', 2)
    const path = walk(task, -100, 'sub')
    expect('mount' in path && path.dentry === path.mount.root).toBe(true)
  })

  it('USR-018, USR-019: proc and sysfs want the pid and the net namespace, and an instance that is seen whole', () => {
    const NEW = { NS: 0x20000, IPC: 0x8000000, USER: 0x10000000, NET: 0x40000000 }
    const task = playground()
    mkdir(task, '/w/d')
    mount(task, 'sysfs', '/sys', 'sysfs')
    mount(task, 'proc', '/proc', 'proc')
    value(task, { name: 'unshare', flags: NEW.USER | NEW.NS })
    expect(mount(task, 'x', '/w/d', 'proc')).toBe('EPERM')
    expect(mount(task, 'x', '/w/d', 'sysfs')).toBe('EPERM')
    expect(mount(task, 'x', '/w/d', 'mqueue')).toBe('EPERM')
    value(task, { name: 'unshare', flags: NEW.NET | NEW.IPC })
    expect(mount(task, 'x', '/w/d', 'mqueue')).toBe('OK')
    expect(mount(task, 'x', '/w/d', 'sysfs')).toBe('OK')
  })
})

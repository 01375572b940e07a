// Mounts by descriptor: open_tree, move_mount, fsopen and its kin, mount_setattr; pivot_root and chroot.

import { describe, expect, it } from 'vitest'
import type { Fd } from '../../../core/syscall.ts'
import type { KGid, KUid } from '../../../sim/ids.ts'
import { namespacePath } from '../../../sim/ns/file.ts'
import { UserNamespace } from '../../../sim/ns/user.ts'
import type { Task } from '../../../sim/task.ts'
import { OpenFile } from '../../../sim/vfs/file.ts'
import { mountinfo } from '../../../sim/vfs/mountinfo.ts'
import { hold, letGo } from '../../../sim/vfs/path.ts'
import { ownerOf } from '../../../sim/vfs/permission.ts'
import { walk } from '../../../sim/vfs/walk.ts'
import { call, data, errno, value } from '../../support/sim.ts'
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
  propagationOf,
  tmpfs,
  touch,
  umount,
} from '../../support/sim-mounts.ts'

const here = -100 as Fd
const CLONE = 1
const RECURSIVE = 0x8000
const EMPTY = 0x1000

const openTree = (task: Task, pathname: string, flags: number) =>
  call(task, { name: 'open_tree', dirfd: here, pathname, flags })
const tree = (task: Task, pathname: string, flags = 0) =>
  value(task, { name: 'open_tree', dirfd: here, pathname, flags: CLONE | flags }) as Fd
const moveMount = (task: Task, from: Fd, to: string): string =>
  errno(
    call(task, { name: 'move_mount', from_dirfd: from, from_pathname: '', to_dirfd: here, to_pathname: to, flags: 4 }),
  ) ?? 'OK'
const lineOf = (task: Task, place: string) =>
  mountinfo(task)
    .split('\n')
    .map((line) => line.split(' '))
    .findLast((fields) => fields[4] === place)

describe('open_tree(2) and move_mount(2)', () => {
  it('MNT-031: a clone is nowhere until it is moved, and moves again afterwards', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b', '/w/c')
    touch(task, '/w/a/f')
    expect(errno(openTree(task, '/w/a', RECURSIVE))).toBe('EINVAL')
    const before = mountinfo(task)
    const fd = tree(task, '/w/a')
    expect(mountinfo(task)).toBe(before)
    value(task, { name: 'openat', dirfd: fd, pathname: 'f', flags: 0, mode: 0 })
    expect(moveMount(task, fd, '/w/b')).toBe('OK')
    expect(exists(task, '/w/b/f')).toBe(true)
    expect(moveMount(task, fd, '/w/c')).toBe('OK')
    expect([exists(task, '/w/b/f'), exists(task, '/w/c/f')]).toEqual([false, true])
    value(task, { name: 'close', fd })
    expect(exists(task, '/w/c/f')).toBe(true)
  })

  it('MNT-031: a clone that is attached nowhere goes with its descriptor', () => {
    const task = playground()
    mkdir(task, '/w/a')
    tmpfs(task, '/w/a')
    const path = walk(task, here as number, '/w/a')
    if (!('mount' in path)) throw new Error('no mount')
    const { superblock } = path.mount
    const fd = tree(task, '/w/a', RECURSIVE)
    expect(superblock.mounts).toBe(2)
    value(task, { name: 'close', fd })
    expect(superblock.mounts).toBe(1)
  })

  it('MNT-038: a descriptor carries a tree into another namespace', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/b')
    touch(task, '/w/a/f')
    const fd = tree(task, '/w/a')
    const child = inNewNamespace(task)
    expect(bind(child, `/w/a`, '/w/b')).toBe('OK')
    expect(moveMount(child, fd, '/w/b')).toBe('OK')
    expect(exists(child, '/w/b/f')).toBe(true)
    expect(exists(task, '/w/b/f')).toBe(false)
  })

  it('CLN-051: a mount namespace is bound only in one that is older', () => {
    const task = playground()
    touch(task, '/w/ns')
    const child = inNewNamespace(task)
    const put = (of: Task) => {
      const path = namespacePath(task.kernel, of.namespaces.mnt)
      const file = new OpenFile(path.dentry.inode, hold(path), 0o10000000, task.credentials)
      return task.files.add(file, false, 100)! as Fd
    }
    const magic = (fd: Fd) => {
      const clone = value(task, { name: 'open_tree', dirfd: fd, pathname: '', flags: CLONE | EMPTY }) as Fd
      const answer = moveMount(task, clone, '/w/ns')
      value(task, { name: 'close', fd: clone })
      return answer
    }
    expect(magic(put(task))).toBe('ELOOP')
    expect(magic(put(child))).toBe('OK')
    const { references } = child.namespaces.mnt
    expect(lineOf(task, '/w/ns')![3]).toBe(`mnt:[${child.namespaces.mnt.ino}]`)
    umount(task, '/w/ns')
    expect(child.namespaces.mnt.references).toBe(references - 1)
  })
})

describe('fsopen(2)', () => {
  const config = (task: Task, fd: Fd, cmd: number, key: string | null = null, text: string | null = null) =>
    errno(call(task, { name: 'fsconfig', fd, cmd, key, value: text, aux: 0 })) ?? 'OK'
  const fsmount = (task: Task, fs_fd: Fd, attr_flags = 0) =>
    call(task, { name: 'fsmount', fs_fd, flags: 0, attr_flags })

  it('MNT-032: parameters, then the instance, then the mount', () => {
    const task = playground()
    mkdir(task, '/w/a')
    expect(errno(call(task, { name: 'fsopen', fs_name: 'nosuchfs', flags: 0 }))).toBe('ENODEV')
    const fd = value(task, { name: 'fsopen', fs_name: 'tmpfs', flags: 1 }) as Fd
    expect(config(task, fd, 1, 'size', '1m')).toBe('OK')
    expect(config(task, fd, 1, 'nonsense', '1')).toBe('EINVAL')
    expect(config(task, fd, 99)).toBe('EOPNOTSUPP')
    expect(config(task, fd, 1, 'size')).toBe('EINVAL')
    expect(errno(fsmount(task, fd))).toBe('EINVAL')
    expect(config(task, fd, 6)).toBe('OK')
    expect(config(task, fd, 6)).toBe('EBUSY')
    expect(config(task, fd, 1, 'size', '2m')).toBe('EBUSY')
    const made = fsmount(task, fd, 1)
    expect(errno(fsmount(task, fd))).toBe('EBUSY')
    expect('value' in made && moveMount(task, made.value as Fd, '/w/a')).toBe('OK')
    expect(lineOf(task, '/w/a')![5]).toBe('ro,relatime')
    value(task, { name: 'close', fd })
    expect(lineOf(task, '/w/a')!.at(-1)).toBe('rw,size=1024k')
  })

  it('fspick(2) changes an instance that is mounted', () => {
    const task = playground()
    mkdir(task, '/w/a', '/w/a2')
    tmpfs(task, '/w/a')
    expect(errno(call(task, { name: 'fspick', dirfd: here, pathname: '/w/a2', flags: 0 }))).toBe('EINVAL')
    const fd = value(task, { name: 'fspick', dirfd: here, pathname: '/w/a', flags: 0 }) as Fd
    expect(config(task, fd, 0, 'ro')).toBe('OK')
    expect(config(task, fd, 7)).toBe('OK')
    expect(lineOf(task, '/w/a')!.at(-1)).toBe('ro')
    expect(umount(task, '/w/a')).toBe('OK')
  })
})

describe('mount_setattr(2)', () => {
  const set = (task: Task, pathname: string, attr: object, flags = 0, dirfd = here) =>
    errno(call(task, { name: 'mount_setattr', dirfd, pathname, flags, attr })) ?? 'OK'

  it('MNT-030: all of a tree or nothing', () => {
    const task = playground()
    mkdir(task, '/w/a')
    tmpfs(task, '/w/a')
    mkdir(task, '/w/a/b')
    tmpfs(task, '/w/a/b')
    const fd = open(task, '/w/a/b/f', 0o101)
    expect(set(task, '/w/a', { attr_set: 1 }, RECURSIVE)).toBe('EBUSY')
    expect(lineOf(task, '/w/a')![5]).toBe('rw,relatime')
    value(task, { name: 'close', fd })
    expect(set(task, '/w/a', { attr_set: 1 | 2 }, RECURSIVE)).toBe('OK')
    expect([lineOf(task, '/w/a')![5], lineOf(task, '/w/a/b')![5]]).toEqual(['ro,nosuid,relatime', 'ro,nosuid,relatime'])
    expect(set(task, '/w/a', { attr_set: 4, attr_clr: 1 | 4 })).toBe('OK')
    expect(lineOf(task, '/w/a')![5]).toBe('rw,nosuid,nodev,relatime')
  })

  it('MNT-030: refuses what makes no sense', () => {
    const task = playground()
    mkdir(task, '/w/a')
    expect(set(task, '/w/a', { attr_set: 1 })).toBe('EINVAL')
    expect(set(task, '/w', { attr_set: 0x400000 })).toBe('EINVAL')
    expect(set(task, '/w', { propagation: MS.SHARED | MS.PRIVATE })).toBe('EINVAL')
    expect(set(task, '/w', { attr_set: 0x10 })).toBe('EINVAL')
    expect(set(task, '/w', { attr_set: 0x10, attr_clr: 0x10 })).toBe('EINVAL')
    expect(set(task, '/w', { attr_set: 0x10, attr_clr: 0x70 })).toBe('OK')
    expect(lineOf(task, '/w')![5]).toBe('rw,noatime')
    expect(set(task, '/w', {})).toBe('OK')
    expect(set(task, '/w', { propagation: MS.SHARED })).toBe('OK')
    expect(propagationOf(task, '/w')).toBe('shared')
  })

  it('maps ids of a tree that is attached nowhere yet, once', () => {
    const task = playground()
    const { kernel } = task
    const user = new UserNamespace(kernel.counters, kernel.initial.user, {
      uid: 0 as KUid,
      gid: 0 as KGid,
      couldSetFileCapabilities: true,
    })
    user.uidMap = user.gidMap = [{ inside: 0, outside: 100_000, count: 65_536 }]
    const path = namespacePath(kernel, user.retain())
    const userns_fd = task.files.add(new OpenFile(path.dentry.inode, hold(path), 0, task.credentials), false, 100) as Fd
    mkdir(task, '/w/a', '/w/b')
    touch(task, '/w/a/f')
    const attr = { attr_set: 0x100000, userns_fd }
    expect(set(task, '/w', attr)).toBe('EINVAL')
    const fd = tree(task, '/w/a')
    expect(set(task, '', attr, EMPTY, fd)).toBe('OK')
    expect(set(task, '', attr, EMPTY, fd)).toBe('EPERM')
    expect(moveMount(task, fd, '/w/b')).toBe('OK')
    expect(lineOf(task, '/w/b')![5]).toBe('rw,relatime,idmapped')
    const file = walk(task, here as number, '/w/b/f')
    expect('mount' in file && ownerOf(file.mount, file.dentry.inode)).toBe(100_000)
  })
})

describe('statmount(2) and listmount(2)', () => {
  const request = (id: bigint, parameter: bigint): Uint8Array => {
    const bytes = new Uint8Array(24)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, 24, true)
    view.setBigUint64(8, id, true)
    view.setBigUint64(16, parameter, true)
    return bytes
  }
  const ids = (task: Task, id: bigint, after = 0n): bigint[] => {
    const listed = { mnt_ids: 800, nr_mnt_ids: 100, flags: 0 }
    const bytes = data(task, { name: 'listmount', req: request(id, after), ...listed })
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return Array.from({ length: bytes.length / 8 }, (_, index) => view.getBigUint64(index * 8, true))
  }

  it('MNT-103: tell mounts by numbers that are never used again', () => {
    const task = playground()
    mkdir(task, '/w/a')
    tmpfs(task, '/w/a')
    make(task, '/w/a', MS.SHARED)
    const all = ids(task, 0xffffffffffffffffn)
    expect(all).toHaveLength(mountinfo(task).trimEnd().split('\n').length)
    const [parent, last] = all.slice(-2) as [bigint, bigint]
    expect(ids(task, parent)).toEqual([last])
    expect(ids(task, 0xffffffffffffffffn, parent)).toEqual([last])
    const bytes = data(task, { name: 'statmount', req: request(last, 0x3bn), buf: 1024, flags: 0 })
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const text = (at: number) => new TextDecoder().decode(bytes.subarray(512 + view.getUint32(at, true))).split('\0')[0]
    expect([text(36), text(104), text(108)]).toEqual(['tmpfs', '/', '/w/a'])
    expect([view.getBigUint64(48, true), view.getBigUint64(72, true)]).toEqual([parent, BigInt(MS.SHARED)])
    const small = { name: 'statmount', req: request(last, 0x20n), buf: 512, flags: 0 } as const
    expect(errno(call(task, small))).toBe('EOVERFLOW')
    umount(task, '/w/a')
    expect(errno(call(task, small))).toBe('ENOENT')
  })
})

describe('pivot_root(2)', () => {
  const pivot = (task: Task, new_root: string, put_old: string) =>
    errno(call(task, { name: 'pivot_root', new_root, put_old })) ?? 'OK'

  it('MNT-025: refuses in order what cannot be a root', () => {
    const task = playground()
    mkdir(task, '/w/new', '/w/other')
    touch(task, '/w/file')
    expect(pivot(task, '/w/none', '/w')).toBe('ENOENT')
    expect(pivot(task, '/w/file', '/w')).toBe('ENOTDIR')
    expect(pivot(task, '/', '/')).toBe('EBUSY')
    expect(pivot(task, '/w', '/tmp')).toBe('EBUSY')
    expect(pivot(task, '/w/new', '/w/new')).toBe('EINVAL')
    tmpfs(task, '/w/new')
    mkdir(task, '/w/new/old')
    expect(pivot(task, '/w/new', '/w/other')).toBe('EINVAL')
    make(task, '/w', MS.SHARED)
    expect(pivot(task, '/w/new', '/w/new/old')).toBe('EINVAL')
    make(task, '/w', MS.PRIVATE)
    expect(pivot(task, '/w/new', '/w/new/old')).toBe('OK')
    expect(exists(task, '/old/w/other')).toBe(true)
  })

  it('MNT-025: pivot_root(".", ".") stacks the old root on the new, and umount takes it', () => {
    const task = playground()
    mkdir(task, '/w/new')
    tmpfs(task, '/w/new')
    touch(task, '/w/new/mark')
    value(task, { name: 'chdir', path: '/w/new' })
    expect(pivot(task, '.', '.')).toBe('OK')
    expect(umount(task, '.', 2)).toBe('OK')
    expect(exists(task, '/mark')).toBe(true)
    expect(exists(task, '/w')).toBe(false)
    expect(mountinfo(task).trimEnd().split('\n')).toHaveLength(1)
  })

  it('MNT-026: all whose root or working directory was the old root have the new', () => {
    const task = playground()
    const child = inNewNamespace(task)
    const { fs } = child
    const other = inNewNamespace(task)
    letGo(other.fs.root)
    letGo(other.fs.cwd)
    other.fs = { root: hold(fs.root), cwd: hold(fs.cwd), umask: 0, users: 1 }
    mkdir(child, '/w/new')
    tmpfs(child, '/w/new')
    mkdir(child, '/w/new/old')
    expect(pivot(child, '/w/new', '/w/new/old')).toBe('OK')
    expect(exists(other, '/old/w')).toBe(true)
    expect(other.fs.cwd).toEqual(fs.cwd)
    expect(exists(task, '/old')).toBe(false)
  })

  it('MNT-056: after that the old root is busy while somebody is there', () => {
    const task = playground()
    mkdir(task, '/w/new')
    tmpfs(task, '/w/new')
    mkdir(task, '/w/new/old')
    expect(pivot(task, '/w/new', '/w/new/old')).toBe('OK')
    expect(umount(task, '/old')).toBe('EBUSY')
    expect(umount(task, '/old', 2)).toBe('OK')
  })

  it('MNT-057: who is in a chroot sees only mounts below it, by paths from there', () => {
    const task = playground()
    mkdir(task, '/w/jail')
    tmpfs(task, '/w/jail')
    mkdir(task, '/w/jail/in')
    tmpfs(task, '/w/jail/in')
    expect(errno(call(task, { name: 'chroot', path: '/w/jail' }))).toBeUndefined()
    expect(
      mountinfo(task)
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[4]),
    ).toEqual(['/', '/in'])
  })

  it('MNT-028, MNT-029: special characters are octal, and a root that is gone is said to be', () => {
    const task = playground()
    mkdir(task, '/w/a b', '/w/x', '/w/x/y')
    bind(task, '/w/x/y', '/w/a b')
    expect(lineOf(task, '/w/a\\040b')![3]).toBe('/x/y')
    value(task, { name: 'rmdir', pathname: '/w/x/y' })
    expect(lineOf(task, '/w/a\\040b')![3]).toBe('/x/y//deleted')
    expect(errno(call(task, { name: 'mkdir', pathname: '/w/a b/z', mode: 0o755 }))).toBe('ENOENT')
    expect(mount(task, 'x', '/w/a b', 'tmpfs')).toBe('ENOENT')
    expect(bind(task, '/w/a b', '/w/x')).toBe('ENOENT')
  })
})

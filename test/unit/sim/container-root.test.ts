// The root of a container as the runtime makes it, call by call, on a simulated machine.

import { describe, expect, it } from 'vitest'
import type { Fd } from '../../../core/syscall.ts'
import { mountinfo } from '../../../sim/vfs/mountinfo.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { exists, inNewNamespace, MS, make, mkdir, mount, open, touch, umount } from '../../support/sim-mounts.ts'

const here = -100 as Fd

describe('the root of a container', () => {
  it('is an overlay of the host, with mounts of its own, and nothing else of the host', () => {
    const { init } = boot()
    mkdir(init, '/var/c', '/var/c/upper', '/var/c/work', '/var/c/merged', '/data')
    touch(init, '/var/c/hostname', 'web')
    touch(init, '/etc/hostname', 'machine')
    touch(init, '/etc/passwd', 'root')
    const hostSees = mountinfo(init)
    const child = inNewNamespace(init)
    expect(make(child, '/', MS.REC | MS.PRIVATE)).toBe('OK')
    const take = (pathname: string) =>
      value(child, { name: 'open_tree', dirfd: here, pathname, flags: 1 | 0o2000000 | 0x8000 }) as Fd
    const data = take('/data')
    const attr = { attr_set: 1 }
    expect(value(child, { name: 'mount_setattr', dirfd: data, pathname: '', flags: 0x1000, attr })).toBe(0)
    const hostname = take('/var/c/hostname')
    const options = 'lowerdir=/,upperdir=/var/c/upper,workdir=/var/c/work'
    expect(mount(child, 'overlay', '/var/c/merged', 'overlay', 0, options)).toBe('OK')
    const root = open(child, '/var/c/merged', 0o10200000)
    value(child, { name: 'fchdir', fd: root })
    expect(value(child, { name: 'pivot_root', new_root: '.', put_old: '.' })).toBe(0)
    expect(umount(child, '.', 2)).toBe('OK')

    const find = (pathname: string, flags: number) =>
      value(child, { name: 'openat2', dirfd: root, pathname, how: { flags, resolve: 0x10 } }) as Fd
    value(child, { name: 'fchdir', fd: find('/dev', 0o10200000) })
    expect(mount(child, 'tmpfs', '.', 'tmpfs', MS.NOSUID | MS.NOEXEC | MS.STRICTATIME, 'mode=755,size=65536k')).toBe(
      'OK',
    )
    const device = find('/dev', 0o10200000)
    value(child, { name: 'mkdirat', dirfd: device, pathname: 'shm', mode: 0o755 })
    value(child, { name: 'fchdir', fd: find('/dev/shm', 0o10200000) })
    expect(mount(child, 'shm', '.', 'tmpfs', MS.NOSUID | MS.NODEV | MS.NOEXEC, 'mode=1777,size=67108864')).toBe('OK')
    const move = (from: Fd, to: Fd) =>
      errno(
        call(child, {
          ...{ name: 'move_mount', from_dirfd: from, from_pathname: '', to_dirfd: to, to_pathname: '', flags: 0x44 },
        }),
      ) ?? 'OK'
    expect(move(data, find('/data', 0o10200000))).toBe('OK')
    expect(move(hostname, find('/etc/hostname', 0o10000000))).toBe('OK')

    value(child, { name: 'chdir', path: '/' })
    expect(exists(child, '/etc/passwd')).toBe(true)
    touch(child, '/etc/new', 'x')
    expect(exists(init, '/etc/new')).toBe(false)
    expect(exists(init, '/var/c/upper/etc/new')).toBe(true)
    expect(errno(call(child, { name: 'mkdir', pathname: '/data/x', mode: 0o755 }))).toBe('EROFS')
    const places = mountinfo(child).trimEnd().split('\n')
    expect(places.map((line) => line.split(' ')[4])).toEqual(['/data', '/etc/hostname', '/', '/dev', '/dev/shm'])
    expect(mountinfo(init)).toBe(hostSees)

    child.namespaces.mnt.release()
    expect(mountinfo(init)).toBe(hostSees)
  })
})

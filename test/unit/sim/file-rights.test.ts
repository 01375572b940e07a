// Who may do what to a file: owners, modes, capabilities, user namespaces, and mounts that forbid. path_resolution(7)

import { beforeEach, describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { allCapabilities, CAP } from '../../../sim/credentials.ts'
import type { Task } from '../../../sim/task.ts'
import { AT_FDCWD } from '../../../sim/vfs/walk.ts'
import { boot, call, data, errno, value } from '../../support/sim.ts'
import { become, bind, enterUserNamespace, mountTmpfs, pathOf } from '../../support/sim-tasks.ts'

let init: Task
const refusal = (syscall: Syscall) => errno(call(init, syscall))
const open = (pathname: string, flags = 0, mode = 0) => refusal({ name: 'open', pathname, flags, mode })
const make = (pathname: string, mode: number, uid = 0, gid = uid) => {
  value(init, { name: 'close', fd: value(init, { name: 'creat', pathname, mode: 0o600 }) })
  value(init, { name: 'chown', pathname, owner: uid, group: gid })
  value(init, { name: 'chmod', pathname, mode })
}
const stat = (pathname: string) => {
  const bytes = data(init, { name: 'lstat', pathname, statbuf: 144 })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return {
    mode: view.getUint32(24, true) & 0o7777,
    uid: view.getUint32(28, true),
    gid: view.getUint32(32, true),
    links: Number(view.getBigUint64(16, true)),
  }
}
const capability = (name: keyof typeof CAP) => 1n << BigInt(CAP[name])
const O = { WRONLY: 1, RDWR: 2, CREAT: 0o100, TRUNC: 0o1000, NOATIME: 0o1000000, NONBLOCK: 0o4000 }

beforeEach(() => {
  init = boot().init
  value(init, { name: 'umask', mask: 0 })
})

describe('mode bits', () => {
  it('are those of the owner for the owner, of the group for its members, and of the others for the rest', () => {
    make('/tmp/file', 0o421, 1000, 50)
    become(init, { uid: 1000, gid: 50 })
    expect([open('/tmp/file'), open('/tmp/file', O.WRONLY)]).toEqual([undefined, 'EACCES'])
    become(init, { uid: 7, groups: [50] })
    expect([open('/tmp/file'), open('/tmp/file', O.WRONLY)]).toEqual(['EACCES', undefined])
    become(init, { uid: 7 })
    expect([open('/tmp/file'), open('/tmp/file', O.WRONLY)]).toEqual(['EACCES', 'EACCES'])
  })

  it('are overridden by CAP_DAC_OVERRIDE, and for reading by CAP_DAC_READ_SEARCH', () => {
    make('/tmp/file', 0o000, 1000)
    become(init, { uid: 7, capabilities: capability('DAC_OVERRIDE') })
    expect(open('/tmp/file', O.RDWR)).toBeUndefined()
    become(init, { uid: 7, capabilities: capability('DAC_READ_SEARCH') })
    expect([open('/tmp/file'), open('/tmp/file', O.WRONLY)]).toEqual([undefined, 'EACCES'])
  })

  it('let root execute a file only if somebody may', () => {
    make('/tmp/file', 0o644)
    expect(refusal({ name: 'access', pathname: '/tmp/file', mode: 1 })).toBe('EACCES')
    value(init, { name: 'chmod', pathname: '/tmp/file', mode: 0o645 })
    expect(refusal({ name: 'access', pathname: '/tmp/file', mode: 1 })).toBeUndefined()
  })

  it('are asked by access(2) with the real ids', () => {
    make('/tmp/file', 0o600)
    const root = init.credentials
    init.credentials = { ...root, uid: 1000 as typeof root.uid, gid: 1000 as typeof root.gid }
    expect(refusal({ name: 'access', pathname: '/tmp/file', mode: 4 })).toBe('EACCES')
    const effective: Syscall = { name: 'faccessat2', dirfd: AT_FDCWD, pathname: '/tmp/file', mode: 4, flags: 0x200 }
    expect(refusal(effective)).toBeUndefined()
  })
})

describe('owners', () => {
  it('change the mode, and lose setgid for a group that they are not in', () => {
    make('/tmp/file', 0o644, 1000, 50)
    become(init, { uid: 1000, gid: 1000 })
    value(init, { name: 'chmod', pathname: '/tmp/file', mode: 0o6755 })
    expect(stat('/tmp/file').mode).toBe(0o4755)
    become(init, { uid: 7 })
    expect(refusal({ name: 'chmod', pathname: '/tmp/file', mode: 0o777 })).toBe('EPERM')
  })

  it('give a file to one of their groups, to another owner never', () => {
    make('/tmp/file', 0o6755, 1000, 1000)
    become(init, { uid: 1000, groups: [50] })
    expect(refusal({ name: 'chown', pathname: '/tmp/file', owner: 7, group: 0xffffffff })).toBe('EPERM')
    expect(refusal({ name: 'chown', pathname: '/tmp/file', owner: 0xffffffff, group: 60 })).toBe('EPERM')
    value(init, { name: 'chown', pathname: '/tmp/file', owner: 0xffffffff, group: 50 })
    expect(stat('/tmp/file')).toMatchObject({ gid: 50, mode: 0o755 })
  })

  it('lose setuid and setgid by writing', () => {
    make('/tmp/file', 0o6777, 1000, 1000)
    become(init, { uid: 7 })
    const fd = value(init, { name: 'open', pathname: '/tmp/file', flags: O.WRONLY, mode: 0 })
    value(init, { name: 'write', fd, buf: 'x' })
    expect(stat('/tmp/file').mode).toBe(0o777)
  })

  it('alone may ask that reading leaves no trace, and set times', () => {
    make('/tmp/file', 0o666, 1000)
    become(init, { uid: 7 })
    expect(open('/tmp/file', O.NOATIME)).toBe('EPERM')
    const past = new Uint8Array(32)
    const at = { name: 'utimensat', dirfd: AT_FDCWD, pathname: '/tmp/file', flags: 0 } as const
    expect(refusal({ ...at, times: past })).toBe('EPERM')
    expect(refusal({ ...at, times: null })).toBeUndefined()
  })
})

describe('directories', () => {
  it('with the sticky bit let only the owner of the file, or of the directory, remove', () => {
    make('/tmp/file', 0o666, 1000)
    become(init, { uid: 7 })
    expect(refusal({ name: 'unlink', pathname: '/tmp/file' })).toBe('EPERM')
    expect(refusal({ name: 'rename', oldpath: '/tmp/file', newpath: '/tmp/other' })).toBe('EPERM')
    become(init, { uid: 1000 })
    expect(refusal({ name: 'unlink', pathname: '/tmp/file' })).toBeUndefined()
  })

  it('with setgid hand their group on, and the bit to directories', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/shared', mode: 0o777 })
    value(init, { name: 'chown', pathname: '/tmp/shared', owner: 0, group: 50 })
    value(init, { name: 'chmod', pathname: '/tmp/shared', mode: 0o2777 })
    become(init, { uid: 1000 })
    value(init, { name: 'mkdir', pathname: '/tmp/shared/inner', mode: 0o755 })
    value(init, { name: 'mknod', pathname: '/tmp/shared/file', mode: 0o102775, dev: 0 })
    expect(stat('/tmp/shared/inner')).toMatchObject({ gid: 50, mode: 0o2755 })
    expect(stat('/tmp/shared/file')).toMatchObject({ gid: 50, mode: 0o775 })
  })

  it('count their subdirectories as links', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/a', mode: 0o755 })
    value(init, { name: 'mkdir', pathname: '/tmp/a/b', mode: 0o755 })
    expect(stat('/tmp/a').links).toBe(3)
    value(init, { name: 'rename', oldpath: '/tmp/a/b', newpath: '/tmp/b' })
    expect(stat('/tmp/a').links).toBe(2)
  })
})

describe('user namespaces', () => {
  const halfMap = [{ inside: 0, outside: 1000, count: 10 }]

  it('USR-013: an id that is not mapped cannot be given to a file, and is shown as 65534', () => {
    make('/tmp/foreign', 0o666)
    make('/tmp/own', 0o666, 1000)
    enterUserNamespace(init, halfMap)
    expect(stat('/tmp/foreign')).toMatchObject({ uid: 65534, gid: 65534 })
    expect(stat('/tmp/own')).toMatchObject({ uid: 0, gid: 0 })
    expect(refusal({ name: 'chown', pathname: '/tmp/own', owner: 10, group: 0 })).toBe('EINVAL')
    value(init, { name: 'chown', pathname: '/tmp/own', owner: 9, group: 9 })
    expect(stat('/tmp/own')).toMatchObject({ uid: 9, gid: 9 })
  })

  it('USR-014: root of one has no power over files of ids that are not mapped; mode bits still count', () => {
    make('/tmp/closed', 0o600)
    make('/tmp/readable', 0o604)
    make('/tmp/own', 0o000, 1005)
    enterUserNamespace(init, halfMap)
    expect(open('/tmp/closed')).toBe('EACCES')
    expect(open('/tmp/readable')).toBeUndefined()
    expect(open('/tmp/own', O.RDWR)).toBeUndefined()
    expect(refusal({ name: 'chmod', pathname: '/tmp/closed', mode: 0o777 })).toBe('EPERM')
    expect(refusal({ name: 'chown', pathname: '/tmp/closed', owner: 0, group: 0 })).toBe('EPERM')
  })

  it('USR-104: a capability counts only where owner and group both are mapped', () => {
    make('/tmp/half', 0o000, 1000, 5)
    enterUserNamespace(init, halfMap)
    expect(stat('/tmp/half')).toMatchObject({ uid: 0, gid: 65534 })
    expect(open('/tmp/half')).toBe('EACCES')
    expect(refusal({ name: 'chmod', pathname: '/tmp/half', mode: 0o644 })).toBeUndefined()
  })

  it('USR-037: no devices are made in one, but whiteouts and fifos are', () => {
    enterUserNamespace(init, halfMap)
    const mknod = (mode: number, dev: number) => {
      const outcome = refusal({ name: 'mknod', pathname: '/tmp/node', mode, dev })
      if (outcome === undefined) value(init, { name: 'unlink', pathname: '/tmp/node' })
      return outcome
    }
    expect(mknod(0o020666, 0x103)).toBe('EPERM')
    expect(mknod(0o060666, 0)).toBe('EPERM')
    expect(mknod(0o020000, 0)).toBeUndefined()
    expect(mknod(0o010666, 0)).toBeUndefined()
  })

  it('USR-113: devices on a file system that one has mounted are of no use', () => {
    const mount = mountTmpfs(init, '/home')
    value(init, { name: 'mknod', pathname: '/home/null', mode: 0o020666, dev: 0x103 })
    expect(open('/home/null', O.RDWR)).toBeUndefined()
    const { namespace } = enterUserNamespace(init, [{ inside: 0, outside: 0, count: 1 }])
    Object.assign(mount.superblock, { owner: namespace })
    expect(open('/home/null', O.RDWR)).toBe('EACCES')
  })

  it('let chroot be used, for it is checked against the own one', () => {
    enterUserNamespace(init, halfMap)
    expect(refusal({ name: 'chroot', path: '/tmp' })).toBeUndefined()
  })
})

describe('idmapped mounts', () => {
  const shift = [{ inside: 0, outside: 5000, count: 10 }]

  it('show ids of the file system as others, and write them back', () => {
    make('/home/file', 0o600)
    value(init, { name: 'mkdir', pathname: '/tmp/m', mode: 0o755 })
    value(init, { name: 'chmod', pathname: '/home', mode: 0o777 })
    bind(init, '/home', '/tmp/m').idMapping = { uid: shift, gid: shift }
    expect(stat('/tmp/m/file')).toMatchObject({ uid: 5000, gid: 5000 })
    become(init, { uid: 5001 })
    value(init, { name: 'mkdir', pathname: '/tmp/m/new', mode: 0o755 })
    expect(stat('/tmp/m/new')).toMatchObject({ uid: 5001, gid: 5001 })
    become(init, { uid: 0, capabilities: allCapabilities })
    expect(stat('/home/new')).toMatchObject({ uid: 1, gid: 1 })
  })

  it('refuse who has no id there with EOVERFLOW', () => {
    value(init, { name: 'chmod', pathname: '/home', mode: 0o777 })
    value(init, { name: 'mkdir', pathname: '/tmp/m', mode: 0o755 })
    bind(init, '/home', '/tmp/m').idMapping = { uid: shift, gid: shift }
    expect(refusal({ name: 'mkdir', pathname: '/tmp/m/new', mode: 0o755 })).toBe('EOVERFLOW')
    make('/home/foreign', 0o666, 20)
    expect(refusal({ name: 'unlink', pathname: '/tmp/m/foreign' })).toBe('EOVERFLOW')
    expect(refusal({ name: 'chown', pathname: '/tmp/m', owner: 1, group: 1 })).toBe('EOVERFLOW')
    expect(open('/tmp/m/foreign', O.WRONLY)).toBe('EACCES')
  })
})

describe('mounts that forbid', () => {
  it('MNT-020: nothing changes when the mount or the file system is read-only', () => {
    const mount = mountTmpfs(init, '/home')
    make('/home/file', 0o644)
    value(init, { name: 'mkdir', pathname: '/home/directory', mode: 0o755 })
    const changes: Syscall[] = [
      { name: 'open', pathname: '/home/file', flags: O.WRONLY, mode: 0 },
      { name: 'open', pathname: '/home/file', flags: O.TRUNC, mode: 0 },
      { name: 'creat', pathname: '/home/new', mode: 0o644 },
      { name: 'mkdir', pathname: '/home/new', mode: 0o755 },
      { name: 'unlink', pathname: '/home/file' },
      { name: 'unlink', pathname: '/home/missing' },
      { name: 'rmdir', pathname: '/home/directory' },
      { name: 'rename', oldpath: '/home/file', newpath: '/home/other' },
      { name: 'link', oldpath: '/home/file', newpath: '/home/other' },
      { name: 'symlink', target: 'x', linkpath: '/home/other' },
      { name: 'chmod', pathname: '/home/file', mode: 0o600 },
      { name: 'chown', pathname: '/home/file', owner: 1, group: 1 },
      { name: 'truncate', path: '/home/file', length: 0 },
      { name: 'access', pathname: '/home/file', mode: 2 },
      { name: 'setxattr', path: '/home/file', xattr: 'user.x', value: 'y', flags: 0 },
      { name: 'utimensat', dirfd: AT_FDCWD, pathname: '/home/file', times: null, flags: 0 },
    ]
    mount.flags.readonly = true
    for (const change of changes) expect(refusal(change), change.name).toBe('EROFS')
    mount.flags.readonly = false
    mount.superblock.flags = 1
    for (const change of changes) expect(refusal(change), change.name).toBe('EROFS')
    expect(refusal({ name: 'mkdir', pathname: '/home/directory', mode: 0o755 })).toBe('EEXIST')
    expect(open('/home/file')).toBeUndefined()
    mount.superblock.flags = 0
    for (const change of changes) expect(refusal(change), change.name).not.toBe('EROFS')
  })

  it('MNT-023: nodev makes devices unreachable, noexec programs', () => {
    const mount = mountTmpfs(init, '/home')
    value(init, { name: 'mknod', pathname: '/home/null', mode: 0o020666, dev: 0x103 })
    make('/home/program', 0o755)
    mount.flags.nodev = true
    mount.flags.noexec = true
    expect(open('/home/null')).toBe('EACCES')
    expect(refusal({ name: 'access', pathname: '/home/program', mode: 1 })).toBe('EACCES')
  })

  it('MNT-023: what is in a file of a noexec mount is not executed in memory either', () => {
    mountTmpfs(init, '/home').flags.noexec = true
    make('/home/program', 0o755)
    const fd = value(init, { name: 'openat', dirfd: -100, pathname: '/home/program', flags: 0, mode: 0 })
    const map = { name: 'mmap', addr: 0, length: 4096, flags: 2, fd, offset: 0 } as const
    expect(refusal({ ...map, prot: 5 })).toBe('EPERM')
    const addr = value(init, { ...map, prot: 1 })
    expect(refusal({ name: 'mprotect', addr, len: 4096, prot: 5 })).toBe('EACCES')
    expect(refusal({ name: 'mprotect', addr, len: 4096, prot: 3 })).toBeUndefined()
  })

  it('MNT-018: a mountpoint is neither removed nor renamed, nor replaced', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/a', mode: 0o755 })
    value(init, { name: 'mkdir', pathname: '/tmp/b', mode: 0o755 })
    mountTmpfs(init, '/tmp/a')
    expect(refusal({ name: 'rmdir', pathname: '/tmp/a' })).toBe('EBUSY')
    expect(refusal({ name: 'rename', oldpath: '/tmp/a', newpath: '/tmp/c' })).toBe('EBUSY')
    expect(refusal({ name: 'rename', oldpath: '/tmp/b', newpath: '/tmp/a' })).toBe('EBUSY')
  })

  it('MNT-018: one of another mount namespace goes away with its directory', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/a', mode: 0o755 })
    const mount = mountTmpfs(init, '/tmp/a')
    const directory = mount.at!.dentry
    init.namespaces.mnt.mounts.delete(mount)
    mount.namespace = undefined
    expect(refusal({ name: 'rmdir', pathname: '/tmp/a' })).toBeUndefined()
    expect([mount.at, directory.mounts]).toEqual([undefined, 0])
  })

  it('MNT-019: rename and link do not cross mounts, not even two of one file system', () => {
    make('/home/file', 0o644)
    value(init, { name: 'mkdir', pathname: '/tmp/m', mode: 0o755 })
    bind(init, '/home', '/tmp/m')
    expect(refusal({ name: 'rename', oldpath: '/home/file', newpath: '/tmp/m/other' })).toBe('EXDEV')
    expect(refusal({ name: 'link', oldpath: '/home/file', newpath: '/tmp/m/other' })).toBe('EXDEV')
    expect(refusal({ name: 'rename', oldpath: '/tmp/m/file', newpath: '/tmp/m/other' })).toBeUndefined()
  })

  it('MNT-029: in a directory that is gone nothing is made', () => {
    value(init, { name: 'mkdir', pathname: '/tmp/a', mode: 0o755 })
    value(init, { name: 'mkdir', pathname: '/tmp/m', mode: 0o755 })
    bind(init, '/tmp/a', '/tmp/m')
    value(init, { name: 'rmdir', pathname: '/tmp/a' })
    expect(pathOf(init, '/tmp/m').dentry.deleted).toBe(true)
    expect(refusal({ name: 'mkdir', pathname: '/tmp/m/x', mode: 0o755 })).toBe('ENOENT')
    expect(open('/tmp/m/x', O.CREAT, 0o644)).toBe('ENOENT')
  })
})

describe('extended attributes', () => {
  const set = (xattr: string, bytes: Uint8Array | string = 'x', path = '/tmp/file', flags = 0) =>
    refusal({ name: 'setxattr', path, xattr, value: bytes, flags })
  const get = (xattr: string, room = 100, path = '/tmp/file') =>
    call(init, { name: 'getxattr', path, xattr, value: room })

  beforeEach(() => make('/tmp/file', 0o666, 1000))

  it('are made, replaced and removed as the flags say', () => {
    expect(set('user.a', 'x', '/tmp/file', 2)).toBe('ENODATA')
    expect(set('user.a', 'one', '/tmp/file', 1)).toBeUndefined()
    expect(set('user.a', 'one', '/tmp/file', 1)).toBe('EEXIST')
    expect(get('user.a', 0)).toEqual({ value: 3 })
    expect(errno(get('user.a', 2))).toBe('ERANGE')
    expect(refusal({ name: 'removexattr', path: '/tmp/file', xattr: 'user.a' })).toBeUndefined()
    expect(errno(get('user.a'))).toBe('ENODATA')
    expect(set('unknown.a')).toBe('EOPNOTSUPP')
    expect(set(`user.${'a'.repeat(251)}`)).toBe('ERANGE')
    expect(set('user.a', new Uint8Array(65_537))).toBe('E2BIG')
  })

  it('of trusted are for CAP_SYS_ADMIN alone, and not even seen by others', () => {
    expect(set('trusted.a')).toBeUndefined()
    become(init, { uid: 1000 })
    expect(set('trusted.a')).toBe('EPERM')
    expect(errno(get('trusted.a'))).toBe('ENODATA')
    expect(call(init, { name: 'listxattr', path: '/tmp/file', list: 99 })).toMatchObject({ value: 0 })
    expect(set('security.a')).toBe('EPERM')
  })

  it('of user are for files and directories', () => {
    value(init, { name: 'mknod', pathname: '/tmp/fifo', mode: 0o010666, dev: 0 })
    expect(set('user.a', 'x', '/tmp/fifo')).toBe('EPERM')
    expect(errno(get('user.a', 9, '/tmp/fifo'))).toBe('ENODATA')
  })

  it('USR-111: capabilities set in a user namespace count for its root, and read there as before', () => {
    const capabilities = new Uint8Array(20)
    new DataView(capabilities.buffer).setUint32(0, 0x02000001, true)
    const root = init.credentials
    enterUserNamespace(init, [{ inside: 0, outside: 1000, count: 10 }])
    expect(set('security.capability', capabilities)).toBeUndefined()
    expect(get('security.capability')).toEqual({ value: 20, data: capabilities })
    init.credentials = root
    const seen = data(init, { name: 'getxattr', path: '/tmp/file', xattr: 'security.capability', value: 100 })
    expect([seen.length, new DataView(seen.buffer, seen.byteOffset).getUint32(20, true)]).toEqual([24, 1000])
    become(init, { uid: 1000 })
    expect(set('security.capability', capabilities)).toBe('EPERM')
  })
})

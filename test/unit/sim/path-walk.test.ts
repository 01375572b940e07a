// Paths: from text to what they name, and what stands in the way. path_resolution(7), openat2(2)

import { beforeEach, describe, expect, it } from 'vitest'
import { allCapabilities } from '../../../sim/credentials.ts'
import type { Task } from '../../../sim/task.ts'
import { boot, call, errno, value } from '../../support/sim.ts'
import { become, bind, mountTmpfs } from '../../support/sim-tasks.ts'

const O_PATH = 0o10000000
const RESOLVE = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16, CACHED: 32 }
let init: Task

const mkdir = (pathname: string, mode = 0o755) => value(init, { name: 'mkdir', pathname, mode })
const symlink = (target: string, linkpath: string) => value(init, { name: 'symlink', target, linkpath })
const touch = (pathname: string) =>
  value(init, { name: 'close', fd: value(init, { name: 'creat', pathname, mode: 0o644 }) })
const open = (pathname: string, flags = 0) => call(init, { name: 'open', pathname, flags, mode: 0 })
const openat2 = (dirfd: number, pathname: string, resolve: number, flags = 0) =>
  errno(call(init, { name: 'openat2', dirfd, pathname, how: { flags, resolve } }))
const inode = (pathname: string) => {
  const outcome = call(init, { name: 'statx', dirfd: -100, pathname, flags: 0, mask: 0x7ff, statxbuf: 256 })
  if (!('data' in outcome)) return errno(outcome)
  const view = new DataView(outcome.data!.buffer, outcome.data!.byteOffset)
  return `${view.getUint32(140, true)}:${view.getBigUint64(32, true)}`
}

beforeEach(() => {
  init = boot().init
  mkdir('/tmp/a')
  mkdir('/tmp/a/b')
  touch('/tmp/a/file')
})

describe('a path', () => {
  it('goes through . and .. and several slashes', () => {
    expect(inode('//tmp/./a//b/../b/.')).toBe(inode('/tmp/a/b'))
  })

  it('stays at the root when .. goes on', () => {
    expect(inode('/../../tmp')).toBe(inode('/tmp'))
  })

  it('is refused when it is empty, too long or no pointer', () => {
    expect(errno(open(''))).toBe('ENOENT')
    expect(errno(open(`/tmp/${'a'.repeat(256)}`))).toBe('ENAMETOOLONG')
    expect(errno(open(`/tmp/${'ä'.repeat(128)}`))).toBe('ENAMETOOLONG')
    expect(errno(open('/tmp/'.repeat(1000)))).toBe('ENAMETOOLONG')
    expect(errno(call(init, { name: 'open', pathname: null, flags: 0, mode: 0 }))).toBe('EFAULT')
  })

  it('does not go through a file, and ends in a slash only at a directory', () => {
    expect(errno(open('/tmp/a/file/x'))).toBe('ENOTDIR')
    expect(errno(open('/tmp/a/file/'))).toBe('ENOTDIR')
    expect(errno(open('/tmp/a/file/..'))).toBe('ENOTDIR')
    expect(errno(open('/tmp/a/b/'))).toBeUndefined()
  })

  it('starts at a descriptor when it is relative, also at one of O_PATH', () => {
    const dirfd = value(init, { name: 'open', pathname: '/tmp/a', flags: O_PATH, mode: 0 })
    expect(errno(call(init, { name: 'openat', dirfd, pathname: 'file', flags: 0, mode: 0 }))).toBeUndefined()
    expect(errno(call(init, { name: 'openat', dirfd: 99, pathname: 'file', flags: 0, mode: 0 }))).toBe('EBADF')
    expect(errno(call(init, { name: 'openat', dirfd: 99, pathname: '/tmp', flags: 0, mode: 0 }))).toBeUndefined()
    const file = value(init, { name: 'open', pathname: '/tmp/a/file', flags: 0, mode: 0 })
    expect(errno(call(init, { name: 'openat', dirfd: file, pathname: 'x', flags: 0, mode: 0 }))).toBe('ENOTDIR')
  })

  it('needs permission to search in each directory', () => {
    value(init, { name: 'chmod', pathname: '/tmp/a', mode: 0o700 })
    become(init, { uid: 1000 })
    expect(errno(open('/tmp/a/file'))).toBe('EACCES')
    expect(errno(open('/tmp/a/missing'))).toBe('EACCES')
  })
})

describe('symbolic links', () => {
  it('are followed on the way, and at the end unless it is asked not to', () => {
    symlink('a/b', '/tmp/link')
    expect(inode('/tmp/link')).toBe(inode('/tmp/a/b'))
    expect(inode('/tmp/link/..')).toBe(inode('/tmp/a'))
    expect(errno(open('/tmp/link', 0o400000))).toBe('ELOOP')
    expect(errno(open('/tmp/link/', 0o400000))).toBeUndefined()
  })

  it('are read, but nothing else is', () => {
    symlink('a/b', '/tmp/link')
    expect(call(init, { name: 'readlink', pathname: '/tmp/link', buf: 2 })).toMatchObject({ value: 2 })
    expect(errno(call(init, { name: 'readlink', pathname: '/tmp/a', buf: 9 }))).toBe('EINVAL')
    expect(errno(call(init, { name: 'readlink', pathname: '/tmp/link', buf: 0 }))).toBe('EINVAL')
  })

  it('are followed 40 times, and no more', () => {
    touch('/tmp/l0')
    for (let index = 1; index <= 41; index++) symlink(`l${index - 1}`, `/tmp/l${index}`)
    expect(errno(open('/tmp/l40'))).toBeUndefined()
    expect(errno(open('/tmp/l41'))).toBe('ELOOP')
    symlink('circle', '/tmp/circle')
    expect(errno(open('/tmp/circle'))).toBe('ELOOP')
  })

  it('are not followed from a mount with nosymfollow', () => {
    mkdir('/tmp/m')
    const mount = mountTmpfs(init, '/tmp/m')
    symlink('/tmp/a', '/tmp/m/link')
    mount.flags.nosymfollow = true
    expect(errno(open('/tmp/m/link'))).toBe('ELOOP')
    expect(call(init, { name: 'readlink', pathname: '/tmp/m/link', buf: 99 })).toMatchObject({ value: 6 })
  })

  it('make a file where they lead when nothing is there', () => {
    symlink('new', '/tmp/a/link')
    expect(errno(call(init, { name: 'open', pathname: '/tmp/a/link', flags: 0o101, mode: 0o644 }))).toBeUndefined()
    expect(inode('/tmp/a/new')).not.toBe('ENOENT')
    expect(errno(call(init, { name: 'open', pathname: '/tmp/a/link', flags: 0o301, mode: 0o644 }))).toBe('EEXIST')
  })
})

describe('mounts', () => {
  it('MNT-017: cover what is below, the newest on top, and .. leads out of them', () => {
    mountTmpfs(init, '/tmp/a')
    expect(inode('/tmp/a/file')).toBe('ENOENT')
    touch('/tmp/a/first')
    mountTmpfs(init, '/tmp/a')
    expect(inode('/tmp/a/first')).toBe('ENOENT')
    expect(inode('/tmp/a/..')).toBe(inode('/tmp'))
  })

  it('MNT-102: cover a directory only where it is seen through the same mount', () => {
    mkdir('/tmp/c')
    bind(init, '/tmp/a', '/tmp/c')
    mountTmpfs(init, '/tmp/c/b')
    touch('/tmp/c/b/inside')
    expect(inode('/tmp/c/b/inside')).not.toBe('ENOENT')
    expect(inode('/tmp/a/b/inside')).toBe('ENOENT')
  })
})

describe('openat2', () => {
  let dirfd: number

  beforeEach(() => {
    symlink('b', '/tmp/a/inner')
    symlink('/etc', '/tmp/a/absolute')
    symlink('../../etc', '/tmp/a/outer')
    dirfd = value(init, { name: 'open', pathname: '/tmp/a', flags: O_PATH, mode: 0 })
  })

  it('keeps beneath a directory with RESOLVE_BENEATH', () => {
    expect(openat2(dirfd, 'b/../file', RESOLVE.BENEATH)).toBeUndefined()
    expect(openat2(dirfd, 'inner', RESOLVE.BENEATH)).toBeUndefined()
    for (const path of ['..', '/tmp/a/file', 'absolute', 'outer', 'b/../../a/file'])
      expect(openat2(dirfd, path, RESOLVE.BENEATH), path).toBe('EXDEV')
  })

  it('takes a directory for the root with RESOLVE_IN_ROOT', () => {
    expect(openat2(dirfd, '/file', RESOLVE.IN_ROOT)).toBeUndefined()
    expect(openat2(dirfd, '../../../file', RESOLVE.IN_ROOT)).toBeUndefined()
    expect(openat2(dirfd, 'absolute', RESOLVE.IN_ROOT)).toBe('ENOENT')
    mkdir('/tmp/a/etc')
    expect(openat2(dirfd, 'absolute', RESOLVE.IN_ROOT)).toBeUndefined()
    expect(openat2(dirfd, 'outer', RESOLVE.IN_ROOT)).toBeUndefined()
  })

  it('follows no links with RESOLVE_NO_SYMLINKS', () => {
    expect(openat2(dirfd, 'inner', RESOLVE.NO_SYMLINKS)).toBe('ELOOP')
    expect(openat2(dirfd, 'b', RESOLVE.NO_SYMLINKS)).toBeUndefined()
    expect(openat2(dirfd, 'inner', RESOLVE.NO_MAGICLINKS)).toBeUndefined()
  })

  it('crosses no mount with RESOLVE_NO_XDEV, in either direction', () => {
    mountTmpfs(init, '/tmp/a/b')
    expect(openat2(dirfd, 'b', RESOLVE.NO_XDEV)).toBe('EXDEV')
    expect(openat2(dirfd, 'file', RESOLVE.NO_XDEV)).toBeUndefined()
    const inside = value(init, { name: 'open', pathname: '/tmp/a/b', flags: O_PATH, mode: 0 })
    expect(openat2(inside, '..', RESOLVE.NO_XDEV)).toBe('EXDEV')
    expect(openat2(inside, '/tmp', RESOLVE.NO_XDEV)).toBeUndefined()
  })

  it('refuses what openat forgives', () => {
    const how = (flags: number, mode = 0, resolve = 0) =>
      errno(call(init, { name: 'openat2', dirfd: -100, pathname: '/tmp/a', how: { flags, mode, resolve } }))
    expect(how(0o100000000)).toBe('EINVAL')
    expect(how(0, 0o644)).toBe('EINVAL')
    expect(how(0o100, 0o10000)).toBe('EINVAL')
    expect(how(0, 0, 0x40)).toBe('EINVAL')
    expect(how(0, 0, RESOLVE.BENEATH | RESOLVE.IN_ROOT)).toBe('EINVAL')
    expect(how(O_PATH | 1)).toBe('EINVAL')
    expect(how(0, 0, RESOLVE.CACHED)).toBe('EAGAIN')
  })
})

describe('chroot', () => {
  it('MNT-027: changes the root, not the working directory, so that one who is outside climbs out', () => {
    mkdir('/tmp/a/inner')
    value(init, { name: 'chdir', path: '/tmp/a' })
    const top = inode('/')
    value(init, { name: 'chroot', path: '/tmp/a/inner' })
    expect(inode('/..')).toBe(inode('/'))
    expect(inode('../..')).toBe(top)
    expect(call(init, { name: 'getcwd', buf: 99 })).toMatchObject({
      data: new TextEncoder().encode('(unreachable)/tmp/a\0'),
    })
  })

  it('MNT-027: needs a directory, permission to search it, and CAP_SYS_CHROOT', () => {
    const chroot = (path: string) => errno(call(init, { name: 'chroot', path }))
    expect(chroot('/tmp/a/file')).toBe('ENOTDIR')
    become(init, { uid: 1000 })
    expect(chroot('/tmp/a')).toBe('EPERM')
    expect(chroot('/root')).toBe('EACCES')
  })
})

describe('getcwd', () => {
  it('follows a directory that is renamed, and misses one that is removed', () => {
    value(init, { name: 'chdir', path: '/tmp/a/b' })
    value(init, { name: 'rename', oldpath: '/tmp/a', newpath: '/tmp/c' })
    expect(call(init, { name: 'getcwd', buf: 99 })).toMatchObject({ data: new TextEncoder().encode('/tmp/c/b\0') })
    expect(errno(call(init, { name: 'getcwd', buf: 8 }))).toBe('ERANGE')
    value(init, { name: 'rmdir', pathname: '/tmp/c/b' })
    expect(errno(call(init, { name: 'getcwd', buf: 99 }))).toBe('ENOENT')
    expect(errno(call(init, { name: 'mkdir', pathname: 'x', mode: 0o755 }))).toBe('ENOENT')
    expect(errno(call(init, { name: 'chdir', path: '..' }))).toBeUndefined()
  })
})

describe('links and files of others in a sticky directory', () => {
  const protect = (name: string, level = 1) => init.kernel.sysctls.set(`protected_${name}`, level)

  beforeEach(() => {
    touch('/tmp/theirs')
    symlink('/etc', '/tmp/link')
    value(init, { name: 'chown', pathname: '/tmp/theirs', owner: 1000, group: 1000 })
    value(init, { name: 'chmod', pathname: '/tmp/theirs', mode: 0o666 })
    value(init, { name: 'lchown', pathname: '/tmp/link', owner: 1000, group: 1000 })
    become(init, { uid: 7 })
  })

  it('are followed, opened and linked unless fs.protected_* says otherwise', () => {
    const uses = () => [
      errno(open('/tmp/link')),
      errno(open('/tmp/theirs', 0o101)),
      errno(call(init, { name: 'link', oldpath: '/tmp/a/file', newpath: '/tmp/mine' })),
    ]
    expect(uses()).toEqual([undefined, undefined, undefined])
    become(init, { uid: 0, gid: 0, capabilities: allCapabilities })
    value(init, { name: 'unlink', pathname: '/tmp/mine' })
    become(init, { uid: 7 })
    for (const name of ['symlinks', 'regular', 'hardlinks']) protect(name)
    expect(uses()).toEqual(['EACCES', 'EACCES', 'EPERM'])
  })
})

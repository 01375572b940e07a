// Random calls on names: making, removing, opening, owners, modes, extended attributes.

import { AT_FDCWD, type Draw, type Make, words } from './draw.ts'

const modes = [0o755, 0o700, 0o000, 0o4755, 0o2755, 0o1777, 0o640, 0o666]
// O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC.
const openBits = [0o100, 0o300, 0o1000, 0o2000, 0o4000, 0o200000, 0o400000, 0o2000000]
const attributes = ['trusted.x', 'user.x', 'y', 'security.x', 'user.', 'system.x', 'trusted.y']
const at = { nofollow: 0x100, follow: 0x400, empty: 0x1000, odd: 0x80000 }

/** O_NONBLOCK always where a fifo would let its opener wait for another one, now and then. */
const openFlags = (draw: Draw): number =>
  draw.of([0, 1, 2, 0, 2, 0o10000000, 0o20200002, 3]) | draw.flags(openBits) | draw.of([0o4000, 0, 0])

const placed = (draw: Draw) => ({ dirfd: draw.directory(), pathname: draw.anyPath() })

export const files: Readonly<Record<string, Make>> = {
  mkdir: (draw) =>
    draw.of([true, false])
      ? { name: 'mkdirat', ...placed(draw), mode: draw.of(modes) }
      : { name: 'mkdir', pathname: draw.anyPath(), mode: draw.of(modes) },
  remove: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'unlinkat', ...placed(draw), flags: draw.of([0, 0x200, 1]) }),
      () => ({ name: 'unlink', pathname: draw.anyPath() }),
      () => ({ name: 'rmdir', pathname: draw.anyPath() }),
    ])(),
  open: (draw) => ({ name: 'openat', ...placed(draw), flags: openFlags(draw), mode: draw.of(modes) }),
  openDirectory: (draw) => ({ name: 'openat', dirfd: AT_FDCWD, pathname: draw.path(), flags: 0o200000, mode: 0 }),
  openOld: (draw) =>
    draw.of([true, false])
      ? { name: 'open', pathname: draw.anyPath(), flags: openFlags(draw), mode: draw.of(modes) }
      : { name: 'creat', pathname: draw.anyPath(), mode: draw.of(modes) },
  open2: (draw) => {
    const flags = openFlags(draw)
    const mode = (flags & 0o100) !== 0 || (flags & 0o20000000) !== 0 ? draw.of(modes) : draw.of([0, 0, 0, 0o644])
    // RESOLVE_NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT.
    return { name: 'openat2', ...placed(draw), how: { flags, mode, resolve: draw.flags([1, 2, 4, 8, 16]) } }
  },
  rename: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({
        ...{ name: 'renameat2', olddirfd: draw.directory(), oldpath: draw.anyPath() },
        ...{ newdirfd: draw.directory(), newpath: draw.anyPath(), flags: draw.of([0, 0, 1, 2, 3, 4, 8]) },
      }),
      () => ({
        ...{ name: 'renameat', olddirfd: draw.directory(), oldpath: draw.path() },
        ...{ newdirfd: draw.directory(), newpath: draw.path() },
      }),
      () => ({ name: 'rename', oldpath: draw.anyPath(), newpath: draw.anyPath() }),
    ])(),
  link: (draw) =>
    draw.of([true, true, false])
      ? {
          ...{ name: 'linkat', olddirfd: draw.directory(), oldpath: draw.anyPath() },
          ...{
            newdirfd: draw.directory(),
            newpath: draw.path(),
            flags: draw.of([0, at.follow, at.empty, at.nofollow]),
          },
        }
      : { name: 'link', oldpath: draw.anyPath(), newpath: draw.anyPath() },
  symlink: (draw) => {
    const target = draw.of(['/tmp/a', 'b', '/nowhere', 'l', '../b', '', '/tmp/l/c', 'a/c'])
    return draw.of([true, false])
      ? { name: 'symlinkat', target, newdirfd: draw.directory(), linkpath: draw.anyPath() }
      : { name: 'symlink', target, linkpath: draw.anyPath() }
  },
  readlink: (draw) =>
    draw.of([true, true, false])
      ? { name: 'readlinkat', ...placed(draw), buf: draw.of([100, 2]) }
      : { name: 'readlink', pathname: draw.anyPath(), buf: 100 },
  mknod: (draw) => {
    // A fifo, a socket, a regular file, /dev/null, a directory: no block devices, and of the characters' only this one.
    const [mode, dev] = draw.of([
      ...[
        [0o010644, 0],
        [0o140644, 0],
        [0o100644, 0],
      ],
      ...[
        [0o020666, 0x103],
        [0o040755, 0],
        [0o644, 0],
        [0o020644, 0],
      ],
    ] as const)
    return draw.of([true, false])
      ? { name: 'mknodat', ...placed(draw), mode, dev }
      : { name: 'mknod', pathname: draw.anyPath(), mode, dev }
  },
  chmod: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'fchmodat', ...placed(draw), mode: draw.of(modes) }),
      () => ({ name: 'fchmodat2', ...placed(draw), mode: draw.of(modes), flags: draw.of([0, at.nofollow, at.empty]) }),
      () => ({ name: 'chmod', pathname: draw.anyPath(), mode: draw.of(modes) }),
      () => ({ name: 'fchmod', fd: draw.fd(), mode: draw.of(modes) }),
    ])(),
  chown: (draw) => {
    const owned = { owner: draw.uid(), group: draw.uid() }
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'fchownat', ...placed(draw), ...owned, flags: draw.of([0, at.nofollow, at.empty, at.odd]) }),
      () => ({ name: 'chown', pathname: draw.anyPath(), ...owned }),
      () => ({ name: 'lchown', pathname: draw.anyPath(), ...owned }),
      () => ({ name: 'fchown', fd: draw.fd(), ...owned }),
    ])()
  },
  access: (draw) => {
    const mode = draw.of([0, 1, 2, 4, 7, 8])
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'faccessat2', ...placed(draw), mode, flags: draw.of([0, 0x200, at.nofollow, at.empty, 1]) }),
      () => ({ name: 'faccessat', ...placed(draw), mode }),
      () => ({ name: 'access', pathname: draw.anyPath(), mode }),
    ])()
  },
  stat: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'newfstatat', ...placed(draw), statbuf: 144, flags: draw.of([0, at.nofollow, at.empty, at.odd]) }),
      () => ({ name: 'stat', pathname: draw.anyPath(), statbuf: 144 }),
      () => ({ name: 'lstat', pathname: draw.anyPath(), statbuf: 144 }),
      () => ({ name: 'fstat', fd: draw.fd(), statbuf: 144 }),
      () => ({
        ...{ name: 'statx', ...placed(draw), flags: draw.of([0, at.nofollow, at.empty, 0x6000]) },
        ...{ mask: draw.of([0x7ff, 0, 0x17ff, 0x80000000]), statxbuf: 256 },
      }),
    ])(),
  statfs: (draw) =>
    draw.of([true, false])
      ? { name: 'statfs', path: draw.anyPath(), buf: 120 }
      : { name: 'fstatfs', fd: draw.fd(), buf: 120 },
  truncate: (draw) => ({ name: 'truncate', path: draw.anyPath(), length: draw.of([0, 3, 5000, -1]) }),
  chdir: (draw) =>
    draw.of([true, true, false]) ? { name: 'chdir', path: draw.anyPath() } : { name: 'fchdir', fd: draw.fd(/openat/) },
  getcwd: (draw) => ({ name: 'getcwd', buf: draw.of([100, 3]) }),
  umask: (draw) => ({ name: 'umask', mask: draw.of([0o022, 0o077, 0, 0o7777]) }),
  times: (draw) => ({
    ...{ name: 'utimensat', ...placed(draw) },
    // Now, never mind, a time, a number that is no nanoseconds.
    times: draw.of([null, words(8, 0, 2n ** 30n - 1n, 0, 2n ** 30n - 2n), words(8, 5, 0, 6, 0), words(8, 0, -1, 0, 0)]),
    flags: draw.of([0, at.nofollow, at.empty, 1]),
  }),
  setxattr: (draw) => {
    const given = { xattr: draw.of(attributes), value: draw.of(['v', 'longer', '']), flags: draw.of([0, 1, 2, 3]) }
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'setxattr', path: draw.anyPath(), ...given }),
      () => ({ name: 'lsetxattr', path: draw.anyPath(), ...given }),
      () => ({ name: 'fsetxattr', fd: draw.fd(), ...given }),
    ])()
  },
  getxattr: (draw) => {
    const given = { xattr: draw.of(attributes), value: draw.of([9, 2, 0]) }
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'getxattr', path: draw.anyPath(), ...given }),
      () => ({ name: 'lgetxattr', path: draw.anyPath(), ...given }),
      () => ({ name: 'fgetxattr', fd: draw.fd(), ...given }),
    ])()
  },
  listxattr: (draw) => {
    const list = draw.of([100, 3, 0])
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'listxattr', path: draw.anyPath(), list }),
      () => ({ name: 'llistxattr', path: draw.anyPath(), list }),
      () => ({ name: 'flistxattr', fd: draw.fd(), list }),
    ])()
  },
  removexattr: (draw) => {
    const xattr = draw.of(attributes)
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'removexattr', path: draw.anyPath(), xattr }),
      () => ({ name: 'lremovexattr', path: draw.anyPath(), xattr }),
      () => ({ name: 'fremovexattr', fd: draw.fd(), xattr }),
    ])()
  },
}

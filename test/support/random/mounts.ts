// Random calls about mounts: the old call and the new ones, roots, overlays.

import { AT_FDCWD, type Draw, type Make, words } from './draw.ts'

// MS_BIND, MS_BIND|MS_REC, MS_REMOUNT|MS_RDONLY, MS_REMOUNT|MS_BIND|MS_RDONLY, MS_PRIVATE, MS_SHARED, MS_SLAVE,
// MS_UNBINDABLE, MS_MOVE, MS_SHARED|MS_REC, and two that exclude each other.
const changes = [
  ...[0x1000, 0x1000, 0x5000, 0x21, 0x1021, 1 << 18, 1 << 20, 1 << 19, 1 << 17, 0x2000, 0x104000, 0x44000],
  ...[0x1022, 0x140000, 0x101000],
]
/** No sysfs: modes of its files belong to the whole machine. */
const types: readonly (readonly [string, string | null])[] = [
  ...([
    ['tmpfs', null],
    ['tmpfs', 'mode=755'],
    ['tmpfs', 'size=1m,nr_inodes=50'],
    ['tmpfs', 'nonsense=1'],
  ] as const),
  ...([
    ['proc', null],
    ['mqueue', null],
    ['nosuchfs', null],
    ['cgroup2', null],
  ] as const),
  ...([
    ['overlay', 'lowerdir=/tmp/a'],
    ['overlay', 'lowerdir=/tmp/a:/tmp/b'],
    ['overlay', null],
  ] as const),
  ...([['overlay', 'lowerdir=/tmp/a,upperdir=/tmp/b,workdir=/tmp/w']] as const),
  ...([
    ['devpts', 'newinstance'],
    ['devpts', null],
  ] as const),
]
// MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, STRICTATIME, NOSYMFOLLOW.
const attributes = [0, 1, 2, 4, 8, 0x10, 0x20, 0x200000, 3, 0x100000]
const trees = /open_tree|fsmount/

/** What mounts may be made on: not what a scenario reads its settings from. */
const place = (draw: Draw): string => draw.anyPath()

export const mounts: Readonly<Record<string, Make>> = {
  mount: (draw) => {
    const [filesystemtype, data] = draw.of(types)
    return {
      ...{ name: 'mount', source: draw.of(['none', 'none', '']), target: place(draw), filesystemtype },
      ...{ mountflags: draw.of([0, 0, 1, 2, 4, 8, 1024]), data },
    }
  },
  tmpfs: (draw) => ({
    ...{ name: 'mount', source: 'none', target: place(draw), filesystemtype: 'tmpfs', mountflags: 0 },
    data: draw.of(['mode=755', null]),
  }),
  remount: (draw) => ({
    ...{ name: 'mount', source: draw.anyPath(), target: place(draw), filesystemtype: null },
    ...{ mountflags: draw.of(changes), data: null },
  }),
  umount: (draw) => ({ name: 'umount2', target: place(draw), flags: draw.of([0, 0, 2, 4, 8, 16, 6]) }),
  chroot: (draw) => ({ name: 'chroot', path: draw.of(['/tmp/a', '/tmp/a/c', '/nowhere', '/', '.', '/tmp']) }),
  pivotRoot: (draw) => ({ name: 'pivot_root', new_root: draw.path(), put_old: draw.path() }),
  openTree: (draw) => ({
    ...{ name: 'open_tree', dirfd: draw.directory(), pathname: draw.anyPath() },
    flags: draw.of([1, 1, 0, 0x8001, 0x8000, 0x80001, 0x1001, 2]),
  }),
  moveMount: (draw) => ({
    ...{ name: 'move_mount', from_dirfd: draw.fd(trees), from_pathname: draw.of(['', '', draw.path()]) },
    ...{ to_dirfd: draw.directory(), to_pathname: draw.anyPath(), flags: draw.of([4, 4, 4, 0, 0x44, 0x104, 0x400]) },
  }),
  fsopen: (draw) => ({
    ...{ name: 'fsopen', fs_name: draw.of(['tmpfs', 'tmpfs', 'proc', 'overlay', 'mqueue', 'nosuchfs', '']) },
    flags: draw.of([0, 1, 2]),
  }),
  fsconfig: (draw) => {
    const [cmd, key, value] = draw.of([
      ...([
        [6, null, null],
        [6, null, null],
        [6, null, null],
        [1, 'mode', '700'],
        [1, 'size', '1m'],
      ] as const),
      ...([
        [1, 'nonsense', 'x'],
        [0, 'ro', null],
        [1, 'source', 'none'],
        [1, 'lowerdir', '/tmp/a'],
      ] as const),
      ...([
        [7, null, null],
        [8, null, null],
        [99, null, null],
        [0, 'size', null],
        [1, 'mode', null],
      ] as const),
    ])
    return { name: 'fsconfig', fd: draw.fd(/fsopen|fspick/), cmd, key, value, aux: 0 }
  },
  fsmount: (draw) => ({
    ...{ name: 'fsmount', fs_fd: draw.fd(/fsopen/), flags: draw.of([0, 1, 2]), attr_flags: draw.of(attributes) },
  }),
  fspick: (draw) => ({
    name: 'fspick',
    dirfd: draw.directory(),
    pathname: draw.anyPath(),
    flags: draw.of([0, 1, 8, 2, 16]),
  }),
  setattr: (draw) => ({
    ...{ name: 'mount_setattr', dirfd: draw.of([AT_FDCWD, draw.fd(trees)]), pathname: draw.of([draw.anyPath(), '']) },
    flags: draw.of([0, 0x1000, 0x8000, 0x9000, 0x100, 1]),
    attr: {
      attr_set: draw.of(attributes),
      attr_clr: draw.of([0, 0, 1, 2, 8, 0x70]),
      propagation: draw.of([0, 0, 1 << 18, 1 << 20, 1 << 19, 1 << 17, 3]),
    },
  }),
  listmount: (draw) => ({
    // LSMT_ROOT, or nobody's number.
    ...{ name: 'listmount', req: words(8, 24n, draw.of([2n ** 64n - 1n, 2n ** 64n - 1n, 77n]), 0n) },
    ...{ mnt_ids: 512, nr_mnt_ids: draw.of([64, 1, 0]), flags: draw.of([0, 0, 2]) },
  }),
  statmount: (draw) => ({
    ...{
      name: 'statmount',
      req: words(8, 24n, draw.of([77n, 1n]), 2n),
      buf: draw.of([512, 4]),
      flags: draw.of([0, 1]),
    },
  }),
}

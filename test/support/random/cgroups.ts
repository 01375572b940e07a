// Random calls on the files of the unified hierarchy, and on what procfs tells.

import { AT_FDCWD, type Draw, type Make } from './draw.ts'

const groups = [
  '/sys/fs/cgroup/x',
  '/sys/fs/cgroup/x/y',
  '/sys/fs/cgroup/z',
  '/sys/fs/cgroup/x/y/z',
  '/sys/fs/cgroup/z/w',
]
const files = [
  'procs',
  'type',
  'threads',
  'max.depth',
  'max.descendants',
  'freeze',
  'events',
  'subtree_control',
  'kill',
  'stat',
]
const values = ['0', '1', 'max', 'threaded', '-1', 'x', '', '2', '+pids', '-pids', '0\n']
const own = /cgroup/

export const cgroups: Readonly<Record<string, Make>> = {
  group: (draw) => ({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: draw.of(groups), mode: draw.of([0o755, 0o700]) }),
  removeGroup: (draw) => ({
    name: 'unlinkat',
    dirfd: AT_FDCWD,
    pathname: draw.of(groups),
    flags: draw.of([0x200, 0x200, 0]),
  }),
  openGroup: (draw) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, pathname: `${draw.of(groups)}/cgroup.${draw.of(files)}` },
    ...{ flags: draw.of([1, 2, 0, 0o1001]), mode: 0 },
  }),
  openLimit: (draw: Draw) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, pathname: `${draw.of(groups)}/${draw.of(limits)}` },
    ...{ flags: draw.of([1, 2, 0]), mode: 0 },
  }),
  writeGroup: (draw) => ({ name: 'write', fd: draw.fd(own), buf: draw.of(values) }),
  readGroup: (draw) => ({ name: 'read', fd: draw.fd(own), buf: 200 }),
  readFreshGroup: (draw) => ({ name: 'pread64', fd: draw.fd(own), buf: 200, offset: 0 }),
  ownGroup: (draw) => ({
    ...{ name: 'fchownat', dirfd: AT_FDCWD, pathname: draw.of([`${draw.of(groups)}/cgroup.procs`, draw.of(groups)]) },
    ...{ owner: 1000, group: 1000, flags: 0 },
  }),
  intoGroup: (draw) => ({
    name: 'clone3',
    cl_args: { flags: 2 ** 33, exit_signal: 17, cgroup: draw.fd(/openat directory|openat/) },
  }),
  openGroupDirectory: (draw) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, pathname: draw.of(groups), flags: draw.of([0o200000, 0o10200000]), mode: 0 },
  }),
  openProc: (draw) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, flags: draw.of([0, 0, 0, 1]), mode: 0 },
    pathname: `/proc/${draw.of(['self', 'thread-self', String(draw.pid())])}/${draw.of(told)}`,
  }),
  readProc: (draw) => ({ name: 'read', fd: draw.fd(/proc/), buf: 300 }),
  readProcLink: (draw) => ({
    ...{ name: 'readlinkat', dirfd: AT_FDCWD, buf: 200 },
    pathname: `/proc/${draw.of(['self', String(draw.pid())])}/${draw.of(['cwd', 'root', `fd/${draw.fd()}`, 'ns/uts', 'ns/net'])}`,
  }),
}

/** Files of the controllers, where they are; elsewhere ENOENT for both. */
const limits = [
  ...[
    'pids.max',
    'pids.current',
    'memory.max',
    'memory.high',
    'memory.min',
    'cpu.max',
    'cpu.weight',
    'cpu.weight.nice',
  ],
  ...['hugetlb.2MB.max', 'memory.oom.group', 'memory.events', 'pids.events', 'memory.swap.max', 'cpu.max.burst'],
]

/** Files of a process whose text is the same on every machine. */
const told = ['uid_map', 'gid_map', 'setgroups', 'comm', 'oom_score_adj', 'statm/x', 'attr', 'timens_offsets']

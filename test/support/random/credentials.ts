// Random calls about rights: user and group ids, capabilities, prctl(2), host names, the maps of user namespaces.

import { AT_FDCWD, type Draw, type Make, words } from './draw.ts'

const capabilities = [0n, 0x1ffffffffffn, 0x200000n, 0xc0n, 0x1n, 0x80n, 0x3ffffn]

// Options whose arguments are numbers, and what they are called with.
const options = [
  ...[
    [1, 15],
    [1, 0],
    [1, 70],
    [3, 0],
    [4, 0],
    [4, 1],
    [4, 2],
    [7, 0],
    [8, 1],
    [8, 0],
    [8, 2],
    [21, 0],
  ],
  ...[
    [23, 21],
    [23, 99],
    [24, 6],
    [24, 21],
    [24, 99],
    [27, 0],
    [28, 1],
    [28, 0x10],
    [28, 0x2f],
    [28, 0],
  ],
  ...[
    [30, 0],
    [29, 1000],
    [36, 1],
    [36, 0],
    [38, 1],
    [38, 0],
    [39, 0],
    [42, 0],
    [41, 1],
    [12345, 0],
  ],
] as const
const ambient = [
  [2, 7],
  [1, 7],
  [3, 7],
  [4, 0],
  [2, 99],
  [9, 0],
] as const

const prctl = (option: number, arg2: number, arg3: number, arg4 = 0): ReturnType<Make> => ({
  ...{ name: 'prctl', option, arg2, arg3, arg4, arg5: 0 },
})

const mapFiles = ['uid_map', 'gid_map', 'setgroups', 'oom_score_adj', 'comm']
const process = (draw: Draw): string => draw.of(['self', String(draw.pid())])

export const credentials: Readonly<Record<string, Make>> = {
  setUids: (draw) => {
    const [ruid, euid, suid] = [draw.uid(), draw.uid(), draw.uid()]
    return draw.of([
      { name: 'setresuid', ruid, euid, suid },
      { name: 'setreuid', ruid, euid },
      { name: 'setuid', uid: ruid },
      { name: 'setfsuid', fsuid: ruid },
    ] as const)
  },
  setGids: (draw) => {
    const [rgid, egid, sgid] = [draw.uid(), draw.uid(), draw.uid()]
    return draw.of([
      { name: 'setresgid', rgid, egid, sgid },
      { name: 'setregid', rgid, egid },
      { name: 'setgid', gid: rgid },
      { name: 'setfsgid', fsgid: rgid },
    ] as const)
  },
  setgroups: (draw) => ({ name: 'setgroups', list: draw.of([[], [1000], [5, 1001], [1001, 5]]) }),
  getIds: (draw) =>
    draw.of([
      { name: 'getuid' },
      { name: 'geteuid' },
      { name: 'getgid' },
      { name: 'getegid' },
      { name: 'getresuid', ids: 12 },
      { name: 'getresgid', ids: 12 },
      { name: 'getgroups', size: draw.of([10, 10, 0, 1]), list: 64 },
    ] as const),
  capget: (draw) => ({ name: 'capget', hdrp: words(4, draw.of([0x20080522, 0x20080522, 7]), 0), datap: 24 }),
  capset: (draw) => ({
    name: 'capset',
    sets: {
      effective: draw.of(capabilities),
      permitted: draw.of([0x1fffeffffffn, 0x1fffeffffffn, ...capabilities]),
      inheritable: draw.of([0n, 0n, ...capabilities]),
    },
  }),
  prctl: (draw) => {
    const [option, argument] = draw.of(options)
    return prctl(option, argument, draw.of([0, 0, 0, 1]))
  },
  ambient: (draw) => {
    const [operation, capability] = draw.of(ambient)
    return prctl(47, operation, capability)
  },
  comm: (draw) => ({ name: 'prctl_name', option: 15, comm: draw.of(['worker', '', 'a name that is too long']) }),
  personality: (draw) => ({ name: 'personality', persona: draw.of([0xffffffff, 0x40000, 0]) }),
  hostname: (draw) => {
    const text = draw.of(['', 'web', 'a'.repeat(65), 'a'.repeat(64)])
    return draw.of([
      { name: 'sethostname', hostname: text },
      { name: 'setdomainname', domainname: text },
      { name: 'uname', buf: 390 },
    ] as const)
  },
  openMap: (draw) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, mode: 0, flags: draw.of([1, 1, 0, 2]) },
    pathname: `/proc/${process(draw)}/${draw.of(mapFiles)}`,
  }),
  writeMap: (draw) => ({
    ...{ name: 'write', fd: draw.fd(/map/) },
    buf: draw.of([
      '0 0 1',
      '0 1000 1',
      '0 0 1\n1 1000 2',
      '1000 0 1',
      'deny',
      'allow',
      '0 0 0',
      'x',
      '0 0 4294967295',
      '5',
    ]),
  }),
  keys: (draw) => ({
    ...{ name: 'keyctl', operation: 1, arg2: draw.of([null, null]), arg3: 0, arg4: 0, arg5: 0 },
  }),
}

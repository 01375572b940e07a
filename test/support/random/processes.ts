// Random calls about processes: births and ends, waiting, signals, groups and sessions, limits, memory, programs.

import { AT_FDCWD, type Draw, type Make, words } from './draw.ts'

// uts, ipc, user, mnt, pid, net, cgroup, fs, files, and some together.
const newNamespaces = [
  ...[0x4000000, 0x8000000, 0x10000000, 0x20000, 0x20000000, 0x40000000, 0x2000000, 0x200, 0x400, 0x14000000],
  ...[0x10020000, 0x30000000, 0x600, 0x40000],
]
/** CLONE_VM|SIGHAND|THREAD with FS and FILES, CLONE_PARENT, CLONE_CLEAR_SIGHAND, and what does not go together. */
const kinds = [0, 0, 0, 0x10f00, 0x10900, 0x8000, 2 ** 32, 0x100, 0x10000, 0x800, 0x20200, 0x1000000]
// CHLD, CONT, STOP, USR1, TERM, KILL, URG, WINCH, none, too high, real-time.
const signals = [17, 18, 19, 10, 15, 9, 23, 28, 0, 65, 40, 10, 10, 18]
const sets = [0n, 0x200n, 0x4000n, 0x10200n, 0x100n, 0xffffffffffffffffn, 0x20000n]
/** FSIZE, CORE, NOFILE, MEMLOCK, MSGQUEUE, NICE: all set by the scenario's beginning, so that every machine has the same. */
const resources = [4, 7, 12, 7, 99]

const flagsOfBirth = (draw: Draw): number => draw.of(kinds) + draw.of([0, 0, ...newNamespaces])

const signalInfo = (signal: number): Uint8Array => {
  const info = new Uint8Array(128)
  info.set(words(4, signal, 0, -1))
  return info
}

export const processes: Readonly<Record<string, Make>> = {
  fork: (draw) => ({
    name: 'clone3',
    cl_args: { flags: flagsOfBirth(draw), exit_signal: draw.of([17, 17, 17, 0, 10]) },
  }),
  forkPlain: (draw) => draw.of([{ name: 'fork' }, { name: 'fork' }, { name: 'vfork' }] as const),
  clone: (draw) => ({
    ...{ name: 'clone', flags: draw.of([17, 17, 0, ...newNamespaces.map((flag) => flag + 17), 0x10f00]) },
    ...{ stack: 0, parent_tid: 0, child_tid: 0, tls: 0 },
  }),
  unshare: (draw) => ({ name: 'unshare', flags: draw.of([...newNamespaces, 0, 0x100, 0x10000, 0x800, 0x1000]) }),
  exit: (draw) =>
    // Seldom: it ends what a scenario has.
    draw.of([true, false, false, false])
      ? draw.of([{ name: 'exit_group', status: draw.of([0, 3, 256]) } as const, { name: 'exit', status: 1 } as const])
      : { name: 'getppid' },
  wait: (draw) =>
    draw.of([true, true, false])
      ? {
          ...{ name: 'wait4', pid: draw.of([-1, -1, 0, draw.pid(), -draw.pid()]), wstatus: 4 },
          ...{ options: draw.of([1, 1, 3, 0x40000001, 0x80000001, 11, 0, 0x100]), rusage: 0 },
        }
      : {
          ...{ name: 'waitid', idtype: draw.of([0, 1, 2, 1, 9]), id: draw.pid(), infop: 128 },
          ...{ options: draw.of([5, 5, 0x1000005, 7, 13, 4, 1]), rusage: 0 },
        },
  kill: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'kill', pid: draw.pid(), sig: draw.of(signals) }),
      () => ({ name: 'kill', pid: -draw.pid(), sig: draw.of(signals) }),
      () => ({ name: 'tgkill', tgid: draw.pid(), tid: draw.pid(), sig: draw.of(signals) }),
      () => ({ name: 'tkill', tid: draw.pid(), sig: draw.of(signals) }),
      () => {
        const sig = draw.of(signals)
        return { name: 'rt_sigqueueinfo', tgid: draw.pid(), sig, info: signalInfo(sig) }
      },
    ])(),
  sigaction: (draw) => ({
    ...{ name: 'rt_sigaction', signum: draw.of([10, 17, 15, 12, 18, 28, 9, 40, 65]) },
    act: draw.of([
      ...[
        { handler: 2, flags: 0, mask: 0n },
        { handler: 1, flags: 0, mask: 0n },
        { handler: 0, flags: 0, mask: 0n },
      ],
      // SA_RESTART, SA_NOCLDWAIT.
      ...[{ handler: 2, flags: 0x10000000, mask: 0n }, { handler: 0, flags: 2, mask: 0n }, null],
    ] as const),
    ...{ oldact: 0, sigsetsize: draw.of([8, 8, 8, 4]) },
  }),
  sigprocmask: (draw) => ({
    ...{ name: 'rt_sigprocmask', how: draw.of([0, 2, 1, 9]), set: draw.of(sets), oldset: 0 },
    sigsetsize: draw.of([8, 8, 8, 4]),
  }),
  sigpending: () => ({ name: 'rt_sigpending', set: 8 }),
  sigtimedwait: (draw) => ({
    ...{ name: 'rt_sigtimedwait', set: draw.of(sets.slice(0, 5)), info: 128, timeout: draw.of([0n, 0n, null]) },
    sigsetsize: 8,
  }),
  sigwait: (draw) =>
    draw.of([
      { name: 'pause' } as const,
      { name: 'rt_sigsuspend', mask: draw.of(sets.slice(0, 5)), sigsetsize: 8 } as const,
    ]),
  ids: (draw) =>
    draw.of([
      { name: 'getpid' },
      { name: 'getppid' },
      { name: 'gettid' },
      { name: 'getpgrp' },
      { name: 'getpgid', pid: draw.pid() },
      { name: 'getsid', pid: draw.pid() },
      { name: 'set_tid_address', tidptr: 0 },
    ] as const),
  setsid: () => ({ name: 'setsid' }),
  setpgid: (draw) => ({ name: 'setpgid', pid: draw.of([0, draw.pid()]), pgid: draw.of([0, draw.pid(), -1]) }),
  limits: (draw) => {
    const resource = draw.of(resources)
    const limit = draw.of([null, { soft: 20n, hard: 64n }, { soft: 0n, hard: 64n }, { soft: 9n, hard: 3n }])
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'prlimit64', pid: draw.of([0, draw.pid()]), resource, new_limit: limit, old_limit: 0 }),
      () => ({ name: 'getrlimit', resource, rlim: 16 }),
      () => ({ name: 'setrlimit', resource, rlim: limit ?? { soft: 40n, hard: 64n } }),
    ])()
  },
  priority: (draw) =>
    draw.of([true, false])
      ? { name: 'getpriority', which: draw.of([0, 1, 9]), who: draw.of([0, draw.pid()]) }
      : {
          name: 'setpriority',
          which: draw.of([0, 1, 9]),
          who: draw.of([0, draw.pid()]),
          prio: draw.of([0, 5, -3, 40]),
        },
  affinity: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'sched_getaffinity', pid: draw.of([0, draw.pid()]), cpusetsize: draw.of([8, 8, 4]), mask: 8 }),
      () => ({
        name: 'sched_setaffinity',
        pid: draw.of([0, draw.pid()]),
        cpusetsize: 8,
        mask: words(8, draw.of([1, 0])),
      }),
      () => ({ name: 'sched_yield' }),
      () => ({ name: 'sched_getscheduler', pid: draw.of([0, draw.pid()]) }),
      () => ({ name: 'sched_get_priority_max', policy: draw.of([0, 1, 2, 3, 5, 6, 99]) }),
      () => ({ name: 'sched_get_priority_min', policy: draw.of([0, 1, 2, 3, 5, 6, 99]) }),
    ])(),
  alarm: (draw) =>
    draw.of([
      { name: 'alarm', seconds: draw.of([0, 10000]) } as const,
      {
        name: 'setitimer',
        which: draw.of([0, 0, 9]),
        new_value: words(8, 0, 0, draw.of([0, 10000]), 0),
        old_value: 0,
      } as const,
      { name: 'getitimer', which: draw.of([0, 9]), curr_value: 32 } as const,
    ]),
  sleep: (draw) =>
    draw.of([
      { name: 'nanosleep', req: 0n, rem: 16 } as const,
      {
        name: 'clock_nanosleep',
        clockid: draw.of([0, 1, 7, 99]),
        flags: draw.of([0, 1]),
        request: 0n,
        remain: 16,
      } as const,
    ]),
  clocks: (draw) =>
    draw.of([
      { name: 'clock_gettime', clockid: draw.of([0, 1, 7, 4, 99]), tp: 16 },
      { name: 'clock_getres', clockid: draw.of([0, 1, 7, 99]), res: 16 },
      { name: 'gettimeofday', tv: 16, tz: 0 },
      { name: 'time', tloc: 0 },
      { name: 'times', buf: 32 },
      { name: 'getrusage', who: draw.of([0, -1, 1, 5]), usage: 144 },
      { name: 'sysinfo', info: 112 },
      { name: 'getrandom', buf: draw.of([8, 0]), flags: draw.of([0, 1, 2, 8]) },
    ] as const),
  execute: (draw) => {
    const pathname = draw.of(['/bin/puppet', '/bin/puppet', '/bin/puppet', draw.anyPath()])
    return draw.of<() => ReturnType<Make>>([
      () => ({ name: 'execve', pathname, argv: ['puppet'], envp: [] }),
      () => ({
        ...{ name: 'execveat', dirfd: draw.directory(), pathname, argv: ['puppet'], envp: [] },
        flags: draw.of([0, 0, 0x100, 0x1000, 1]),
      }),
    ])()
  },
  pidfd: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'pidfd_open', pid: draw.pid(), flags: draw.of([0, 0, 0o4000, 0o200, 1]) }),
      () => ({
        ...{ name: 'pidfd_send_signal', pidfd: draw.fd(/pidfd/), sig: draw.of(signals), info: 0 },
        flags: draw.of([0, 0, 1, 2, 4, 3]),
      }),
      () => ({
        name: 'pidfd_getfd',
        pidfd: draw.fd(/pidfd/),
        // None of 0 to 2: they are the player's.
        targetfd: draw.of([3, 4, 5, 99]),
        flags: draw.of([0, 0, 1]),
      }),
      () => ({ name: 'waitid', idtype: 3, id: draw.fd(/pidfd/), infop: 128, options: draw.of([5, 4, 7]), rusage: 0 }),
      () => ({ name: 'setns', fd: draw.fd(/pidfd/), nstype: draw.of([0x4000000, 0x20000, 0, 0x40000000, 0x20000000]) }),
    ])(),
  memory: (draw) => {
    // No more than a page: what lies behind a mapping is the machine's affair.
    const part = { addr: draw.address(), length: draw.of([4096, 4096, 0]) }
    return draw.of<() => ReturnType<Make>>([
      () => ({
        ...{ name: 'mmap', addr: 0, length: draw.of([4096, 8192, 0]), prot: draw.of([3, 1, 0]) },
        ...{
          flags: draw.of([0x22, 0x21, 2, 1, 0x20]),
          fd: draw.of([-1, -1, draw.fd(/open|memfd/)]),
          offset: draw.of([0, 0, 1]),
        },
      }),
      () => ({ name: 'munmap', ...part }),
      () => ({ name: 'mprotect', addr: part.addr, len: part.length, prot: draw.of([3, 1, 0, 0x100]) }),
      () => ({ name: 'madvise', ...part, advice: draw.of([4, 0, 8, 23, 99]) }),
      () => ({ name: 'mlock', addr: part.addr, len: part.length }),
      () => ({ name: 'mlock2', addr: part.addr, len: part.length, flags: draw.of([0, 1, 2]) }),
      () => ({ name: 'munlock', addr: part.addr, len: part.length }),
      () => ({ name: 'mlockall', flags: draw.of([0, 8]) }),
      () => ({ name: 'munlockall' }),
      () => ({
        ...{ name: 'mremap', old_address: part.addr, old_size: part.length, new_size: draw.of([4096, 8192, 0]) },
        ...{ flags: draw.of([1, 1, 9]), new_address: 0 },
      }),
      () => ({ name: 'brk', addr: 0 }),
    ])()
  },
  openNamespace: (draw) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, mode: 0, flags: draw.of([0, 0, 0, 2, 0o10000000]) },
    pathname: `/proc/${draw.of(['self', String(draw.pid())])}/ns/${draw.of([
      ...['uts', 'ipc', 'user', 'mnt', 'pid', 'net', 'cgroup', 'pid_for_children'],
    ])}`,
  }),
  setns: (draw) => ({
    ...{ name: 'setns', fd: draw.fd(/ns /) },
    nstype: draw.of([0, 0, 0, 0x4000000, 0x8000000, 0x10000000, 0x20000, 0x20000000, 0x40000000, 1]),
  }),
}

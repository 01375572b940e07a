// Random scenarios: steps that are possible in every state, which are played on the simulated kernel and written down in
// strace's words, to be played again on a real one.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { Syscall } from '../../core/syscall.ts'
import { print } from '../../sim/scenario/print.ts'
import type { Newcomer } from '../../sim/scenario/stage.ts'
import { simulatedStage } from '../../sim/scenario/stage-sim.ts'

/** Numbers from which a call chooses what it is about: each is taken modulo what there is to choose from. */
export interface Step {
  readonly who: number
  readonly kind: string
  readonly a: number
  readonly b: number
  readonly c: number
}

interface Choice {
  /** One of a list, by one of the step's numbers. */
  readonly from: <T>(list: readonly T[], number: number) => T
  readonly pids: readonly number[]
}

type Make = (step: Step, choice: Choice) => Syscall

const AT_FDCWD = -100
const paths = [
  '/tmp/a',
  '/tmp/b',
  '/tmp/a/c',
  '/tmp/b/d',
  '/tmp/a/c/e',
  '/tmp/l',
  '/tmp/l/c',
  'a',
  '../tmp/b',
  '/tmp',
  '/tmp/a/',
  '',
]
const fds = [3, 4, 5, 6, 7, 99]
const modes = [0o755, 0o700, 0o000, 0o4755, 0o1777, 0o640]
const ids = [0, 1000, 1001, -1]
// O_RDONLY, O_WRONLY, O_RDWR with O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_CLOEXEC.
const openFlags = [
  0, 1, 2, 0o100, 0o102, 0o302, 0o1002, 0o2001, 0o200000, 0o400000, 0o10000000, 0o2000000, 0o1102, 0o200100,
]
// uts, ipc, user, mnt, pid, net, cgroup, fs, files.
const newNamespaces = [
  0x4000000, 0x8000000, 0x10000000, 0x20000, 0x20000000, 0x40000000, 0x2000000, 0x200, 0x400, 0x14000000,
]
const signals = [0, 10, 15, 17, 18, 65]
// MS_BIND, MS_BIND|MS_REC, MS_REMOUNT|MS_RDONLY, MS_REMOUNT|MS_BIND|MS_RDONLY, MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE, MS_MOVE.
const mountFlags = [0x1000, 0x5000, 0x21, 0x1021, 1 << 18, 1 << 20, 1 << 19, 1 << 17, 0x2000, 0x104000]

const groups = ['/sys/fs/cgroup/x', '/sys/fs/cgroup/x/y', '/sys/fs/cgroup/z', '/sys/fs/cgroup/x/y/z']
const groupFiles = [
  'procs',
  'type',
  'threads',
  'max.depth',
  'max.descendants',
  'freeze',
  'events',
  'controllers',
  'subtree_control',
]
const groupWords = ['0', '1', 'max', 'threaded', '-1', 'x', '']

const path = (number: number, { from }: Choice) => from(paths, number)

/** Calls that concern nobody but the scenario and give the same on every run. */
const makers: Readonly<Record<string, Make>> = {
  mkdir: ({ a, b }, choice) => ({
    name: 'mkdirat',
    dirfd: AT_FDCWD,
    pathname: path(a, choice),
    mode: choice.from(modes, b),
  }),
  remove: ({ a, b }, choice) => ({
    name: 'unlinkat',
    dirfd: AT_FDCWD,
    pathname: path(a, choice),
    flags: choice.from([0, 0x200], b),
  }),
  open: ({ a, b, c }, choice) => ({
    ...{ name: 'openat', dirfd: AT_FDCWD, pathname: path(a, choice) },
    ...{ flags: choice.from(openFlags, b), mode: choice.from(modes, c) },
  }),
  close: ({ a }, { from }) => ({ name: 'close', fd: from(fds, a) }),
  write: ({ a, b }, { from }) => ({ name: 'write', fd: from(fds, a), buf: from(['x', 'hello', ''], b) }),
  read: ({ a, b }, { from }) => ({ name: 'read', fd: from(fds, a), buf: from([0, 1, 100], b) }),
  seek: ({ a, b, c }, { from }) => ({
    name: 'lseek',
    fd: from(fds, a),
    offset: from([0, 3, -1, 100], b),
    whence: from([0, 1, 2, 9], c),
  }),
  duplicate: ({ a, b, c }, { from }) => ({
    name: 'dup3',
    oldfd: from(fds, a),
    newfd: from([3, 4, 5, 6], b),
    flags: from([0, 0o2000000, 1], c),
  }),
  truncate: ({ a, b }, { from }) => ({ name: 'ftruncate', fd: from(fds, a), length: from([0, 2, 50, -1], b) }),
  rename: ({ a, b, c }, choice) => ({
    ...{
      name: 'renameat2',
      olddirfd: AT_FDCWD,
      oldpath: path(a, choice),
      newdirfd: AT_FDCWD,
      newpath: path(b, choice),
    },
    flags: choice.from([0, 0, 1, 2, 3], c),
  }),
  link: ({ a, b }, choice) => ({
    ...{
      name: 'linkat',
      olddirfd: AT_FDCWD,
      oldpath: path(a, choice),
      newdirfd: AT_FDCWD,
      newpath: path(b, choice),
      flags: 0,
    },
  }),
  symlink: ({ a, b }, choice) => ({
    name: 'symlinkat',
    target: choice.from(['/tmp/a', 'b', '/nowhere', 'l'], a),
    newdirfd: AT_FDCWD,
    linkpath: path(b, choice),
  }),
  readlink: ({ a }, choice) => ({ name: 'readlinkat', dirfd: AT_FDCWD, pathname: path(a, choice), buf: 100 }),
  chmod: ({ a, b }, choice) => ({
    name: 'fchmodat',
    dirfd: AT_FDCWD,
    pathname: path(a, choice),
    mode: choice.from(modes, b),
  }),
  chown: ({ a, b, c }, choice) => ({
    ...{ name: 'fchownat', dirfd: AT_FDCWD, pathname: path(a, choice), flags: 0 },
    ...{ owner: choice.from(ids, b), group: choice.from(ids, c) },
  }),
  access: ({ a, b }, choice) => ({
    name: 'faccessat2',
    dirfd: AT_FDCWD,
    pathname: path(a, choice),
    mode: choice.from([0, 1, 2, 4, 7, 8], b),
    flags: 0,
  }),
  chdir: ({ a }, choice) => ({ name: 'chdir', path: path(a, choice) }),
  umask: ({ a }, { from }) => ({ name: 'umask', mask: from([0o022, 0o077, 0], a) }),
  setresuid: ({ a, b, c }, { from }) => ({
    name: 'setresuid',
    ruid: from(ids, a),
    euid: from(ids, b),
    suid: from(ids, c),
  }),
  setresgid: ({ a, b, c }, { from }) => ({
    name: 'setresgid',
    rgid: from(ids, a),
    egid: from(ids, b),
    sgid: from(ids, c),
  }),
  setgroups: ({ a }, { from }) => ({ name: 'setgroups', list: from([[], [1000], [5, 1001]], a) }),
  getuid: () => ({ name: 'getuid' }),
  geteuid: () => ({ name: 'geteuid' }),
  getpid: () => ({ name: 'getpid' }),
  getppid: () => ({ name: 'getppid' }),
  setsid: () => ({ name: 'setsid' }),
  setpgid: ({ a, b }, { from, pids }) => ({ name: 'setpgid', pid: from([0, ...pids], a), pgid: from([0, ...pids], b) }),
  getpgid: ({ a }, { from, pids }) => ({ name: 'getpgid', pid: from([0, ...pids, 4000], a) }),
  getsid: ({ a }, { from, pids }) => ({ name: 'getsid', pid: from([0, ...pids, 4000], a) }),
  fork: ({ a }, { from }) => ({
    name: 'clone3',
    cl_args: { flags: from([0, 0, ...newNamespaces], a), exit_signal: 17 },
  }),
  // Seldom: it ends what a scenario has.
  exit: ({ a, b }, { from }) =>
    b % 4 === 0 ? { name: 'exit_group', status: from([0, 3, 256], a) } : { name: 'getppid' },
  wait: ({ a, b }, { from, pids }) => ({
    name: 'wait4',
    pid: from([-1, 0, ...pids], a),
    wstatus: 4,
    options: from([1, 3, 0x40000001], b),
    rusage: 0,
  }),
  kill: ({ a, b }, { from, pids }) => ({ name: 'kill', pid: from([...pids, 4000], a), sig: from(signals, b) }),
  unshare: ({ a }, { from }) => ({ name: 'unshare', flags: from(newNamespaces, a) }),
  sethostname: ({ a }, { from }) => ({ name: 'sethostname', hostname: from(['', 'web', 'a'.repeat(65)], a) }),
  mount: ({ a, b }, choice) => ({
    ...{ name: 'mount', source: 'none', target: path(a, choice), filesystemtype: 'tmpfs' },
    ...{ mountflags: choice.from([0, 1, 2, 4, 8], b), data: 'mode=755' },
  }),
  remount: ({ a, b, c }, choice) => ({
    ...{ name: 'mount', source: path(a, choice), target: path(b, choice), filesystemtype: null },
    ...{ mountflags: choice.from(mountFlags, c), data: null },
  }),
  stat: ({ a, b }, choice) => ({
    ...{
      name: 'newfstatat',
      dirfd: AT_FDCWD,
      pathname: path(a, choice),
      statbuf: 144,
      flags: choice.from([0, 0x100, 0x1000], b),
    },
  }),
  getcwd: ({ a }, { from }) => ({ name: 'getcwd', buf: from([100, 3], a) }),
  list: ({ a }, { from }) => ({ name: 'getdents64', fd: from(fds, a), dirp: 1000 }),
  pipe: ({ a }, { from }) => ({ name: 'pipe2', pipefd: 8, flags: from([0, 0o4000, 1], a) }),
  flags: ({ a, b }, { from }) => ({ name: 'fcntl', fd: from(fds, a), cmd: from([1, 3, 2, 0, 99], b), arg: 1 }),
  setxattr: ({ a, b, c }, choice) => ({
    ...{ name: 'setxattr', path: path(a, choice), xattr: choice.from(['trusted.x', 'user.x', 'y', 'security.x'], b) },
    ...{ value: 'v', flags: choice.from([0, 1, 2], c) },
  }),
  getxattr: ({ a, b }, choice) => ({
    ...{
      name: 'getxattr',
      path: path(a, choice),
      xattr: choice.from(['trusted.x', 'user.x', 'y', 'security.x'], b),
      value: 9,
    },
  }),
  chroot: ({ a }, choice) => ({ name: 'chroot', path: choice.from(['/tmp/a', '/tmp/a/c', '/nowhere', '/'], a) }),
  noNewPrivileges: ({ a }, { from }) => ({
    name: 'prctl',
    option: 38,
    arg2: from([1, 0], a),
    arg3: 0,
    arg4: 0,
    arg5: 0,
  }),
  group: ({ a, b }, { from }) => ({
    name: 'mkdirat',
    dirfd: AT_FDCWD,
    pathname: from(groups, a),
    mode: from([0o755, 0o700], b),
  }),
  removeGroup: ({ a, b }, { from }) => ({
    name: 'unlinkat',
    dirfd: AT_FDCWD,
    pathname: from(groups, a),
    flags: from([0x200, 0], b),
  }),
  openGroup: ({ a, b, c }, { from }) => ({
    ...{
      name: 'openat',
      dirfd: AT_FDCWD,
      pathname: `${from(groups, a)}/cgroup.${from(groupFiles, b)}`,
      flags: from([0, 1, 2], c),
      mode: 0,
    },
  }),
  writeGroup: ({ a, b }, { from }) => ({ name: 'write', fd: from(fds, a), buf: from(groupWords, b) }),
  umount: ({ a, b }, choice) => ({ name: 'umount2', target: path(a, choice), flags: choice.from([0, 2, 4, 8, 16], b) }),
}

/** Swarm: each run has only some kinds of calls, so that rare mixes come up. */
export const steps: fc.Arbitrary<readonly Step[]> = fc.subarray(Object.keys(makers), { minLength: 8 }).chain((kinds) =>
  fc.array(
    fc.record({
      who: fc.nat(6),
      kind: fc.constantFrom(...kinds),
      ...{ a: fc.nat(40), b: fc.nat(40), c: fc.nat(40) },
    }),
    // As many as may be: fast-check's own liking is for few.
    { minLength: 1, maxLength: 30, size: 'max' },
  ),
)

const kept = 6

/** Something to begin with. */
const beginning: readonly Syscall[] = [
  { name: 'mkdirat', dirfd: AT_FDCWD, pathname: '/tmp/a', mode: 0o755 },
  { name: 'mkdirat', dirfd: AT_FDCWD, pathname: '/tmp/b', mode: 0o755 },
  { name: 'openat', dirfd: AT_FDCWD, pathname: '/tmp/a/c', flags: 0o102, mode: 0o644 },
  { name: 'symlinkat', target: 'a', newdirfd: AT_FDCWD, linkpath: '/tmp/l' },
]

/** Settings of the whole machine that change what the calls answer: distributions set them each in its way. */
const machineSettings = ['protected_hardlinks', 'protected_symlinks', 'protected_fifos', 'protected_regular']

/** Plays steps on a simulated machine, whose settings are those of this one, and writes down what happens. */
export async function record(list: readonly Step[]): Promise<string> {
  const stage = simulatedStage()
  for (const name of machineSettings)
    stage.kernel.sysctls.set(name, Number(readFileSync(`/proc/sys/fs/${name}`, 'utf8')))
  const actors: Newcomer[] = [stage.first]
  const lines: string[] = []
  const choose = <T>(from: readonly T[], number: number): T => from[number % from.length]!
  for (const call of beginning) {
    const answer = await stage.call(stage.first.actor, call, false)
    if (answer.kind === 'ended') lines.push(`[pid ${stage.first.pid}] ${print(call, answer.outcome)}`)
  }
  for (const step of list) {
    if (actors.length === 0) break
    const actor = choose(actors, step.who)
    const call = makers[step.kind]!(step, { from: choose, pids: actors.map(({ pid }) => pid) })
    if (call.name === 'clone3' && actors.length >= kept) continue
    const answer = await stage.call(actor.actor, call, true)
    const who = `[pid ${actor.pid}] `
    if (answer.kind === 'waits') {
      lines.push(`${who}${print(call, undefined)}`)
      actors.splice(actors.indexOf(actor), 1)
      continue
    }
    if (answer.kind === 'gone') lines.push(`${who}${print(call, { value: 0 }).replace(/= 0$/, '= ?')}`)
    else {
      const { outcome, child } = answer
      const outside =
        child && 'value' in outcome && outcome.value !== child.pid ? ` /* ${child.pid} in strace's PID NS */` : ''
      lines.push(`${who}${print(call, outcome)}${outside}`)
      if (child) actors.push(child)
    }
    for (const other of [...actors])
      if ((await stage.ended(other.actor)) !== undefined) {
        lines.push(`[pid ${other.pid}] ${endOf((await stage.ended(other.actor))!)}`)
        actors.splice(actors.indexOf(other), 1)
      }
  }
  return `${lines.join('\n')}\n`
}

function endOf({ code, signal }: { code?: number; signal?: number }): string {
  if (!signal) return `+++ exited with ${code ?? 0} +++`
  const name = print({ name: 'kill', pid: 1, sig: signal }, { value: 0 }).replace(/^.*, (\w+)\).*$/, '$1')
  return `+++ killed by ${name} +++`
}

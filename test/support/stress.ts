// Random stress of what a machine shares out: memory, cgroups, namespaces, mounts, descriptors, threads. Each step is a few
// calls of one task, that may all be refused; no real kernel has to answer the same, so that limits can be small.

import fc from 'fast-check'
import type { Syscall } from '../../core/syscall.ts'
import type { Kernel } from '../../sim/kernel.ts'
import { isDenied } from '../../sim/outcome.ts'
import { print } from '../../sim/scenario/print.ts'
import type { Task } from '../../sim/task.ts'

export interface StressStep {
  readonly kind: string
  readonly who: number
  readonly a: number
  readonly b: number
}

const AT_FDCWD = -100
const pageBytes = 4096

/** What a step works with: makes a call and answers its value, or -1; picks by the numbers of the step. */
interface Hand {
  readonly call: (call: Syscall) => number
  readonly a: <T>(list: readonly T[]) => T
  readonly b: <T>(list: readonly T[]) => T
  /** Numbers of living tasks, as process 1 has them. */
  readonly pids: readonly number[]
}

const groups = ['x', 'x/y', 'z']
const places = ['/tmp/a', '/tmp/b', '/tmp/a/m', '/tmp/b/m', '/tmp/f']
const namespaces = ['uts', 'ipc', 'user', 'mnt', 'pid', 'net', 'cgroup', 'time']
const newNamespaces = [0x4000000, 0x8000000, 0x10000000, 0x20000, 0x20000000, 0x40000000, 0x2000000, 0x80]
// A process, a thread, a thread with its own descriptors, vfork(2), shared memory, a sibling.
const births = [0, 0, 0x10f00, 0x10900, 0x4100, 0x100, 0x8000]

const open = (pathname: string, flags: number): Syscall => ({
  name: 'openat',
  dirfd: AT_FDCWD,
  pathname,
  flags,
  mode: 0o644,
})
const mkdir = (pathname: string): Syscall => ({ name: 'mkdirat', dirfd: AT_FDCWD, pathname, mode: 0o755 })
const remove = (pathname: string, flags: number): Syscall => ({ name: 'unlinkat', dirfd: AT_FDCWD, pathname, flags })
const mount = (source: string, target: string, mountflags: number, filesystemtype: string | null = null): Syscall => ({
  ...{ name: 'mount', source, target, filesystemtype, mountflags, data: null },
})

function put({ call }: Hand, path: string, text: string): void {
  const fd = call(open(path, 1))
  if (fd < 0) return
  call({ name: 'write', fd, buf: text })
  call({ name: 'close', fd })
}

/** Version 2 first, then where version 1 has the same. */
const limits = [
  ['memory.max', 'memory/', 'memory.limit_in_bytes', ['65536', '262144', '1048576', 'max', '-1']],
  ['memory.high', 'memory/', 'memory.soft_limit_in_bytes', ['131072', 'max']],
  ['memory.swap.max', 'memory/', 'memory.memsw.limit_in_bytes', ['0', '131072', 'max']],
  ['memory.oom.group', 'memory/', 'memory.oom_control', ['1', '0']],
  ['memory.reclaim', 'memory/', 'memory.force_empty', ['65536', '0']],
  ['pids.max', 'pids/', 'pids.max', ['0', '2', '5', 'max']],
  ['cgroup.freeze', 'freezer/', 'freezer.state', ['1', '0', 'FROZEN', 'THAWED']],
  ['cgroup.type', 'cpu/', 'cgroup.clone_children', ['threaded', '1']],
  ['cgroup.kill', 'cpu/', 'cpu.shares', ['1', '2']],
  [
    'cgroup.subtree_control',
    'cpu/',
    'cpu.cfs_quota_us',
    ['+memory +pids', '-memory', '-pids', '+pids', '+cpu', '5000'],
  ],
] as const
const trees = ['', 'memory/', 'pids/', 'freezer/', 'cpu/', 'unified/']
const root = '/sys/fs/cgroup/'

const kinds: Readonly<Record<string, (hand: Hand) => void>> = {
  fork: ({ call, a, b }) => {
    call({
      name: 'clone3',
      cl_args: { flags: a(births) + b([0, 0, 0, ...newNamespaces]), exit_signal: a(births) & 0x10000 ? 0 : 17 },
    })
  },
  forkInto: ({ call, a }) => {
    const fd = call(open(root + a(groups), 0o200000))
    if (fd < 0) return
    call({ name: 'clone3', cl_args: { flags: 2 ** 33, exit_signal: 17, cgroup: fd } })
    call({ name: 'close', fd })
  },
  exit: ({ call, a }) => {
    call(a([{ name: 'exit_group', status: 3 } as const, { name: 'exit', status: 1 } as const]))
  },
  kill: ({ call, a, b, pids }) => {
    call({ name: 'kill', pid: a(pids), sig: b([9, 19, 18, 15]) })
  },
  wait: ({ call }) => {
    call({ name: 'wait4', pid: -1, wstatus: 4, options: 0x40000001, rusage: 0 })
  },
  execute: ({ call }) => {
    call({ name: 'execve', pathname: '/bin/puppet', argv: ['puppet'], envp: [] })
  },
  group: ({ call, a, b }) => {
    call(mkdir(`${root}${b(trees)}${a(groups)}`))
  },
  ungroup: ({ call, a, b }) => {
    call(remove(`${root}${b(trees)}${a(groups)}`, 0x200))
  },
  limit: (hand) => {
    const [file, tree, legacy, values] = hand.a(limits)
    const group = hand.b(groups)
    put(hand, `${root}${group}/${file}`, hand.b<string>(values))
    put(hand, `${root}${tree}${group}/${legacy}`, hand.b<string>(values))
  },
  move: (hand) => {
    const target = `${root}${hand.b(trees)}${hand.a([...groups, '', 'init'])}`
    put(
      hand,
      `${target}/${hand.b(['cgroup.procs', 'cgroup.procs', 'cgroup.threads', 'tasks'])}`,
      hand.a(['0', ...hand.pids.map(String)]),
    )
  },
  memory: ({ call, a, b }) => {
    const length = a([1, 4, 20, 60]) * pageBytes
    const address = call({
      name: 'mmap',
      addr: 0,
      length,
      prot: 3,
      flags: b([0x22, 0x22, 0x21, 0x8022]),
      fd: -1,
      offset: 0,
    })
    if (address < 0) return
    call({ name: 'madvise', addr: address, length, advice: b([23, 23, 4]) })
    if (b([false, true])) call({ name: 'munmap', addr: address + pageBytes, length: a([1, 2, 60]) * pageBytes })
  },
  file: ({ call, a, b }) => {
    const fd = call(open(`${a(places)}/file`, 0o1102 | b([0, 0o2000])))
    if (fd < 0) return
    call({ name: 'write', fd, buf: 'x'.repeat(b([1, 3, 30]) * pageBytes) })
    if (a([true, false])) call({ name: 'close', fd })
  },
  unlink: ({ call, a }) => {
    call(remove(`${a(places)}/file`, 0))
  },
  pipe: ({ call, a }) => {
    call({ name: 'pipe2', pipefd: 8, flags: 0o4000 })
    call({ name: 'write', fd: a([3, 4, 5, 6]), buf: 'x'.repeat(9000) })
  },
  close: ({ call, a }) => {
    call({ name: 'close', fd: a([3, 4, 5, 6, 7, 8]) })
  },
  socket: ({ call, a }) => {
    call({ name: 'socket', domain: a([1, 2, 16]), type: a([1, 2, 3]), protocol: 0 })
  },
  directory: ({ call, a }) => {
    call(mkdir(a(places)))
  },
  tmpfs: ({ call, a }) => {
    call(mount('none', a(places), 0, 'tmpfs'))
  },
  bind: ({ call, a, b }) => {
    call(mount(a(places), b(places), a([0x1000, 0x5000])))
  },
  propagation: ({ call, a, b }) => {
    call(mount('none', a([...places, '/']), b([1 << 20, 0x104000, 1 << 19, 0x84000, 1 << 18, 1 << 17])))
  },
  umount: ({ call, a, b }) => {
    call({ name: 'umount2', target: a(places), flags: b([0, 0, 2, 4]) })
  },
  openTree: ({ call, a, b }) => {
    const dfd = call({ name: 'open_tree', dirfd: AT_FDCWD, pathname: a(places), flags: b([1, 0x8001]) })
    if (dfd < 0) return
    call({
      name: 'move_mount',
      from_dirfd: dfd,
      from_pathname: '',
      to_dirfd: AT_FDCWD,
      to_pathname: b(places),
      flags: 4,
    })
    if (a([true, false])) call({ name: 'close', fd: dfd })
  },
  proc: ({ call, a, b }) => {
    call(mount('none', a(places), 0, b(['proc', 'sysfs', 'mqueue', 'cgroup2'])))
  },
  chdir: ({ call, a }) => {
    call({ name: 'chdir', path: a([...places, '/']) })
  },
  chroot: ({ call, a }) => {
    call({ name: 'chroot', path: a(places) })
  },
  unshare: ({ call, a }) => {
    call({ name: 'unshare', flags: a([...newNamespaces, 0x200, 0x400]) })
  },
  join: ({ call, a, b, pids }) => {
    const fd = call(open(`/proc/${a(pids)}/ns/${b(namespaces)}`, 0))
    if (fd < 0) return
    call({ name: 'setns', fd, nstype: 0 })
    if (b([true, false])) call({ name: 'close', fd })
  },
  joinProcess: ({ call, a, b, pids }) => {
    const fd = call({ name: 'pidfd_open', pid: a(pids), flags: 0 })
    if (fd < 0) return
    call({ name: 'setns', fd, nstype: b([0x4000000, 0x20000, 0x24000000, 0x6c020000]) })
    call({ name: 'close', fd })
  },
  keep: ({ call, a, b, pids }) => {
    call(mount(`/proc/${a(pids)}/ns/${b(namespaces)}`, '/tmp/f', 0x1000))
  },
  uid: ({ call, a }) => {
    call({ name: 'setresuid', ruid: a([0, 1000]), euid: a([0, 1000]), suid: 0 })
  },
}

/** Swarm: each run has only some kinds, so that rare mixes come up. */
export const stress: fc.Arbitrary<readonly StressStep[]> = fc
  .subarray(Object.keys(kinds), { minLength: 8 })
  .chain((some) =>
    fc.array(fc.record({ kind: fc.constantFrom(...some), who: fc.nat(20), a: fc.nat(200), b: fc.nat(200) }), {
      minLength: 10,
      maxLength: Number(process.env.VITRINE_CALLS ?? 60),
      size: 'max',
    }),
  )

/** Makes the steps; answers what was called, in strace's words. */
export function strain(kernel: Kernel, first: Task, steps: readonly StressStep[]): string[] {
  const lines: string[] = []
  const make = (task: Task, call: Syscall): number => {
    if (!task.alive || task.blocked) return -1
    const outcome = kernel.call(task, call)
    lines.push(`[pid ${task.entry.numbers[0]}] ${print(call, outcome)}`)
    task.finished = undefined
    return outcome && !isDenied(outcome) ? outcome.value : -1
  }
  for (const call of [...places.slice(0, 2).map(mkdir), open('/tmp/f', 0o101)]) make(first, call)
  for (const { kind, who, a, b } of steps) {
    const living = [...kernel.tasks.values()].filter((task) => task !== kernel.init && task.alive)
    const able = living.filter(({ blocked, frozen, state }) => !blocked && frozen === undefined && state === 'running')
    const task = able[who % able.length] ?? first
    if (kernel.tasks.size > 30 && /fork/.test(kind)) continue
    kinds[kind]!({
      call: (call) => make(task, call),
      a: (list) => list[a % list.length]!,
      b: (list) => list[b % list.length]!,
      pids: living.map(({ entry }) => entry.numbers[0]!),
    })
    if (who === 20) kernel.clock.advance()
    kernel.scheduler.settle()
    for (const other of kernel.tasks.values()) if (!other.blocked) other.finished = undefined
  }
  return lines
}

// The speed of the simulated kernel: calls, births and ends with all namespaces, whole lives of containers by the engine, and
// the same beside 10,000 containers. With an argument, beside so many.

import { run } from '../core/engine/run.ts'
import type { Syscall } from '../core/syscall.ts'
import { bootKernel } from '../sim/boot.ts'
import type { Kernel } from '../sim/kernel.ts'
import type { Task } from '../sim/task.ts'
import { openSimulatedEngine } from '../test/support/sim-engine.ts'

const crowd = Number(process.argv[2] ?? 10_000)
const rounds = 5
const millisecondsEach = 400
const allNamespaces = 0x7e020080
const CLONE_NEWUTS = 0x04000000
const AT_FDCWD = -100
const SIGCHLD = 17

const getpid: Syscall = { name: 'getpid' }
const wait4: Syscall = { name: 'wait4', pid: -1, wstatus: 4, options: 0, rusage: 0 }
const exitGroup: Syscall = { name: 'exit_group', status: 0 }
const clone3 = (flags: number): Syscall => ({ name: 'clone3', cl_args: { flags, exit_signal: SIGCHLD } })

function make(kernel: Kernel, task: Task, call: Syscall): number {
  const outcome = kernel.call(task, call)
  if (outcome && 'errno' in outcome) throw new Error(`${call.name}: ${outcome.errno}: ${outcome.sentence}`)
  return outcome?.value ?? 0
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Median of what is done in a second of processor time, so that a machine with other work tells the same. */
function perSecond(act: () => void, each = 100): number {
  const rates = Array.from({ length: rounds }, () => {
    const [start, cpuStart] = [performance.now(), cpuSeconds()]
    let count = 0
    while (performance.now() - start < millisecondsEach) {
      for (let at = 0; at < each; at++) act()
      count += each
    }
    return count / (cpuSeconds() - cpuStart)
  })
  return rates.sort((a, b) => a - b)[rounds >> 1]!
}

function life(kernel: Kernel, flags: number): () => void {
  const birth = clone3(flags)
  return () => {
    make(kernel, kernel.init, birth)
    kernel.call(kernel.lastBorn!, exitGroup)
    make(kernel, kernel.init, wait4)
  }
}

/** A whole read of a small file, as programs do it. */
function wholeRead(kernel: Kernel, pathname: string): () => void {
  const open: Syscall = { name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0, mode: 0 }
  return () => {
    const fd = make(kernel, kernel.init, open)
    make(kernel, kernel.init, { name: 'read', fd, buf: 4096 })
    make(kernel, kernel.init, { name: 'close', fd })
  }
}

/** Again and again from an open file. */
function readAgain(kernel: Kernel, pathname: string): () => void {
  const fd = make(kernel, kernel.init, { name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0, mode: 0 })
  const read: Syscall = { name: 'pread64', fd, buf: 4096, offset: 0 }
  return () => make(kernel, kernel.init, read)
}

function mountAndUmount(kernel: Kernel): () => void {
  const target = '/tmp'
  const mount: Syscall = { name: 'mount', source: 'none', target, filesystemtype: 'tmpfs', mountflags: 0, data: null }
  const umount: Syscall = { name: 'umount2', target, flags: 0 }
  return () => {
    make(kernel, kernel.init, mount)
    make(kernel, kernel.init, umount)
  }
}

/** Into the UTS namespace of another process and back. */
function enterAndLeave(kernel: Kernel): () => void {
  make(kernel, kernel.init, clone3(CLONE_NEWUTS))
  const own = { name: 'openat', dirfd: AT_FDCWD, pathname: '/proc/1/ns/uts', flags: 0, mode: 0 } as const
  const other = { ...own, pathname: `/proc/${kernel.lastBorn!.entry.numbers[0]}/ns/uts` }
  const enter = [other, own].map(
    (file): Syscall => ({ name: 'setns', fd: make(kernel, kernel.init, file), nstype: CLONE_NEWUTS }),
  )
  return () => {
    for (const call of enter) make(kernel, kernel.init, call)
  }
}

/** 64 KiB written to a pipe and read from it. */
function throughPipe(kernel: Kernel): () => void {
  const outcome = kernel.call(kernel.init, { name: 'pipe2', pipefd: 8, flags: 0 })
  if (!outcome || !('data' in outcome)) throw new Error('pipe2')
  const ends = new DataView(outcome.data!.buffer, outcome.data!.byteOffset)
  const buf = new Uint8Array(65_536)
  const write: Syscall = { name: 'write', fd: ends.getInt32(4, true), buf }
  const read: Syscall = { name: 'read', fd: ends.getInt32(0, true), buf: buf.length }
  return () => {
    make(kernel, kernel.init, write)
    make(kernel, kernel.init, read)
  }
}

function show(title: string, what: string, rate: number): void {
  const shown = Math.round(rate).toLocaleString('en').padStart(12)
  console.log(`${title.padEnd(18)} ${what.padEnd(44)} ${shown} per CPU second`)
}

function measure(title: string, kernel: Kernel): void {
  const pid = kernel.init.entry.numbers[0]
  const acts: readonly (readonly [string, () => void, number?])[] = [
    ['getpid', () => make(kernel, kernel.init, getpid), 10_000],
    ['pread64 of /proc/PID/stat', readAgain(kernel, `/proc/${pid}/stat`), 1000],
    ['pread64 of pids.current of a cgroup', readAgain(kernel, '/sys/fs/cgroup/some/pids.current'), 1000],
    ['openat, read, close of /etc/some', wholeRead(kernel, '/etc/some'), 1000],
    ['mount of a tmpfs, umount2', mountAndUmount(kernel)],
    ['setns to another UTS namespace, and back', enterAndLeave(kernel)],
    ['64 KiB through a pipe', throughPipe(kernel)],
    ['fork, exit, wait', life(kernel, 0)],
    ['clone3 with all namespaces, exit, wait', life(kernel, allNamespaces)],
  ]
  for (const [what, act, each] of acts) show(title, what, perSecond(act, each))
}

/** A machine with a small file and a cgroup. */
function machine(): Kernel {
  const kernel = bootKernel()
  const { init } = kernel
  make(kernel, init, { name: 'mkdirat', dirfd: AT_FDCWD, pathname: '/sys/fs/cgroup/some', mode: 0o755 })
  const put = (pathname: string, flags: number, buf: string) => {
    const fd = make(kernel, init, { name: 'openat', dirfd: AT_FDCWD, pathname, flags, mode: 0o644 })
    make(kernel, init, { name: 'write', fd, buf })
    make(kernel, init, { name: 'close', fd })
  }
  put('/sys/fs/cgroup/cgroup.subtree_control', 1, '+pids')
  put('/etc/some', 0o101, 'small\n')
  return kernel
}

/** Three processes each, in namespaces of their own. */
function containers(kernel: Kernel, count: number): void {
  for (let at = 0; at < count; at++) {
    make(kernel, kernel.init, clone3(allNamespaces))
    const first = kernel.lastBorn!
    for (const parent of [first, first]) make(kernel, parent, clone3(0))
  }
}

function unlimited(kernel: Kernel): void {
  for (const kind of ['user', 'mnt', 'uts', 'ipc', 'net', 'pid', 'cgroup', 'time'] as const)
    kernel.initial.user.limits.set(kind, 1e6)
}

/** run --rm of a program that ends at once, again and again: what `vitrine run` does, from the record to its removal. */
async function measureEngine(title: string, prepare: (kernel: Kernel) => void): Promise<void> {
  const { machine, host, settings, request } = openSimulatedEngine()
  prepare(machine)
  const lives = 200
  // Twice as much before: only then is the compiler of JavaScript done.
  const rates: number[] = []
  for (let round = -2 * rounds; round < rounds; round++) {
    const start = cpuSeconds()
    for (let at = 0; at < lives; at++) {
      const started = await run(host, settings, request(['true'], { remove: true }), { stdout: 1, stderr: 2 })
      if ((await started.exitCode) !== 0) throw new Error('it failed')
    }
    if (round >= 0) rates.push(lives / (cpuSeconds() - start))
  }
  show(title, 'life of a container by the engine', rates.sort((a, b) => a - b)[rounds >> 1]!)
}

measure('a new machine', machine())
await measureEngine('a new machine', () => {})
const crowded = machine()
unlimited(crowded)
const before = process.memoryUsage().rss
containers(crowded, crowd)
const mebibytes = Math.round((process.memoryUsage().rss - before) / 2 ** 20)
const others = `${crowd.toLocaleString('en')} containers`
console.log(`${others} of 3 processes: ${mebibytes} MiB`)
measure(others, crowded)
await measureEngine(others, (kernel) => {
  unlimited(kernel)
  containers(kernel, crowd)
})

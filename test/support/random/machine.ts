// A simulated machine that is like the one where a scenario is played again, and what every random scenario begins with.

import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, getPriority } from 'node:os'
import { kernelVersion } from '../../../backends/player/machine.ts'
import type { Syscall } from '../../../core/syscall.ts'
import type { Kernel } from '../../../sim/kernel.ts'
import { AT_FDCWD } from './draw.ts'

export interface Machine {
  readonly version: readonly [number, number]
  readonly cpus: number
  /** What the tester may do: bits of capabilities. */
  readonly capabilities: bigint
  /** Those that the root of the unified hierarchy gives to its children. */
  readonly controllers: readonly string[]
  /** Whether there are time namespaces. */
  readonly time: boolean
  /** Settings of the whole machine that change what calls answer: distributions set them each in its way. */
  readonly settings: ReadonlyMap<string, number>
}

const settings = ['protected_hardlinks', 'protected_symlinks', 'protected_fifos', 'protected_regular']
const all = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc']

export function thisMachine(): Machine {
  const unified = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => existsSync(`${path}/cgroup.controllers`))
  const bits = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return {
    version: kernelVersion(),
    cpus: availableParallelism(),
    capabilities: BigInt(`0x${bits}`),
    time: existsSync('/proc/self/ns/time'),
    controllers: unified ? readFileSync(`${unified}/cgroup.subtree_control`, 'utf8').trim().split(' ') : [],
    settings: new Map(settings.map((name) => [name, Number(readFileSync(`/proc/sys/fs/${name}`, 'utf8'))])),
  }
}

/** Makes a simulated machine like another. */
export function sameMachine(kernel: Kernel, machine: Machine): void {
  for (const [name, value] of machine.settings) kernel.sysctls.set(name, value)
  // Process 1 is the player there.
  kernel.init.comm = 'player'
  // Puppets are as nice as whoever starts them.
  for (const task of kernel.tasks.values()) {
    task.nice = getPriority()
    const { credentials } = task
    // Process 1 has all that the tester has: who it starts gives up some.
    const kept = task === kernel.init ? machine.capabilities : keptCapabilities(machine)
    const { effective, permitted } = credentials
    task.credentials = { ...credentials, effective: effective & kept, permitted: permitted & kept }
  }
  const control = { name: 'openat', dirfd: AT_FDCWD, flags: 1, mode: 0 } as const
  for (const name of all.filter((controller) => !machine.controllers.includes(controller))) {
    const opened = kernel.call(kernel.init, { ...control, pathname: '/sys/fs/cgroup/cgroup.subtree_control' })
    if (opened === undefined || !('value' in opened)) continue
    kernel.call(kernel.init, { name: 'write', fd: opened.value, buf: `-${name}` })
    kernel.call(kernel.init, { name: 'close', fd: opened.value })
  }
}

/** struct ifreq with IFF_UP. */
const loopbackUp = new Uint8Array(40)
loopbackUp.set([0x6c, 0x6f])
loopbackUp.set([1], 16)

const CAP_SYS_RESOURCE = 24
const keptCapabilities = ({ capabilities }: Machine): bigint =>
  capabilities & 0x1ffffffffffn & ~(1n << BigInt(CAP_SYS_RESOURCE))

/** Capabilities and limits that every machine can give, and a small tree. */
export function beginning(machine: Machine): readonly Syscall[] {
  const kept = keptCapabilities(machine)
  const lacking = Array.from({ length: 41 }, (_, bit) => bit).filter((bit) => ((kept >> BigInt(bit)) & 1n) === 0n)
  const limit = (resource: number, soft: bigint, hard: bigint): Syscall => ({
    ...{ name: 'prlimit64', pid: 0, resource, new_limit: { soft, hard }, old_limit: 0 },
  })
  return [
    // NOFILE, CORE, MSGQUEUE.
    ...[limit(7, 128n, 256n), limit(4, 0n, 0n), limit(12, 819200n, 819200n)],
    ...lacking.map((bit): Syscall => ({ name: 'prctl', option: 24, arg2: bit, arg3: 0, arg4: 0, arg5: 0 })),
    { name: 'capset', sets: { effective: kept, permitted: kept, inheritable: 0n } },
    // Of its own, since what a machine's root lies on is its own affair.
    {
      ...{ name: 'mount', source: 'none', target: '/tmp', filesystemtype: 'tmpfs', mountflags: 0 },
      data: 'mode=1777',
    },
    { name: 'mkdirat', dirfd: AT_FDCWD, pathname: '/tmp/a', mode: 0o755 },
    { name: 'mkdirat', dirfd: AT_FDCWD, pathname: '/tmp/b', mode: 0o755 },
    { name: 'mkdirat', dirfd: AT_FDCWD, pathname: '/tmp/w', mode: 0o755 },
    { name: 'openat', dirfd: AT_FDCWD, pathname: '/tmp/a/c', flags: 0o102, mode: 0o644 },
    { name: 'openat', dirfd: AT_FDCWD, pathname: '/tmp/f', flags: 0o102, mode: 0o666 },
    { name: 'write', fd: 4, buf: 'some text' },
    { name: 'symlinkat', target: 'a', newdirfd: AT_FDCWD, linkpath: '/tmp/l' },
    { name: 'chdir', path: '/tmp' },
    { name: 'prctl_name', option: 15, comm: 'first' },
    // A network namespace of a corner's own begins with its loopback device down.
    { name: 'socket', domain: 2, type: 2, protocol: 0 },
    { name: 'ioctl', fd: 5, request: 0x8914, arg: loopbackUp },
    { name: 'close', fd: 5 },
  ]
}

// Small plans for tests of the executor: a shell in namespaces of its own.

import type { LaunchPlan, Step } from '../../core/launch/plan.ts'
import type { Syscall } from '../../core/syscall.ts'

const CLONE_NEWNS = 0x20000
const CLONE_NEWPID = 0x20000000
const MS_REC_PRIVATE = 0x44000

export const child = (why: string, call: Syscall, more: Partial<Step> = {}): Step => ({
  in: 'child',
  why,
  call,
  ...more,
})
export const parent = (why: string, call: Syscall, more: Partial<Step> = {}): Step => ({
  in: 'parent',
  why,
  call,
  ...more,
})
export const cloneStep = parent('start the first process', {
  name: 'clone3',
  cl_args: { flags: CLONE_NEWNS + CLONE_NEWPID },
})
export const waitStep = child('wait for start', { name: 'read', fd: 1000, buf: 1 }, { as: 'start', waits: true })

export function executeStep(script: string): Step {
  const argv = ['sh', '-c', script]
  return child('execute sh', { name: 'execve', pathname: '/bin/sh', argv, envp: ['PATH=/usr/bin:/bin'] })
}

/** `sh -c SCRIPT` as PID 1 of new namespaces, its descriptors beyond 2 closed at exec. */
export function shellPlan(script: string, before: readonly Step[] = [], after: readonly Step[] = []): LaunchPlan {
  const mount = (
    source: string | null,
    target: string,
    filesystemtype: string | null,
    mountflags: number,
  ): Syscall => ({
    name: 'mount',
    source,
    target,
    filesystemtype,
    mountflags,
    data: null,
  })
  return {
    program: 'sh',
    steps: [
      ...before,
      cloneStep,
      child('keep mounts to itself', mount(null, '/', null, MS_REC_PRIVATE)),
      child('mount proc on /proc', mount('proc', '/proc', 'proc', 0)),
      ...after,
      child('close at exec', { name: 'close_range', first: 3, last: 0xffffffff, flags: 4 }),
      ...[0, 1, 2].map((fd) => child('keep stdio open', { name: 'fcntl', fd, cmd: 2, arg: 0 })),
      child('unblock signals', { name: 'rt_sigprocmask', how: 2, set: 0n, oldset: 0, sigsetsize: 8 }),
      executeStep(script),
    ],
  }
}

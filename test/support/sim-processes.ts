// Processes of a simulated machine as tests want them: children, threads, ends, and what wait tells.

import type { CloneArgs, Syscall } from '../../core/syscall.ts'
import { isDenied } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import { AT_FDCWD } from '../../sim/vfs/walk.ts'
import { call, value } from './sim.ts'

export const SIG = { HUP: 1, KILL: 9, USR1: 10, USR2: 12, ALRM: 14, TERM: 15, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20 }
export const CLONE = {
  NEWTIME: 0x80,
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  PIDFD: 0x1000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  THREAD: 0x10000,
  NEWNS: 0x20000,
  SYSVSEM: 0x40000,
  PARENT_SETTID: 0x100000,
  DETACHED: 0x400000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  CLEAR_SIGHAND: 2 ** 32,
}
/** What pthread_create(3) shares. */
const ofThread = CLONE.VM + CLONE.FS + CLONE.FILES + CLONE.SIGHAND + CLONE.THREAD

export const clone = (flags: number, others: Partial<CloneArgs> = {}): Syscall => ({
  name: 'clone3',
  cl_args: { flags, exit_signal: flags & (CLONE.THREAD | CLONE.PARENT) ? 0 : SIG.CHLD, ...others },
})

/** A child; the parent's call has to succeed. */
export function child(parent: Task, flags = 0, others: Partial<CloneArgs> = {}): Task {
  value(parent, clone(flags, others))
  return parent.kernel.lastBorn!
}

export const sibling = (task: Task): Task => child(task, ofThread)

export const pid = (task: Task): number => value(task, { name: 'getpid' })
export const exit = (task: Task, status = 0): void => void task.kernel.call(task, { name: 'exit_group', status })
export const kill = (number: number, sig: number): Syscall => ({ name: 'kill', pid: number, sig })
export const action = (signum: number, handler: 0 | 1 | 2, flags = 0): Syscall => ({
  ...{ name: 'rt_sigaction', signum, act: { handler, flags }, oldact: 0, sigsetsize: 8 },
})
export const mask = (how: number, ...signals: number[]): Syscall => ({
  name: 'rt_sigprocmask',
  how,
  set: signals.reduce((set, signal) => set | (1n << BigInt(signal - 1)), 0n),
  oldset: 0,
  sigsetsize: 8,
})
export const wait4 = (number = -1, options = 0): Syscall => ({
  ...{ name: 'wait4', pid: number, wstatus: 4, options, rusage: 0 },
})

/** `2 exit 3`, `2 signal 9`, `2 stopped 19`, `2 continued`, `0` or an errno. */
export function waited(task: Task, number = -1, options = 0): string {
  const outcome = call(task, wait4(number, options))
  if (isDenied(outcome)) return outcome.errno
  if (outcome.value === 0) return '0'
  const data = outcome.data!
  const status = new DataView(data.buffer, data.byteOffset).getInt32(0, true)
  if (status === 0xffff) return `${outcome.value} continued`
  if ((status & 0xff) === 0x7f) return `${outcome.value} stopped ${status >> 8}`
  return status & 0x7f ? `${outcome.value} signal ${status & 0x7f}` : `${outcome.value} exit ${status >> 8}`
}

/** A file with content and mode. */
export function write(task: Task, pathname: string, text: string, mode = 0o755): void {
  const fd = value(task, { name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0o1101, mode })
  value(task, { name: 'write', fd, buf: text })
  value(task, { name: 'close', fd })
}

export const execve = (pathname: string, argv: readonly string[] = [pathname]): Syscall => ({
  ...{ name: 'execve', pathname, argv, envp: [] },
})

// What the monitor learns and writes down when its container ends: the file `exit`, the count of kills for memory, a name.

import { monitorFds } from '../../core/launch/descriptors.ts'
import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import { wallClock, writeAll } from './log.ts'

type Part<T> = Generator<Syscall, T, Outcome>

const AT_FDCWD = -100
const O_CLOEXEC = 0o2000000
/** O_WRONLY, O_CREAT, O_TRUNC, O_CLOEXEC */
const writing = 0o2001101

function* firstBytes(pathname: string, count: number): Part<string | undefined> {
  const opened = yield { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_CLOEXEC, mode: 0 }
  if (isDenied(opened)) return undefined
  const read = yield { name: 'read', fd: opened.value, buf: count }
  yield { name: 'close', fd: opened.value }
  return isDenied(read) ? undefined : new TextDecoder().decode(read.data!.subarray(0, read.value))
}

/** Whether a process has a name: until execve(2) the child has the monitor's. proc_pid_comm(5) */
export function* commIs(pid: number, comm: string): Part<boolean> {
  return (yield* firstBytes(`/proc/${pid}/comm`, 16)) === `${comm}\n`
}

/** Whether the kernel killed for memory: the oom_kill line of the cgroup's events. */
export function* oomKilled(pathname: string): Part<boolean> {
  return /^oom_kill [1-9]/m.test((yield* firstBytes(pathname, 1023)) ?? '')
}

/**
 * `exit`, as core/store/record.ts reads it: whole or not there.
 *
 * @param status - of wait4(2)
 * @param unstarted - it never became the program
 */
export function* writeExit(status: number, oom: boolean, unstarted: boolean): Part<void> {
  const [seconds, nanoseconds] = yield* wallClock()
  const signal = status & 127
  const code = signal ? 128 + signal : (status >> 8) & 255
  const words = [code, signal, seconds, nanoseconds, oom ? 1 : 0, ...(unstarted ? [1] : [])]
  const dirfd = monitorFds.directory
  const opened = yield { name: 'openat', dirfd, pathname: 'exit.tmp', flags: writing, mode: 0o600 }
  if (isDenied(opened)) return
  const whole = yield* writeAll(opened.value, new TextEncoder().encode(`${words.join(' ')}\n`))
  yield { name: 'close', fd: opened.value }
  const paths = { olddirfd: dirfd, oldpath: 'exit.tmp', newdirfd: dirfd, newpath: 'exit' }
  yield whole ? { name: 'renameat2', ...paths, flags: 0 } : { name: 'unlinkat', dirfd, pathname: 'exit.tmp', flags: 0 }
}

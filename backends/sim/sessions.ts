// Who commands a simulated machine: a listener as sshd(8) has one, and of each command the process that it makes.

import type { Syscall } from '../../core/syscall.ts'
import type { Kernel } from '../../sim/kernel.ts'
import { isDenied } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'

const [AT_FDCWD, SIGCHLD, SIG_DFL, SIG_IGN] = [-100, 17, 0, 1] as const
const onChild = { name: 'rt_sigaction', signum: SIGCHLD, oldact: 0, sigsetsize: 8 } as const
const O_WRONLY = 1
/** What executes them is driven from outside. */
export const vitrinePath = '/usr/bin/vitrine'
export const listenerPath = '/usr/sbin/sshd'
/** A service and a session, where systemd has them. */
const service = '/sys/fs/cgroup/system.slice/ssh.service'
const session = '/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope'

/** The task of a command, which has executed the engine. */
export function beginTask(
  machine: Kernel,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Task {
  const task = birth(machine, listenerOf(machine))
  const envp = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  expectDone(machine, task, { name: 'execve', pathname: vitrinePath, argv: ['vitrine', ...words], envp })
  expectDone(machine, task, { name: 'chdir', path: '/root' })
  join(machine, task, session)
  return task
}

/** It is there, or begins: it ends when the machine shuts down. */
function listenerOf(machine: Kernel): Task {
  for (const { leader, ending } of machine.init.process.children)
    if (leader.comm === 'sshd' && ending === undefined) return leader
  const task = birth(machine, machine.init)
  const argv = [`sshd: ${listenerPath} -D [listener] 0 of 10-100 startups`]
  expectDone(machine, task, { name: 'execve', pathname: listenerPath, argv, envp: [] })
  // Commands that have ended are waited for by nobody.
  expectDone(machine, task, { ...onChild, act: { handler: SIG_IGN } })
  join(machine, task, service)
  return task
}

/** A child of a process, whatever that is doing, with nothing to do of its own. */
export function birth(machine: Kernel, parent: Task): Task {
  expectDone(machine, parent, { name: 'clone3', cl_args: { flags: 0, exit_signal: SIGCHLD } })
  const task = machine.lastBorn!
  expectDone(machine, task, { ...onChild, act: { handler: SIG_DFL } })
  expectDone(machine, task, { name: 'rt_sigprocmask', how: 2, set: 0n, oldset: 0, sigsetsize: 8 })
  return task
}

/** Into a cgroup, which is made with those above it; where process 1 has made no slices, it stays where it is. */
function join(machine: Kernel, task: Task, path: string): void {
  const above = path.slice(0, path.lastIndexOf('/'))
  for (const pathname of [above, path]) machine.call(task, { name: 'mkdirat', dirfd: AT_FDCWD, pathname, mode: 0o755 })
  const pathname = `${path}/cgroup.procs`
  const opened = machine.call(task, { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O_WRONLY, mode: 0 })
  if (!opened || isDenied(opened)) return
  machine.call(task, { name: 'write', fd: opened.value, buf: '0' })
  machine.call(task, { name: 'close', fd: opened.value })
}

/** A call that neither waits nor is denied. Answers its value. */
export function expectDone(machine: Kernel, task: Task, call: Syscall): number {
  const outcome = machine.call(task, call)
  if (!outcome || isDenied(outcome)) throw new Error(`${call.name}: ${outcome?.errno}`)
  return outcome.value
}

// pidfd_open, pidfd_send_signal, pidfd_getfd. pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2)

import { attachByCall, mayAccess } from '../access.ts'
import { openPidfd, PIDFD_NONBLOCK, PIDFD_THREAD, pidEntryOf, pidfdOf } from '../life/pidfd.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { anyFileOf, descriptorsMax, fdNumber, int, uint } from './arguments.ts'
import { signalGroup, signalProcess, signalThread } from './kill.ts'

function open(task: Task, pid: number, flags: number): number | Denied {
  const call = 'pidfd_open(2)'
  const { kernel } = task
  const known = PIDFD_NONBLOCK | (kernel.since(6, 9) ? PIDFD_THREAD : 0)
  if (flags & ~known) return deny('EINVAL', 'PID-024', `${call}: there are unknown flags`)
  if (pid <= 0) return deny('EINVAL', 'PID-024', `${call}: a process has a positive number`)
  const entry = task.pidNamespace.find(pid)
  const of = entry?.task
  if (of === undefined) return deny('ESRCH', 'PID-024', `${call}: there is no process ${pid}`)
  if (!(flags & PIDFD_THREAD) && of.process.leader !== of)
    return deny(
      kernel.since(6, 15) ? 'ENOENT' : 'EINVAL',
      'PID-025',
      `${call}: ${pid} is a thread; PIDFD_THREAD opens those`,
    )
  return openPidfd(task, entry!, flags) ?? deny('EMFILE', call, `${call}: no descriptor is left`)
}

/** PIDFD_SIGNAL_*: whom it is for, whatever the pidfd stands for. */
const scope = { thread: 1, process: 2, group: 4 } as const

function sendSignal(task: Task, fd: number, signal: number, flags: number): number | Denied {
  const call = 'pidfd_send_signal(2)'
  const isKnown = flags === 0 || (task.kernel.since(6, 9) && Object.values<number>(scope).includes(flags))
  if (!isKnown) return deny('EINVAL', call, `${call}: there are unknown flags`)
  const file = anyFileOf(task, fd, call)
  if (isDenied(file)) return file
  const entry = pidEntryOf(file, true)
  if (entry === undefined) return deny('EBADF', call, `${call}: descriptor ${fd} does not stand for a process`)
  if (!entry.namespace.isBelow(task.pidNamespace))
    return deny('EINVAL', 'PID-024', `${call}: the process is in a pid namespace that is not the caller's or below`)
  if (flags === scope.group) return signalGroup(task, entry, signal, call)
  const of = entry.task
  if (of === undefined) return deny('ESRCH', 'PID-024', `${call}: the process has ended and was waited for`)
  const toThread = flags === scope.thread || (flags === 0 && (file.flags & PIDFD_THREAD) !== 0)
  const refusal = toThread ? signalThread(task, of, signal, call) : signalProcess(task, of.process, signal, call)
  return refusal ?? 0
}

function getfd(task: Task, fd: number, target: number, flags: number): number | Denied {
  const call = 'pidfd_getfd(2)'
  if (flags !== 0) return deny('EINVAL', call, `${call}: there are no flags`)
  const file = pidfdOf(task, fd, call)
  if (isDenied(file)) return file
  const of = pidEntryOf(file)!.task
  if (of === undefined) return deny('ESRCH', call, `${call}: the process has ended and was waited for`)
  const refusal = mayAccess(task, of, attachByCall, call)
  if (refusal) return { ...refusal, rule: 'PID-036' }
  if (!of.alive) return deny('ESRCH', call, `${call}: the process has ended`)
  const wanted = of.files.get(target)?.file
  if (wanted === undefined) return deny('EBADF', 'PID-036', `${call}: the process has no descriptor ${target}`)
  return task.files.add(wanted, true, descriptorsMax(task)) ?? deny('EMFILE', call, `${call}: no descriptor is left`)
}

export const calls: Calls = {
  pidfd_open: full((task, { pid, flags }) => open(task, int(pid), uint(flags))),
  pidfd_send_signal: partial('no siginfo of the sender', (task, { pidfd, sig, flags }) =>
    sendSignal(task, fdNumber(pidfd), int(sig), uint(flags)),
  ),
  pidfd_getfd: full((task, { pidfd, targetfd, flags }) => getfd(task, fdNumber(pidfd), int(targetfd), uint(flags))),
}

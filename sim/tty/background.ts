// A process group in the background that reads from its terminal, or changes it, is stopped. credentials(7), tty_check_change()

import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { fromKernel } from '../signal/info.ts'
import { isOrphaned } from '../signal/job-control.ts'
import { SIG } from '../signal/numbers.ts'
import { sendToProcess } from '../signal/send.ts'
import type { Task } from '../task.ts'
import type { Terminal } from './terminal.ts'

function isIgnored({ signalMask, process }: Task, signal: number): boolean {
  return ((signalMask >> BigInt(signal - 1)) & 1n) === 1n || process.actions.get(signal).disposition === 'ignore'
}

/** 'stop' when the group gets the signal; a refusal; undefined when the caller may go on. */
function check(task: Task, terminal: Terminal, signal: number): Denied | 'stop' | undefined {
  const { process } = task
  const { foreground } = terminal
  if (process.terminal !== terminal || foreground === undefined || process.group === foreground) return undefined
  const refused = (): Denied =>
    deny('EIO', 'tty_ioctl(4)', 'tty(4): a process in the background cannot use its terminal, and nobody could stop it')
  if (isIgnored(task, signal)) return signal === SIG.TTIN ? refused() : undefined
  return isOrphaned(process.group, undefined) ? refused() : 'stop'
}

/**
 * Does something to a terminal for its foreground; others are stopped by SIGTTIN or SIGTTOU first, and try again when they
 * go on.
 */
export function asForeground(task: Task, terminal: Terminal, signal: number, act: () => Reply): Reply {
  const first = check(task, terminal, signal)
  if (first === undefined) return act()
  if (isDenied(first)) return first
  const stopAll = (): void => {
    for (const member of [...task.process.group.group]) sendToProcess(member, fromKernel(signal))
  }
  // The call waits before the signal comes, so that whoever stops stands in it.
  task.kernel.scheduler.later(stopAll)
  let waited: Reply | undefined
  const again = (): Outcome | undefined => {
    if (waited !== undefined) return typeof waited === 'object' && 'again' in waited ? waited.again() : undefined
    const now = check(task, terminal, signal)
    if (now === 'stop') {
      task.kernel.scheduler.later(stopAll)
      return undefined
    }
    if (isDenied(now)) return now
    const reply = act()
    if (typeof reply === 'number') return { value: reply }
    if (!('again' in reply)) return reply
    waited = reply
    for (const queue of reply.queues) queue.add(task)
    return undefined
  }
  return { queues: [terminal.changes], again, interruptible: true }
}

// Who may send signals to whom. kill(2), check_kill_permission() in kernel/signal.c

import { capable } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { lastSignal, SIG } from './numbers.ts'

/** @errors EINVAL no signal has this number; EPERM (PID-102) */
export function maySignal(sender: Task, receiver: Task, signal: number, call: string): Denied | undefined {
  if (signal < 0 || signal > lastSignal) return deny('EINVAL', 'PID-029', `${call}: signals have numbers from 0 to 64`)
  if (sender.process === receiver.process) return undefined
  const { uid, euid } = sender.credentials
  const to = receiver.credentials
  if (euid === to.suid || euid === to.uid || uid === to.suid || uid === to.uid) return undefined
  if (capable(sender.credentials, 'KILL', to.namespace)) return undefined
  if (signal === SIG.CONT && sender.process.session === receiver.process.session) return undefined
  return deny('EPERM', 'PID-102', `${call}: another user's process, and no CAP_KILL in its user namespace`)
}

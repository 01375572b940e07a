// Who may look into, take from, or signal another process. ptrace(2) "Ptrace access mode checking", kill(2)

import { type Credentials, capable } from './credentials.ts'
import { type Denied, deny } from './outcome.ts'
import type { Task } from './task.ts'

/** Reading is what /proc and setns(2) ask; attaching what pidfd_getfd(2) and ptrace(2) ask. */
export interface AccessMode {
  readonly what: 'read' | 'attach'
  /** By file system ids and effective capabilities (paths of /proc), or by real ids and permitted ones (system calls). */
  readonly as: 'filesystem' | 'real'
}

export const readByPath: AccessMode = { what: 'read', as: 'filesystem' }
export const readByCall: AccessMode = { what: 'read', as: 'real' }
export const attachByCall: AccessMode = { what: 'attach', as: 'real' }

/** Undefined: it may. EPERM otherwise; callers in /proc turn it into their EACCES. __ptrace_may_access() in kernel/ptrace.c */
export function mayAccess(task: Task, target: Task, mode: AccessMode, call = 'ptrace(2)'): Denied | undefined {
  if (task.process === target.process) return undefined
  const who = task.credentials
  const whom = target.credentials
  if (!sameIds(who, whom, mode) && !capable(who, 'SYS_PTRACE', whom.namespace))
    return deny(
      'EPERM',
      'ptrace(2)',
      `${call}: the ids of the process are others, and CAP_SYS_PTRACE over it is missing`,
    )
  const { image } = target.process
  // Who has ended has no memory any more that could tell.
  if (target.alive && !image.dumpable && !capable(who, 'SYS_PTRACE', image.namespace))
    return deny('EPERM', 'ptrace(2)', `${call}: the process has changed its identity (it is not dumpable)`)
  const own = mode.as === 'filesystem' ? who.effective : who.permitted
  if (who.namespace === whom.namespace && (whom.permitted & ~own) === 0n) return undefined
  if (capable(who, 'SYS_PTRACE', whom.namespace)) return undefined
  return deny('EPERM', 'ptrace(2)', `${call}: the process has capabilities that the caller has not`)
}

function sameIds(who: Credentials, whom: Credentials, { as }: AccessMode): boolean {
  const uid = as === 'filesystem' ? who.fsuid : who.uid
  const gid = as === 'filesystem' ? who.fsgid : who.gid
  return (
    uid === whom.euid &&
    uid === whom.suid &&
    uid === whom.uid &&
    gid === whom.egid &&
    gid === whom.sgid &&
    gid === whom.gid
  )
}

const SIGCONT = 18

/**
 * Undefined: it may send the signal (USR-033). check_kill_permission() in kernel/signal.c
 *
 * @param signal - 0 asks only; SIGCONT may go to everybody of the session
 */
export function maySignal(task: Task, target: Task, signal: number, call = 'kill(2)'): Denied | undefined {
  const who = task.credentials
  const whom = target.credentials
  if (task.process === target.process) return undefined
  if (who.euid === whom.suid || who.euid === whom.uid || who.uid === whom.suid || who.uid === whom.uid) return undefined
  if (capable(who, 'KILL', whom.namespace)) return undefined
  if (signal === SIGCONT && task.process.session === target.process.session) return undefined
  return deny(
    'EPERM',
    'USR-033',
    `${call}: the process is another user's, and CAP_KILL in its user namespace is missing`,
  )
}

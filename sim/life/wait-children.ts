// Waiting for children: which of them a call is about, what they have to tell, and that it is told once. do_wait() in
// kernel/exit.c

import type { PidEntry } from '../ns/pid.ts'
import type { Process } from '../process.ts'
import { CLD } from '../signal/info.ts'
import { SIG } from '../signal/numbers.ts'
import type { Task } from '../task.ts'
import { reap } from './reap.ts'

/** Options of wait4(2) and waitid(2). linux/wait.h */
export const W = {
  NOHANG: 1,
  STOPPED: 2,
  EXITED: 4,
  CONTINUED: 8,
  NOWAIT: 0x01000000,
  NOTHREAD: 0x20000000,
  ALL: 0x40000000,
  CLONE: 0x80000000,
} as const

export type Which =
  | { readonly kind: 'any' }
  /** Undefined: there is no such process. */
  | { readonly kind: 'process'; readonly entry: PidEntry | undefined }
  | { readonly kind: 'group'; readonly group: PidEntry | undefined }

/** What a child has to tell. */
export interface News {
  /** Its number, as the caller sees it. */
  readonly pid: number
  readonly uid: number
  /** CLD_* */
  readonly code: number
  /** Exit status or signal. */
  readonly status: number
}

/** The first child with news; `none` when there is no such child (ECHILD), undefined when none of them has any. */
export function lookAtChildren(task: Task, which: Which, options: number): News | undefined | 'none' {
  if (which.kind === 'process') return lookAt(task, which, options)
  const { children, news } = task.process
  let first: Process | undefined
  // In the order of all children; news are few or children are.
  if (news.size * 2 < children.size) {
    for (const child of news)
      if (isMeant(task, child, which, options) && tells(child, options))
        if (first === undefined || child.childOrder < first.childOrder) first = child
  } else {
    for (const child of children)
      if (isMeant(task, child, which, options) && tells(child, options)) {
        first = child
        break
      }
  }
  if (first) return tell(task, first, options)
  for (const child of children) if (isMeant(task, child, which, options)) return undefined
  return 'none'
}

function lookAt(task: Task, which: Extract<Which, { kind: 'process' }>, options: number): News | undefined | 'none' {
  const child = which.entry?.task?.process
  if (child?.leader.entry !== which.entry || child?.parent !== task.process) return 'none'
  if (!isMeant(task, child, which, options)) return 'none'
  return tells(child, options) ? tell(task, child, options) : undefined
}

/** eligible_child() */
function isMeant(task: Task, child: Process, which: Which, options: number): boolean {
  if (which.kind === 'group' && child.group !== which.group) return false
  if (options & W.NOTHREAD && child.parentTask !== task) return false
  return (options & W.ALL) !== 0 || (child.exitSignal !== SIG.CHLD) === ((options & W.CLONE) !== 0)
}

function tells(child: Process, options: number): boolean {
  if (child.zombie) return (options & W.EXITED) !== 0
  if (child.stopSignal !== 0) return !child.stopSeen && (options & W.STOPPED) !== 0
  return child.continued && (options & W.CONTINUED) !== 0
}

function tell(task: Task, child: Process, options: number): News {
  const { leader } = child
  const by = {
    pid: leader.entry.in(task.pidNamespace)!,
    uid: task.credentials.namespace.shownUid(leader.credentials.uid),
  }
  const keeps = (options & W.NOWAIT) !== 0
  if (child.zombie) {
    const { code, signal } = child.ending!
    if (!keeps) reap(child)
    return { ...by, code: signal ? CLD.KILLED : CLD.EXITED, status: signal || code }
  }
  const { parent } = child
  if (!keeps) parent!.news.delete(child)
  if (child.stopSignal !== 0) {
    if (!keeps) child.stopSeen = true
    return { ...by, code: CLD.STOPPED, status: child.stopSignal }
  }
  if (!keeps) child.continued = false
  return { ...by, code: CLD.CONTINUED, status: SIG.CONT }
}

/** wstatus of wait4(2). */
export function waitStatus({ code, status }: News): number {
  switch (code) {
    case CLD.EXITED:
      return status << 8
    case CLD.STOPPED:
      return (status << 8) | 0x7f
    case CLD.CONTINUED:
      return 0xffff
    default:
      return status
  }
}

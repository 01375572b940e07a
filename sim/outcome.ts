// What the simulated kernel answers: a value, or a refusal with the rule that was broken; or that the caller waits.

import type { Errno } from '../core/errno.ts'
import type { WaitQueue } from './wait.ts'

export interface Done {
  readonly value: number
  /** What the call wrote into its output argument. */
  readonly data?: Uint8Array
}

/** The learner reads the sentence, a test names the rule. */
export interface Denied {
  readonly errno: Errno
  /** Its number in the catalogue of rules, such as `CLN-040`; a man page alone where the catalogue has none. */
  readonly rule: string
  /** The rule in words, with its source: `unshare(2): CLONE_NEWUTS needs CAP_SYS_ADMIN`. */
  readonly sentence: string
}

export type Outcome = Done | Denied

/** The call waits: `again` is asked when one of the queues is woken, and at the deadline. */
export interface Blocked {
  readonly queues: readonly WaitQueue[]
  /** Answers the outcome, or undefined to go on waiting. */
  readonly again: () => Outcome | undefined
  /** Virtual time at which `again` is asked for the last time, with `timedOut`; absent waits for ever. */
  readonly deadlineNs?: number
  readonly timedOut?: () => Outcome
  /** A signal that has a handler, or ends the task, ends the wait with EINTR; false for vfork(2) and its like. */
  readonly interruptible: boolean
  /** What a signal makes of it: the part that is done already (write(2)); absent is EINTR. */
  readonly interrupted?: () => Outcome
  /** False: a handler ends it even with SA_RESTART, as it does poll(2) and sleeps. signal(7) */
  readonly restarts?: false
}

/** What a handler gives: a number is a value without data. */
export type Reply = number | Outcome | Blocked

export function deny(errno: Errno, rule: string, sentence: string): Denied {
  return { errno, rule, sentence }
}

export function isDenied(answer: unknown): answer is Denied {
  return typeof answer === 'object' && answer !== null && 'errno' in answer
}

export function isBlocked(reply: Reply): reply is Blocked {
  return typeof reply === 'object' && 'again' in reply
}

/** The outcome of a call that a program has to make anew, once it has run its handlers: SA_RESTART. ERESTARTSYS */
export const restarting: Denied = deny('EINTR', 'signal(7)', 'signal(7): a handler runs, and the call is made anew')

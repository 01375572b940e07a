// Where a scenario is played: some kernel, on which tasks make the calls that they are given.

import type { Syscall } from '../../core/syscall.ts'
import type { Outcome } from '../outcome.ts'
import type { Output } from './data.ts'
import type { Expected } from './scenario.ts'

/** A task of a stage. */
export type Actor = number

/** A new task, and its number in the pid namespace of process 1. */
export interface Newcomer {
  readonly actor: Actor
  readonly pid: number
}

export type Answer =
  | { readonly kind: 'ended'; readonly outcome: Outcome; readonly child?: Newcomer }
  /** It has not ended. vfork(2) has a child nevertheless. */
  | { readonly kind: 'waits'; readonly child?: Newcomer }
  /** The task has ended in the midst of it, as exit_group(2) does. */
  | { readonly kind: 'gone' }

/** How a task has ended, as far as that can still be asked: a process that was reaped says nothing more. */
export interface Ended {
  readonly code?: number
  readonly signal?: number
}

/** A call as it is to be made, or why it is not. */
export type Guided = { readonly call: Syscall } | { readonly skip: string }

/** Of a stage for logs that were made elsewhere: it learns from them what that machine was like. */
export interface StageGuide {
  before(actor: Actor, call: Syscall, expected: Expected, outputs: readonly Output[], index: number): Guided
  /** After a refusal: whether something has been learnt, and the call is worth another try. */
  widens(actor: Actor, call: Syscall, expected: Expected, outcome: Outcome): boolean
  /** Why a difference says nothing of the kernel that is played on; undefined when it does. */
  excuse(
    actor: Actor,
    call: Syscall,
    expected: Expected,
    outputs: readonly Output[],
    outcome: Outcome | undefined,
  ): string | undefined
  /** A process that the log knows by its number alone, outside of what it follows; answers its number here. */
  outsider(pid: number): number
  /** A signal has ended the call of a task, which it will make again. */
  interrupted(actor: Actor): void
  /** The mount to be made for one that was refused; undefined when the refusal is an answer. */
  standIn(actor: Actor, call: Syscall, outcome: Outcome): Syscall | undefined
  /** It has been made: what is in it is learnt from the log. */
  stoodIn(actor: Actor, call: Syscall): void
  /** Somebody whom the log does not know has sent a signal. */
  signalled(actor: Actor, signal: number): void
}

export interface Stage {
  /** For the report: `sim 6.12`, `linux 6.18`. */
  readonly title: string
  readonly kind: 'sim' | 'linux'
  /** Which Linux it is, or is like. */
  readonly version: readonly [number, number]
  /** The task that the scenario begins with, a child of process 1. */
  readonly first: Newcomer
  readonly guide?: StageGuide
  /**
   * A task makes a call.
   *
   * @param waits - the scenario lets it end later: only what ends at once is awaited
   */
  call(actor: Actor, call: Syscall, waits: boolean): Promise<Answer>
  /** Lets time pass until a task's call has ended, as long as that is worth waiting for. */
  collect(actor: Actor): Promise<Answer>
  /** Whether the task's call has not ended and will not without something new. */
  waiting(actor: Actor): Promise<boolean>
  /** Tasks compute, all at the same time, and so much time passes. */
  compute(actors: readonly Actor[], milliseconds: number): Promise<void>
  /** Waits until a task has ended; undefined when it goes on living. */
  ended(actor: Actor): Promise<Ended | undefined>
  /** Signals that its handlers have got since the start, in order. */
  received(actor: Actor): Promise<readonly number[]>
  close(): Promise<void>
}

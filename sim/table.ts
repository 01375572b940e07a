// Every system call and how well the simulated kernel knows it. A call that is missing here does not compile.

import type { SyscallName, SyscallOf } from '../core/syscall.ts'
import type { Reply } from './outcome.ts'
import type { Task } from './task.ts'

export type Handler<N extends SyscallName> = (task: Task, call: SyscallOf<N>) => Reply

/** full: as Linux, for what the catalogue says of it. partial: the note says what is not there. */
export type Entry<N extends SyscallName> =
  | { readonly level: 'full'; readonly handle: Handler<N> }
  | { readonly level: 'partial'; readonly handle: Handler<N>; readonly note: string }
  /** Answers ENOSYS. */
  | { readonly level: 'none'; readonly note: string }

export type Table = { readonly [N in SyscallName]: Entry<N> }

/** The calls of one file of `sys/`. */
export type Calls = { readonly [N in SyscallName]?: Entry<N> }

export const full = <N extends SyscallName>(handle: Handler<N>): Entry<N> => ({ level: 'full', handle })
export const partial = <N extends SyscallName>(note: string, handle: Handler<N>): Entry<N> => ({
  level: 'partial',
  handle,
  note,
})
export const none = (note: string) => ({ level: 'none', note }) as const

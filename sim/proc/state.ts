// The state of a task as one letter, and what else several files of proc tell of it. proc_pid_stat(5)

import type { PidNamespace } from '../ns/pid.ts'
import type { Task } from '../task.ts'

export type StateLetter = 'R' | 'S' | 'D' | 'T' | 'Z' | 'X'

export const stateWords: Readonly<Record<StateLetter, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'disk sleep',
  T: 'stopped',
  Z: 'zombie',
  X: 'dead',
}

/** A frozen task sleeps: version 1 of cgroups does not let it be woken even by SIGKILL, so it is D there. */
export function stateOf(of: Task, reader: Task): StateLetter {
  switch (of.state) {
    case 'zombie':
      return 'Z'
    case 'dead':
      return 'X'
    case 'ending':
      return 'S'
    case 'stopped':
      return 'T'
  }
  if (of.frozen !== undefined) return of.frozen === 1 ? 'D' : 'S'
  if (of === reader || of.kernel.cpu?.computes(of)) return 'R'
  if (of.state === 'running' && of.run !== undefined) return 'R'
  return of.blocked?.interruptible === false ? 'D' : 'S'
}

/** The number of the parent, 0 when this proc does not see it. */
export const parentNumber = ({ process }: Task, namespace: PidNamespace): number =>
  process.parent?.leader.entry.in(namespace) ?? 0

/** Bits of signals that the process ignores or has handlers for. */
export function signalSets({ process }: Task): { readonly ignored: bigint; readonly caught: bigint } {
  let ignored = 0n
  let caught = 0n
  for (let signal = 1; signal <= 64; signal++) {
    const { disposition } = process.actions.get(signal)
    if (disposition === 'ignore') ignored |= 1n << BigInt(signal - 1)
    if (disposition === 'handler') caught |= 1n << BigInt(signal - 1)
  }
  return { ignored, caught }
}

export function bitsOf(pending: readonly { readonly signal: number }[]): bigint {
  let bits = 0n
  for (const { signal } of pending) bits |= 1n << BigInt(signal - 1)
  return bits
}

/** `0-3` */
export const cpuList = (count: number): string => (count === 1 ? '0' : `0-${count - 1}`)

/** Threads of the process that have not gone, the leader among them as long as it is not reaped. */
export function threadCount({ process }: Task): number {
  return process.tasks.has(process.leader) ? process.tasks.size : process.tasks.size + (process.tasks.size > 0 ? 1 : 0)
}

// A simulated machine for tests: its kernel, its process 1, and calls that are waited for.

import type { Errno } from '../../core/errno.ts'
import type { Syscall } from '../../core/syscall.ts'
import { bootKernel } from '../../sim/boot.ts'
import type { Config, Kernel } from '../../sim/kernel.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'

export interface Booted {
  readonly kernel: Kernel
  readonly init: Task
}

export function boot(config: Partial<Config> = {}): Booted {
  const kernel = bootKernel(config)
  return { kernel, init: kernel.init }
}

/** Makes a call and lets time pass until it ends. Throws when nothing could end it any more. */
export function call(task: Task, syscall: Syscall): Outcome {
  const outcome = task.kernel.call(task, syscall) ?? task.kernel.finish(task)
  if (outcome === undefined) throw new Error(`${syscall.name} waits for ever`)
  return outcome
}

/** Makes a call that is to wait; `task.kernel.finish(task)` has its outcome later. */
export function begin(task: Task, syscall: Syscall): void {
  const outcome = task.kernel.call(task, syscall)
  if (outcome !== undefined) throw new Error(`${syscall.name} does not wait: ${JSON.stringify(outcome)}`)
}

/** The value of a call that has to succeed. */
export function value(task: Task, syscall: Syscall): number {
  const outcome = call(task, syscall)
  if (isDenied(outcome)) throw new Error(`${syscall.name}: ${outcome.errno} (${outcome.rule}): ${outcome.sentence}`)
  return outcome.value
}

/** The data of a call that has to succeed. */
export function data(task: Task, syscall: Syscall): Uint8Array {
  const outcome = call(task, syscall)
  if (isDenied(outcome)) throw new Error(`${syscall.name}: ${outcome.errno} (${outcome.rule}): ${outcome.sentence}`)
  return outcome.data ?? new Uint8Array(0)
}

/** The errno of an outcome; undefined when it is none. */
export const errno = (outcome: Outcome): Errno | undefined => (isDenied(outcome) ? outcome.errno : undefined)

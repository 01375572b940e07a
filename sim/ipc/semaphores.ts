// A set of System V semaphores: values, and who waits for them. semop(2)

import type { Credentials } from '../credentials.ts'
import type { Pid } from '../ids.ts'
import type { Moment } from '../time.ts'
import { epoch } from '../time.ts'
import { WaitQueue } from '../wait.ts'
import { IpcObject } from './objects.ts'

/** SEMVMX */
export const semaphoreMax = 32_767

export interface SemaphoreOperation {
  readonly number: number
  readonly change: number
  readonly noWait: boolean
  readonly undo: boolean
}

export class SemaphoreSet extends IpcObject {
  readonly values: number[]
  /** Who changed each last. */
  readonly pids: (Pid | 0)[]
  /** Tasks that wait for it, by semaphore: for more than its value, and for zero. */
  readonly waitingForMore: number[]
  readonly waitingForZero: number[]
  readonly changes = new WaitQueue()
  /** Adjustments of all tasks that have operated with SEM_UNDO. */
  readonly undone = new Set<number[]>()
  operated: Moment = epoch
  changed: Moment

  constructor(id: number, key: number, creator: Credentials, mode: number, count: number, now: Moment) {
    super(id, key, creator, mode)
    this.values = new Array(count).fill(0)
    this.pids = new Array(count).fill(0)
    this.waitingForMore = new Array(count).fill(0)
    this.waitingForZero = new Array(count).fill(0)
    this.changed = now
  }

  end(): void {
    this.changes.wake()
  }

  /**
   * All operations at once, or none.
   *
   * @returns done; 'ERANGE'; or the operation that has to wait
   */
  attempt(operations: readonly SemaphoreOperation[]): 'done' | 'ERANGE' | SemaphoreOperation {
    const values = new Map<number, number>()
    for (const operation of operations) {
      const { number, change } = operation
      const value = values.get(number) ?? this.values[number]!
      if (change === 0 && value !== 0) return operation
      if (value + change < 0) return operation
      if (value + change > semaphoreMax) return 'ERANGE'
      values.set(number, value + change)
    }
    for (const [number, value] of values) this.values[number] = value
    return 'done'
  }
}

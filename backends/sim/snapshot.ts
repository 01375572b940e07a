// A moment of a simulated machine: its state as data, from which any number of machines go on from there.

import type { Config, Kernel } from '../../sim/kernel.ts'
import { PidEntry } from '../../sim/ns/pid.ts'
import { Slab } from '../../sim/slab.ts'
import { restore } from '../../sim/snapshot/restore.ts'
import { type NotTaken, type TakeOptions, take } from '../../sim/snapshot/take.ts'
import type { Taken } from '../../sim/snapshot/taken.ts'
import { type Fixed, fixedThings, isTellable } from '../../sim/snapshot/telling.ts'
import { Task } from '../../sim/task.ts'
import { OpenFile } from '../../sim/vfs/file.ts'
import { Page } from '../../sim/vfs/pages.ts'
import { type CleanUp, cleanedUpBy } from './cleaners.ts'
import { ChildRun, MonitorRun } from './monitor.ts'
import { GuestProcess, type GuestRunner } from './wasm/process.ts'

/** Those who are built otherwise do not understand what is taken. */
export { buildKey } from '../../sim/snapshot/telling.ts'
/** What is taken, as bytes. */
export { read as readTaken, write as writeTaken } from '../../sim/snapshot/written.ts'

export interface Snapshot {
  readonly taken: Taken
  /** Virtual time since it was switched on. */
  readonly atNs: number
}

/** Programs that machines run, by a name that stays. */
export type Guests = Readonly<Record<string, GuestRunner>>

const cleanUp: CleanUp = (argv, task) => cleanedUpBy(task.kernel)?.(argv, task)

/** A machine is taken and restored by programs that were built alike. */
export class Snapshots {
  readonly #guests: Guests
  #fixed: Fixed | undefined

  constructor(guests: Guests) {
    this.#guests = guests
  }

  /** Whether this build can take any: its closures can tell what they are made of. */
  static get isPossible(): boolean {
    return isTellable()
  }

  get #things(): Fixed {
    this.#fixed ??= fixedThings()
    return this.#fixed
  }

  /** How a machine is now; or why it cannot be taken: somebody is in the midst of something. It goes on as if nothing had been. */
  take(machine: Kernel): Snapshot | NotTaken {
    if (!isTellable()) return { refused: 'this program was not built to take snapshots' }
    const outside = new Map<object, string>([[machine.config, 'config']])
    for (const [name, { parts }] of Object.entries(this.#guests))
      outside.set(parts[0], `program ${name}`).set(parts[1], `instances ${name}`)
    const unchanging = new Set<object>()
    for (const task of machine.tasks.values()) {
      const { run } = task
      if (run instanceof GuestProcess) {
        const kept = run.kept()
        if (!kept) return { refused: `process ${task.entry.numbers[0]} is in the midst of a step` }
        for (const chunk of kept) unchanging.add(chunk)
      } else if (run instanceof MonitorRun) {
        if (!run.isWatching) return { refused: `the monitor ${task.entry.numbers[0]} is busy` }
        outside.set(run.job.cleanUp, 'clean up')
      }
    }
    const options: TakeOptions = {
      ...{ fixed: this.#things, outside, unchanging },
      without: [
        [GuestProcess, ['#instance']],
        [MonitorRun, ['#steps']],
        [ChildRun, ['#steps']],
      ],
      fresh: [Slab],
      kept: [[Page, (page) => (page as Page).bytes]],
      weakKeys: [Task, PidEntry, OpenFile],
    }
    const taken = take(machine, options)
    return 'refused' in taken ? taken : { taken, atNs: machine.clock.nowNs }
  }

  /**
   * A machine that goes on from there.
   *
   * @param config - as the machine had it that was taken
   * @errors Error for a snapshot of another build, or of other programs
   */
  restore({ taken }: Snapshot, config: Config): Kernel {
    const outside = new Map<string, object>([
      ['config', config],
      ['clean up', cleanUp],
    ])
    for (const [name, { parts }] of Object.entries(this.#guests))
      outside.set(`program ${name}`, parts[0]).set(`instances ${name}`, parts[1])
    return restore(taken, { fixed: this.#things, outside }) as Kernel
  }
}

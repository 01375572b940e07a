// What comes to a simulated machine from outside while a command runs. Live it is noted with its virtual time; replayed it comes
// at that time again. It is let in only when nothing else can happen at that time, so that both are the same.

import type { Outside } from '../../backends/sim/host.ts'
import { Typed } from '../../backends/sim/streams.ts'
import type { Kernel } from '../../sim/kernel.ts'
import type { Input } from './log.ts'

type Arrival = Input extends infer One ? (One extends Input ? Omit<One, 'atNs'> : never) : never

export interface Inputs extends Pick<Outside, 'meanwhile' | 'limitNs' | 'nudge'> {
  readonly typed: Typed
  /** Who is told of signals and of sizes of the terminal. */
  readonly onSignal: Set<(signal: number) => void>
  readonly onSize: Set<(columns: number, rows: number) => void>
}

export interface LiveInputs extends Inputs {
  readonly noted: readonly Input[]
  /** Something has come. */
  readonly arrive: (arrival: Arrival) => void
  /** From now on virtual time passes as real time does: somebody sits there and types, or looks on. */
  readonly keepPace: () => void
}

/** Virtual time in one go, so that what arrives is not left waiting. */
const stretchNs = 50e6
/** Turns without anything after which a replay is stuck. */
const idleMost = 1000

function letIn({ typed, onSignal, onSize }: Inputs, input: Arrival | Input): void {
  if (input.kind === 'typed') typed.type(new Uint8Array(Buffer.from(input.base64, 'base64')))
  else if (input.kind === 'end') typed.end()
  else if (input.kind === 'signal') for (const told of [...onSignal]) told(input.signal)
  else for (const told of [...onSize]) told(input.columns, input.rows)
}

/** From a log. */
export function replayedInputs({ clock }: Kernel, logged: readonly Input[]): Inputs {
  let next = 0
  let idle = 0
  const inputs: Inputs = {
    ...{ typed: new Typed(), onSignal: new Set(), onSize: new Set() },
    limitNs: () => logged[next]?.atNs ?? Number.POSITIVE_INFINITY,
    meanwhile: () => {
      const due = logged[next]
      if (due === undefined || due.atNs > clock.nowNs) {
        // JavaScript of others may have to come to its turn first.
        return idle++ < idleMost ? new Promise((resolve) => setTimeout(resolve)) : undefined
      }
      next += 1
      letIn(inputs, due)
      return Promise.resolve()
    },
    nudge: () => {
      idle = 0
    },
  }
  return inputs
}

/** From whoever is there. */
export function liveInputs({ clock }: Kernel): LiveInputs {
  const noted: Input[] = []
  const arrived: Arrival[] = []
  const sleepers = new Set<() => void>()
  const wake = () => {
    for (const sleeper of [...sleepers]) sleeper()
  }
  let pace: { readonly atMs: number; readonly atNs: number } | undefined
  const paceNs = () => Math.floor(pace!.atNs + (performance.now() - pace!.atMs) * 1e6)
  const inputs: LiveInputs = {
    ...{ typed: new Typed(), onSignal: new Set(), onSize: new Set(), noted },
    arrive: (arrival) => {
      arrived.push(arrival)
      wake()
    },
    keepPace: () => {
      pace ??= { atMs: performance.now(), atNs: clock.nowNs }
    },
    limitNs: () => {
      if (pace) return Math.max(clock.nowNs, paceNs())
      return clock.next() === undefined ? Number.POSITIVE_INFINITY : clock.nowNs + stretchNs
    },
    meanwhile: () => {
      const arrival = arrived.shift()
      if (arrival) {
        noted.push({ ...arrival, atNs: clock.nowNs } as Input)
        letIn(inputs, arrival)
        return Promise.resolve()
      }
      const next = clock.next()
      if (!pace && next !== undefined) return new Promise((resolve) => setImmediate(resolve))
      // Without an end, so that the process lives as long as something may come.
      const delayMs = next === undefined ? 1 << 30 : Math.max(1, (next - paceNs()) / 1e6)
      return new Promise<void>((resolve) => {
        const sleeper = () => {
          clearTimeout(timer)
          sleepers.delete(sleeper)
          resolve()
        }
        const timer = setTimeout(sleeper, Math.min(delayMs, 1 << 30))
        sleepers.add(sleeper)
      })
    },
    nudge: wake,
  }
  return inputs
}

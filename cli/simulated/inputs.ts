// What comes to a simulated machine from outside while a command runs. Live it is noted with its virtual time; replayed it comes
// at that time again. It is let in only when nothing else can happen at that time, so that both are the same.

import type { Outside } from '../../backends/sim/host.ts'
import type { Machine } from '../../backends/sim/machine.ts'
import { Typed } from '../../backends/sim/streams.ts'
import type { Input } from './log.ts'

type Arrival = Input extends infer One ? (One extends Input ? Omit<One, 'atNs'> : never) : never

/** Of the other end of a connection from outside. */
export type NetworkInput = Extract<Arrival, { readonly connection: number }>

export interface Inputs extends Pick<Outside, 'meanwhile' | 'limitNs' | 'nudge'> {
  readonly typed: Typed
  /** Who is told of signals and of sizes of the terminal. */
  readonly onSignal: Set<(signal: number) => void>
  readonly onSize: Set<(columns: number, rows: number) => void>
  readonly onNetwork: Set<(input: NetworkInput) => void>
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
/** Turns of the event loop without a call. */
const stillTurns = 4
/** Turns without anything after which a replay is stuck. */
const idleMost = 1000

export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))

function letIn({ typed, onSignal, onSize, onNetwork }: Inputs, input: Arrival | Input): void {
  if (input.kind === 'typed') typed.type(bytesOf(input.base64))
  else if (input.kind === 'end') typed.end()
  else if (input.kind === 'signal') for (const told of [...onSignal]) told(input.signal)
  else if (input.kind === 'size') for (const told of [...onSize]) told(input.columns, input.rows)
  else for (const told of [...onNetwork]) told(input)
}

/** Whether JavaScript has done all that it can do by itself: then only may time pass, or whoever wakes up late finds another machine. */
interface Stillness {
  readonly isStill: () => boolean
  /** Somebody has made a call. */
  readonly touched: () => void
  readonly turn: () => Promise<void>
}

function stillness(): Stillness {
  let count = 0
  let turning: Promise<void> | undefined
  return {
    isStill: () => count >= stillTurns,
    touched: () => {
      count = 0
    },
    turn: () => {
      turning ??= new Promise((resolve) =>
        setImmediate(() => {
          count += 1
          turning = undefined
          resolve()
        }),
      )
      return turning
    },
  }
}

/** From a log. */
export function replayedInputs({ clock }: Machine, logged: readonly Input[]): Inputs {
  const still = stillness()
  let next = 0
  let idle = 0
  const inputs: Inputs = {
    ...{ typed: new Typed(), onSignal: new Set(), onSize: new Set(), onNetwork: new Set() },
    limitNs: () => (still.isStill() ? (logged[next]?.atNs ?? Number.POSITIVE_INFINITY) : clock.nowNs),
    meanwhile: () => {
      if (!still.isStill()) return still.turn()
      const due = logged[next]
      // JavaScript of others may have to come to its turn first.
      if (due === undefined || due.atNs > clock.nowNs) return idle++ < idleMost ? still.turn() : undefined
      next += 1
      still.touched()
      letIn(inputs, due)
      return Promise.resolve()
    },
    nudge: () => {
      idle = 0
      still.touched()
    },
  }
  return inputs
}

/** From whoever is there. */
export function liveInputs({ clock }: Machine): LiveInputs {
  const still = stillness()
  const noted: Input[] = []
  const arrived: Arrival[] = []
  /** When the first of them is let in. */
  let dueNs: number | undefined
  const sleepers = new Set<() => void>()
  const wake = () => {
    for (const sleeper of [...sleepers]) sleeper()
  }
  let pace: { readonly atMs: number; readonly atNs: number } | undefined
  const paceNs = () => (pace ? Math.floor(pace.atNs + (performance.now() - pace.atMs) * 1e6) : clock.nowNs)
  const sleep = (delayMs: number) =>
    new Promise<void>((resolve) => {
      const sleeper = () => {
        clearTimeout(timer)
        sleepers.delete(sleeper)
        resolve()
      }
      const timer = setTimeout(sleeper, Math.min(delayMs, 1 << 30))
      sleepers.add(sleeper)
    })
  const inputs: LiveInputs = {
    ...{ typed: new Typed(), onSignal: new Set(), onSize: new Set(), onNetwork: new Set(), noted },
    arrive: (arrival) => {
      arrived.push(arrival)
      wake()
    },
    keepPace: () => {
      pace ??= { atMs: performance.now(), atNs: clock.nowNs }
    },
    limitNs: () => {
      if (!still.isStill()) return clock.nowNs
      if (dueNs !== undefined) return dueNs
      const next = clock.next()
      if (pace) return next !== undefined && next <= paceNs() ? next : clock.nowNs
      return next === undefined ? Number.POSITIVE_INFINITY : Math.max(next, clock.nowNs + stretchNs)
    },
    meanwhile: () => {
      if (!still.isStill()) return still.turn()
      if (arrived.length > 0) {
        dueNs ??= Math.max(clock.nowNs, paceNs())
        if (clock.nowNs < dueNs) return Promise.resolve()
        dueNs = undefined
        const arrival = arrived.shift()!
        noted.push({ ...arrival, atNs: clock.nowNs } as Input)
        still.touched()
        letIn(inputs, arrival)
        return Promise.resolve()
      }
      const next = clock.next()
      if (!pace && next !== undefined) return still.turn()
      // Without an end, so that the process lives as long as something may come.
      return sleep(next === undefined ? 1 << 30 : Math.max(1, (next - paceNs()) / 1e6))
    },
    nudge: () => {
      still.touched()
      wake()
    },
  }
  return inputs
}

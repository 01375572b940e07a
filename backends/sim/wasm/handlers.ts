// Handlers of signals that a guest runs: which signals they hold off while they run, and what is as it was behind them.
// sigaction(2), handle_signal() in kernel/signal.c

import type { Outcome } from '../../../sim/outcome.ts'
import { deliver } from '../../../sim/signal/deliver.ts'
import { bit, neverBlocked } from '../../../sim/signal/numbers.ts'
import type { Task } from '../../../sim/task.ts'
import { trap } from './calls.ts'

/** A handler that runs where a call was to answer, or the guest computed. */
export interface Handling {
  readonly signal: number
  readonly answer: Outcome | undefined
  /** What was blocked before. */
  readonly mask: bigint
  /** What it holds off. */
  readonly held: bigint
}

const SA_NODEFER = 0x40000000
/** More of them on top of each other than signals there are: one that does not hold off itself raises itself without end. */
const handlersMost = 64

/** The next signal whose handler has to run; undefined when there is none that no running handler holds off. */
export function nextHandler(task: Task, running: readonly Handling[]): Handling | undefined {
  const { handled } = task
  if (handled.length === 0) return undefined
  const held = running.reduce((all, frame) => all | frame.held, 0n)
  const index = handled.findIndex((signal) => (held & bit(signal)) === 0n)
  if (index < 0) return undefined
  if (running.length >= handlersMost) trap('the handlers of the guest run on top of each other without end')
  const [signal] = handled.splice(index, 1)
  return { signal: signal!, answer: undefined, mask: 0n, held: 0n }
}

export function beginHandler(task: Task, { signal }: Handling, answer: Outcome | undefined): Handling {
  const { flags, mask: also } = task.process.actions.get(signal)
  const held = (also | (flags & SA_NODEFER ? 0n : bit(signal))) & ~neverBlocked
  const mask = task.signalMask
  task.signalMask = mask | held
  return { signal, answer, mask, held }
}

/** What it held off and has come is delivered now. */
export function endHandler(task: Task, { mask }: Handling): void {
  task.signalMask = mask
  deliver(task)
}

// The steps of a plan as calls of a simulated task: results put in, tolerated refusals passed over, `otherwise` and `and`.

import type { Errno } from '../../core/errno.ts'
import type { Step } from '../../core/launch/plan.ts'
import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { ProgramCall } from '../../sim/program.ts'

/** What earlier steps gave, by label. */
export type Results = Map<string, number>

export interface StepRefusal {
  /** Index into the plan. */
  readonly step: number
  readonly errno: Errno
}

/** Puts results in the place of their labels, wherever they stand in a call. */
export function resolved(call: Syscall, results: Results): Syscall {
  const put = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    if (Array.isArray(value)) return value.map(put)
    if ('from' in value && typeof value.from === 'string') {
      const result = results.get(value.from)
      if (result === undefined) throw new Error(`no step of the plan has given ${value.from}`)
      return result
    }
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, put(one)]))
  }
  return put(call) as Syscall
}

/** What an executor does around a step: tells of waits, makes the child. */
export interface Around {
  readonly before?: (step: Step) => void
  readonly call?: (step: Step, call: Syscall) => ProgramCall
  readonly after?: (step: Step, outcome: Outcome, index: number) => void
}

/**
 * Walks steps as a program of the machine does. The result is the first refusal that is not tolerated, by the index of the
 * step of the plan that it belongs to.
 */
export function* walk(
  steps: readonly Step[],
  results: Results,
  around: Around = {},
  first = 0,
  owner?: number,
): Generator<ProgramCall, StepRefusal | undefined, Outcome> {
  for (const [at, step] of steps.entries()) {
    const index = owner ?? first + at
    around.before?.(step)
    const call = resolved(step.call, results)
    const outcome = yield around.call?.(step, call) ?? call
    around.after?.(step, outcome, index)
    if (!isDenied(outcome)) {
      if (step.as !== undefined) results.set(step.as, outcome.value)
      const refusal = step.and && (yield* walk(step.and, results, around, first, index))
      if (refusal) return refusal
      continue
    }
    const tolerated =
      step.tolerate === 'any' || (step.tolerate?.includes(outcome.errno) ?? step.otherwise !== undefined)
    if (!tolerated) return { step: index, errno: outcome.errno }
    const refusal = step.otherwise && (yield* walk(step.otherwise, results, around, first, index))
    if (refusal) return refusal
  }
  return undefined
}

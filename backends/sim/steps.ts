// The steps of a plan as calls of a simulated task: results put in, tolerated refusals passed over, `otherwise` and `and`.

import type { Errno } from '../../core/errno.ts'
import type { Step } from '../../core/launch/plan.ts'
import { type Kind, type Syscall, signatures } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { ProgramCall } from '../../sim/program.ts'

/** What earlier steps gave, by label. */
export type Results = Map<string, number>

export interface StepRefusal {
  /** Index into the plan. */
  readonly step: number
  readonly errno: Errno
  /** Why, in the kernel's words. */
  readonly sentence?: string
}

/** Kinds of arguments in which results of earlier steps can stand. */
const withResults: ReadonlySet<Kind> = new Set<Kind>(['fd', 'int', 'mount_attr', 'clone_args', 'bpf_attr'])
/** By call, the arguments of those kinds. */
const places = Object.fromEntries(
  Object.entries(signatures).map(([call, signature]) => [
    call,
    (signature as readonly (readonly [string, Kind])[])
      .filter(([, kind]) => withResults.has(kind))
      .map(([name]) => name),
  ]),
)

/** Puts results in the place of their labels. A call without any stays what it is. */
export function resolved(call: Syscall, results: Results): Syscall {
  const put = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    if ('from' in value && typeof value.from === 'string') {
      const result = results.get(value.from)
      if (result === undefined) throw new Error(`no step of the plan has given ${value.from}`)
      return result
    }
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, put(one)]))
  }
  const given = call as unknown as Readonly<Record<string, unknown>>
  let changed: Record<string, unknown> | undefined
  for (const name of places[call.name]!) {
    if (typeof given[name] !== 'object') continue
    changed ??= { ...given }
    changed[name] = put(given[name])
  }
  return (changed ?? call) as Syscall
}

/** What an executor does around a step: tells of waits, makes the child. */
export interface Around {
  /** A call to be made first; it must not be refused. */
  readonly before?: (step: Step, index: number) => Syscall | undefined
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
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]!
    const index = owner ?? first + at
    const earlier = around.before?.(step, index)
    if (earlier) {
      const outcome = yield earlier
      if (isDenied(outcome)) return { step: index, errno: outcome.errno }
    }
    const resolvedCall = resolved(step.call, results)
    const call = around.call?.(step, resolvedCall) ?? resolvedCall
    let outcome = yield call
    // A call that a signal has cut off is made again, as the native interpreter does.
    while (isDenied(outcome) && outcome.errno === 'EINTR') outcome = yield call
    around.after?.(step, outcome, index)
    if (!isDenied(outcome)) {
      if (step.as !== undefined) results.set(step.as, outcome.value)
      const refusal = step.and && (yield* walk(step.and, results, around, first, index))
      if (refusal) return refusal
      continue
    }
    const tolerated =
      step.tolerate === 'any' || (step.tolerate?.includes(outcome.errno) ?? step.otherwise !== undefined)
    if (!tolerated) return { step: index, errno: outcome.errno, sentence: outcome.sentence }
    const refusal = step.otherwise && (yield* walk(step.otherwise, results, around, first, index))
    if (refusal) return refusal
  }
  return undefined
}

// What holds of every plan: results are there before they are used, and each step is on its side of clone3.

import type { Result, Syscall } from '../syscall.ts'
import type { LaunchPlan, Step } from './plan.ts'

/** Every `{ from }` in a call, also inside structs. */
function resultsIn(value: unknown, found: string[]): string[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return found
  if (Array.isArray(value)) return found
  if ('from' in value) found.push((value as Result).from)
  else for (const inner of Object.values(value)) resultsIn(inner, found)
  return found
}

/** The labels of earlier steps that a call uses. */
export function labelsUsed(call: Syscall): string[] {
  return resultsIn(call, [])
}

/** What is wrong with a plan, in sentences; none for a plan that can be executed. */
export function faultsOf(plan: LaunchPlan): string[] {
  const faults: string[] = []
  const { steps } = plan
  const birth = steps.findIndex((step) => step.call.name === 'clone3')
  if (birth < 0) faults.push('no step calls clone3')
  if (steps.some((step, i) => (step.in === 'parent') !== i <= birth))
    faults.push('a step is on the wrong side of clone3')
  if (steps.at(-1)?.call.name !== 'execve') faults.push('the last step is not an execve')
  let known = new Set<string>()
  /** Gives the labels that are certain after the step. */
  const walk = (step: Step, labels: ReadonlySet<string>, number: number): Set<string> => {
    for (const label of labelsUsed(step.call))
      if (!labels.has(label))
        faults.push(`step ${number} (${step.why}) uses <${label}>, which nothing before it has made`)
    for (const label of labelsUsed(step.undo ?? step.call))
      if (step.undo) faults.push(`step ${number}: its undo uses <${label}>, but it may be called when that is gone`)
    const own = step.as === undefined ? [] : [step.as]
    const afterSuccess = (step.and ?? []).reduce((set, inner) => walk(inner, set, number), new Set([...labels, ...own]))
    if (step.tolerate === undefined && !step.otherwise) return afterSuccess
    const afterRefusal = (step.otherwise ?? []).reduce((set, inner) => walk(inner, set, number), new Set(labels))
    return new Set([...afterSuccess].filter((label) => afterRefusal.has(label)))
  }
  for (const [i, step] of steps.entries()) {
    if (step.tolerate !== undefined && step.tolerate !== 'any' && step.tolerate.length > 4)
      faults.push(`step ${i + 1} tolerates more than four errnos`)
    known = walk(step, known, i + 1)
  }
  return faults
}

// What a refused plan becomes: a sentence that names the step, and the undoing of what was done before it.

import { errnoName } from '../errno.ts'
import type { Kernel, LaunchFailure } from '../kernel.ts'
import type { LaunchPlan, Step } from './plan.ts'

/** `mount proc on /proc: EPERM (step 14 of 31)`. */
export function launchFailure(why: string, step: number, stepCount: number, errnoNumber: number): LaunchFailure {
  const errno = errnoName(errnoNumber)
  return { errno, step, message: `${why}: ${errno} (step ${step + 1} of ${stepCount})` }
}

export function planFailure(plan: LaunchPlan, step: number, errnoNumber: number): LaunchFailure {
  const at = plan.steps[step]
  const failure = launchFailure(at?.why ?? plan.program, step, plan.steps.length, errnoNumber)
  return at?.program || at?.call.name === 'execve' ? { ...failure, program: plan.program } : failure
}

/**
 * Runs the `undo` calls of the parent's steps that had succeeded, the last first; they are tried whatever becomes of them.
 *
 * @param succeeded - whether the call of the step at this index was made and not refused
 */
export function undo(kernel: Pick<Kernel, 'call'>, plan: LaunchPlan, succeeded: (step: number) => boolean): void {
  for (let i = plan.steps.length - 1; i >= 0; i--) {
    const step: Step = plan.steps[i]!
    if (step.in === 'parent' && step.undo !== undefined && succeeded(i)) kernel.call(step.undo)
  }
}

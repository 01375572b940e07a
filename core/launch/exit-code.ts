// Which exit code a plan's refusal means, in podman's words.

import type { Errno } from '../errno.ts'
import type { LaunchPlan } from './plan.ts'

/**
 * The exit code for a refused plan: 127 when there is no such program, 126 when it is there and cannot be executed, 125
 * when the container could not be made. podman-run(1), "EXIT STATUS".
 *
 * @param failure - the index of the refused step in the plan, and the errno
 */
export function exitCodeOfFailure(
  plan: LaunchPlan,
  failure: { readonly step: number; readonly errno: Errno },
): 125 | 126 | 127 {
  if (plan.steps[failure.step]?.call.name !== 'execve') return 125
  return failure.errno === 'ENOENT' || failure.errno === 'ENOTDIR' ? 127 : 126
}

// A refused launch in words, with podman's exit codes: 127 for a program that is not there, 126 for one that cannot be executed.

import type { Errno } from '../errno.ts'
import { UserError } from '../errors.ts'
import type { LaunchFailure } from '../kernel.ts'
import type { LaunchPlan } from '../launch/plan.ts'

const absent: readonly Errno[] = ['ENOENT', 'ENOTDIR']

/** The error of a refused plan: the program's, when its last steps refused, else the step's. */
export function launchError(plan: LaunchPlan, failure: LaunchFailure): UserError {
  if (plan.steps[failure.step]?.call.name !== 'execve') return new UserError(failure.message)
  const { program } = plan
  if (!absent.includes(failure.errno))
    return new UserError(`cannot execute \`${program}\`: ${explain(failure.errno)}`, 126)
  if (!program.includes('/')) return new UserError(`executable file \`${program}\` not found in $PATH`, 127)
  return new UserError(`cannot execute \`${program}\`: no such file or directory, or its interpreter is missing`, 127)
}

function explain(errno: Errno): string {
  if (errno === 'EACCES') return 'permission denied (EACCES): it is a directory, or not executable'
  if (errno === 'ENOEXEC') return 'exec format error (ENOEXEC): it is for another machine, or a script without #!'
  return errno
}

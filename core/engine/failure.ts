// A refused launch in words, with podman's exit codes: 127 for a program that is not there, 126 for one that cannot be executed.

import type { Errno } from '../errno.ts'
import { UserError } from '../errors.ts'
import { readTextIfThere, stat } from '../files.ts'
import type { Kernel, LaunchFailure } from '../kernel.ts'
import type { LaunchPlan } from '../launch/plan.ts'
import type { Fd } from '../syscall.ts'

const absent: readonly Errno[] = ['ENOENT', 'ENOTDIR']

const notMapped: readonly Errno[] = ['EINVAL', 'EOPNOTSUPP', 'EPERM']

/**
 * The error of a refused plan: the program's, when its last steps refused, else the step's.
 *
 * @param fileSystemOf - the type of the file system that a path is on
 */
export function launchError(
  plan: LaunchPlan,
  failure: LaunchFailure,
  fileSystemOf: (path: string) => string | undefined = () => undefined,
): UserError {
  const call = plan.steps[failure.step]?.call
  if (call?.name === 'mount_setattr' && call.attr.userns_fd !== undefined && notMapped.includes(failure.errno))
    return new UserError(`${failure.message}: ${whyNotMapped(plan, call.dirfd, failure.errno, fileSystemOf)}`)
  const program = failure.program ?? (call?.name === 'execve' ? plan.program : undefined)
  return program === undefined ? new UserError(failure.message) : programError(program, failure)
}

/** Why a program cannot be executed, with podman's exit codes: 127 when it is not there, 126 otherwise. execve(2). */
export function programError(program: string, refusal: Pick<LaunchFailure, 'errno' | 'sentence'>): UserError {
  if (!absent.includes(refusal.errno)) return new UserError(`cannot execute \`${program}\`: ${explain(refusal)}`, 126)
  if (!program.includes('/')) return new UserError(`executable file \`${program}\` not found in $PATH`, 127)
  return new UserError(`cannot execute \`${program}\`: no such file or directory, or its interpreter is missing`, 127)
}

/** mount_setattr(2), "ID-mapped mounts": which file systems can. */
function whyNotMapped(plan: LaunchPlan, tree: Fd, errno: Errno, typeOf: (path: string) => string | undefined): string {
  if (errno === 'EPERM') return "it is mounted with other owners already, or is not the host's to show otherwise"
  const taken = plan.steps.find(({ as }) => typeof tree === 'object' && as === tree.from)?.call
  const path = taken?.name === 'open_tree' ? (taken.pathname ?? '') : ''
  const type = path.startsWith('/') ? typeOf(path) : undefined
  return `${type === undefined ? 'its file system' : `the file system ${type}`} cannot show files as owned by others; ext4, xfs, btrfs and others can, tmpfs since Linux 6.3`
}

/** By /proc/self/mountinfo: `ext4`. proc_pid_mountinfo(5). */
export function fileSystemOf(kernel: Kernel, path: string): string | undefined {
  const id = stat(kernel, path)?.mountId
  const lines = readTextIfThere(kernel, '/proc/self/mountinfo')?.split('\n')
  return / - (\S+) /.exec(lines?.find((line) => line.startsWith(`${id} `)) ?? '')?.[1]
}

function explain({ errno, sentence }: Pick<LaunchFailure, 'errno' | 'sentence'>): string {
  if (errno === 'EACCES') return 'permission denied (EACCES): it is a directory, or not executable'
  if (errno === 'ENOEXEC')
    return `exec format error (ENOEXEC): ${sentence ?? 'it is for another machine, or a script without #!'}`
  return errno
}

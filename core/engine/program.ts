// A program of the host run to its end, as a task of the kernel: newuidmap and the like.

import { UserError } from '../errors.ts'
import { AT_FDCWD } from '../files.ts'
import { refused } from '../kernel.ts'
import type { LaunchPlan, Step } from '../launch/plan.ts'
import type { Host } from './host.ts'

const X_OK = 1
const SIGCHLD = 17

/** The absolute path of a program of the host, along PATH and the usual directories of system programs. */
export function findProgram(host: Host, program: string): string | undefined {
  const directories = [...(host.environment.variables.PATH ?? '').split(':'), '/usr/bin', '/bin', '/usr/sbin', '/sbin']
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory}/${program}`)
    .find(
      (pathname) => !refused(host.kernel.call({ name: 'faccessat2', dirfd: AT_FDCWD, pathname, mode: X_OK, flags: 0 })),
    )
}

/**
 * Runs a program and waits for it.
 *
 * @param before - steps of the child before the program
 * @errors UserError when it cannot be run or does not end with 0; its own words are on standard error by then
 */
export async function runProgram(
  host: Host,
  argv: readonly [string, ...string[]],
  options: {
    readonly cloneFlags?: number
    readonly before?: readonly Step[]
    readonly waiting?: (pid: number) => Promise<void>
  } = {},
): Promise<void> {
  const envp = Object.entries(host.environment.variables).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  const plan: LaunchPlan = {
    program: argv[0],
    steps: [
      {
        in: 'parent',
        call: { name: 'clone3', cl_args: { flags: options.cloneFlags ?? 0, exit_signal: SIGCHLD } },
        why: `start a process for ${argv[0]}`,
      },
      ...(options.before ?? []),
      { in: 'child', call: { name: 'execve', pathname: argv[0], argv, envp }, why: `run ${argv[0]}` },
    ],
  }
  const launched = host.kernel.launch(plan)
  if ('step' in launched) throw new UserError(`cannot run ${argv.join(' ')}: ${launched.message}`)
  try {
    for (;;) {
      const progress = await launched.progress()
      if (progress.state === 'refused') throw new UserError(`cannot run ${argv.join(' ')}: ${progress.failure.message}`)
      if (progress.state === 'executed') break
      await options.waiting?.(launched.pid)
      launched.release()
    }
    const { code } = await launched.exited
    if (code !== 0) throw new UserError(`${argv.join(' ')}: ended with exit code ${code}`)
  } finally {
    launched.cleaned()
    launched.close()
  }
}

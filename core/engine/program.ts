// A program of the host run to its end, as a task of the kernel: newuidmap and the like.

import { UserError } from '../errors.ts'
import { AT_FDCWD } from '../files.ts'
import { type Launched, refused } from '../kernel.ts'
import { ignoredByNode } from '../launch/facts.ts'
import type { LaunchPlan, Step } from '../launch/plan.ts'
import type { Host } from './host.ts'

const X_OK = 1
const SIGCHLD = 17
const SIG_SETMASK = 2

/** The absolute path of a program of the host, along PATH and the usual directories of system programs. */
export function findProgram(host: Pick<Host, 'kernel' | 'environment'>, program: string): string | undefined {
  const directories = [...(host.environment.variables.PATH ?? '').split(':'), '/usr/bin', '/bin', '/usr/sbin', '/sbin']
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory}/${program}`)
    .find(
      (pathname) => !refused(host.kernel.call({ name: 'faccessat2', dirfd: AT_FDCWD, pathname, mode: X_OK, flags: 0 })),
    )
}

export interface ProgramOptions {
  readonly cloneFlags?: number
  /** Steps of the child before the program. */
  readonly before?: readonly Step[]
}

/** Ignored signals and the mask survive execve(2); a program expects neither. */
export const plainSignals: readonly Step[] = [
  ...ignoredByNode.map(
    (signum): Step => ({
      in: 'child',
      call: { name: 'rt_sigaction', signum, act: { handler: 0 }, oldact: 0, sigsetsize: 8 },
      why: `stop ignoring signal ${signum}`,
    }),
  ),
  {
    in: 'child',
    call: { name: 'rt_sigprocmask', how: SIG_SETMASK, set: 0n, oldset: 0, sigsetsize: 8 },
    why: 'block no signal',
  },
]

/**
 * Starts a program with this program's environment and descriptors.
 *
 * @errors UserError when it cannot be started
 */
export function launchProgram(
  host: Pick<Host, 'kernel' | 'environment'>,
  argv: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Launched {
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
      ...plainSignals,
      { in: 'child', call: { name: 'execve', pathname: argv[0], argv, envp }, why: `run ${argv[0]}` },
    ],
  }
  const launched = host.kernel.launch(plan)
  if ('step' in launched) throw new UserError(`cannot run ${argv.join(' ')}: ${launched.message}`)
  return launched
}

/** Follows a program until it is executed. @errors UserError when a step before it was refused */
export async function executed(
  launched: Launched,
  argv: readonly string[],
  waiting?: (pid: number) => Promise<void>,
): Promise<void> {
  for (;;) {
    const progress = await launched.progress()
    if (progress.state === 'refused') throw new UserError(`cannot run ${argv.join(' ')}: ${progress.failure.message}`)
    if (progress.state === 'executed') return
    await waiting?.(launched.pid)
    launched.release()
  }
}

type RunOptions = ProgramOptions & { readonly waiting?: (pid: number) => Promise<void> }

/**
 * Runs a program and waits for it.
 *
 * @errors UserError when it cannot be run or does not end with 0; its own words are on standard error by then
 */
export async function runProgram(
  host: Host,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<void> {
  const code = await programCode(host, argv, options)
  if (code !== 0) throw new UserError(`${argv.join(' ')}: ended with exit code ${code}`)
}

/** Runs a program and answers its exit code. @errors UserError when it cannot be run */
export async function programCode(
  host: Host,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<number> {
  const launched = launchProgram(host, argv, options)
  try {
    await executed(launched, argv, options.waiting)
    return (await launched.exited).code
  } finally {
    launched.cleaned()
    launched.close()
  }
}

// Hooks: programs that are called at certain moments of a container's life, with its state on standard input. config.md.

import { launchError } from '../engine/failure.ts'
import { signalProcess } from '../engine/foreground.ts'
import type { Host } from '../engine/host.ts'
import { makePipe } from '../engine/launch.ts'
import { plainSignals } from '../engine/program.ts'
import { UserError } from '../errors.ts'
import { close, writeAll } from '../files.ts'
import type { LaunchPlan, Step } from '../launch/plan.ts'
import type { Hook } from '../spec/types.ts'
import { markOf } from '../store/alive.ts'

const SIGCHLD = 17
const SIGKILL = 9

/** What `state` prints, and hooks read. runtime.md, "State". */
export interface StateDocument {
  readonly ociVersion: string
  readonly id: string
  readonly status: string
  readonly pid?: number
  readonly bundle: string
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * Where a hook runs: the steps between its birth and its program. None: where the runtime runs.
 *
 * @param parent - before its birth
 */
export interface HookPlace {
  readonly parent: readonly Step[]
  readonly child: readonly Step[]
}

const here: HookPlace = { parent: [], child: [] }

function planOf({ path, args, env }: Hook, { parent, child }: HookPlace): LaunchPlan {
  const call = { name: 'execve', pathname: path, argv: args?.length ? args : [path], envp: env ?? [] } as const
  return {
    program: path,
    steps: [
      ...parent,
      {
        in: 'parent',
        call: { name: 'clone3', cl_args: { flags: 0, exit_signal: SIGCHLD } },
        why: `start a process for the hook ${path}`,
      },
      ...child,
      ...plainSignals,
      { in: 'child', call, why: `run the hook ${path}` },
    ],
  }
}

/** A state is less than a pipe holds: who does not read it keeps nobody. */
const pipeBytes = 65536

/** @errors UserError for a hook that cannot be run, fails, or takes too long */
async function run(host: Host, what: string, hook: Hook, document: StateDocument, place: HookPlace): Promise<void> {
  const { kernel } = host
  const text = JSON.stringify(document)
  if (text.length > pipeBytes)
    throw new UserError(`${what} hook ${hook.path}: the state is too large to be handed to it`)
  const [readEnd, writeEnd] = makePipe(kernel)
  const plan = planOf(hook, place)
  let launched: ReturnType<typeof kernel.launch>
  try {
    writeAll(kernel, writeEnd, text, `the state for ${hook.path}`)
    launched = kernel.launch(plan, {
      detached: false,
      stdin: readEnd,
      forward: { stdout: 2, stderr: 2 },
      title: `vitrine-hook ${what}`,
    })
  } finally {
    close(kernel, readEnd)
    close(kernel, writeEnd)
  }
  if ('step' in launched) throw new UserError(`${what} hook ${hook.path}: ${launchError(plan, launched).message}`)
  try {
    const progress = await launched.progress()
    if (progress.state === 'refused')
      throw new UserError(`${what} hook ${hook.path}: ${launchError(plan, progress.failure).message}`)
    const mark = markOf(kernel, launched.pid)
    const { timeout } = hook
    const late =
      timeout === undefined ? new Promise<never>(() => {}) : host.sleep(timeout * 1000).then(() => 'late' as const)
    const end = await Promise.race([launched.exited, late])
    if (end === 'late') {
      if (mark !== undefined) signalProcess(kernel, mark, SIGKILL)
      throw new UserError(`${what} hook ${hook.path}: has not ended after ${timeout} s; it was killed`)
    }
    if (end.code !== 0) throw new UserError(`${what} hook ${hook.path}: ended with exit code ${end.code}`)
  } finally {
    launched.cleaned()
    launched.close()
  }
}

/**
 * Runs the hooks of one moment in their order; the first that fails ends it.
 *
 * @errors UserError naming the hook
 */
export async function runHooks(
  host: Host,
  what: string,
  hooks: readonly Hook[] | undefined,
  document: StateDocument,
  place: HookPlace = here,
): Promise<void> {
  for (const hook of hooks ?? []) await run(host, what, hook, document, place)
}

/** For moments when a failure is told and changes nothing: poststart, poststop. runtime.md, "Lifecycle". */
export async function runHooksLeniently(
  host: Host,
  what: string,
  hooks: readonly Hook[] | undefined,
  document: StateDocument,
): Promise<void> {
  for (const hook of hooks ?? []) {
    try {
      await run(host, what, hook, document, here)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      host.warn(error.message)
    }
  }
}

// A test file's own vitrine: state directories below a temporary one, a busybox image in them, and nothing left at the end.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect } from 'vitest'
import { containerPaths } from '../../core/store/paths.ts'
import { readCgroup } from '../../scripts/quickstart/cgroup-files.ts'
import { buildBusyboxImage } from '../fixtures/build.ts'
import { type CliOptions, type CliResult, cli } from './cli.ts'
import { hostState, settledChanges } from './host.ts'
import { isUserModeLinux } from './needs.ts'

/** What every end-to-end test needs. */
export const needsContainers = {
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
  programs: ['apt-get', 'dpkg', 'nft', 'ip'],
} as const

/** The name of the image that is imported. */
export const image = 'localhost/busybox'

export interface Session {
  readonly directory: string
  /** Runs the program; any exit code is an answer. */
  readonly run: (argv: readonly string[], options?: CliOptions) => Promise<CliResult>
  /** Runs the program, which must succeed; its standard output without the last newline. */
  readonly ok: (argv: readonly string[], options?: CliOptions) => Promise<string>
  /** `run --rm --network=none FLAGS busybox sh -c SCRIPT`: what the script printed. */
  readonly inside: (flags: readonly string[], script: string) => Promise<string>
  /** Starts a container that waits, detached and without a network; its name. */
  readonly waiting: (name: string, flags?: readonly string[], script?: string) => Promise<Waiting>
  /** One field of `inspect`, by a template. */
  readonly field: (name: string, template: string) => Promise<string>
  /** Ends and removes containers. */
  readonly remove: (...names: readonly string[]) => Promise<void>
}

export interface Waiting {
  readonly name: string
  readonly id: string
  readonly pid: number
  /** The first of these files that is there, of one of its cgroups. */
  readonly cgroup: (controller: string, ...files: readonly string[]) => string | undefined
}

/**
 * Waits in a way that the first SIGTERM ends. Without starting a process again and again: user-mode Linux 6.12 panics when
 * a process is killed in the middle of a fork.
 */
export const waits = 'trap "exit 0" TERM; sleep 1000 & wait'

/** To be called once, at the top of a test file. */
export function openSession(wanted: { readonly image?: false } = {}): Session {
  const directory = mkdtempSync(join(process.env.VITRINE_TEST_DIRECTORY ?? tmpdir(), 'vitrine-e2e-'))
  let before: ReturnType<typeof hostState>
  const run: Session['run'] = (argv, options) => cli(argv, { directory, ...options })
  const ok: Session['ok'] = async (argv, options) => {
    const { code, stdout, stderr } = await run(argv, options)
    if (code !== 0) throw new Error(`vitrine ${argv.join(' ')}: exit code ${code}\n${stdout}${stderr}`)
    return stdout.replace(/\n$/, '')
  }
  beforeAll(async () => {
    before = hostState()
    if (wanted.image !== false) await ok(['import', buildBusyboxImage().source, image])
  })
  afterAll(async () => {
    await run(['rm', '--all', '--force', '--time=0', '--volumes'])
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    // Only the test command has the machine to itself.
    if (process.env.VITRINE_TEST_DIRECTORY !== undefined)
      expect(await settledChanges(before, { waitMs: 5000 })).toEqual([])
  })
  return {
    directory,
    run,
    ok,
    inside: (flags, script) => ok(['run', '--rm', '--network=none', ...flags, image, 'sh', '-c', script]),
    waiting: async (name, flags = [], script = waits) => {
      const id = await ok(['run', '-d', '--name', name, '--network=none', ...flags, image, 'sh', '-c', script])
      // Read from its file, since a command for it would cost half a second in user-mode Linux.
      const { state } = containerPaths({ root: join(directory, 'root') }, id)
      const pid = Number(JSON.parse(readFileSync(state, 'utf8')).process.pid)
      const cgroup: Waiting['cgroup'] = (controller, ...files) => readCgroup(pid, controller, files)
      return { name, id, pid, cgroup }
    },
    field: (name, template) => ok(['inspect', '--format', template, name]),
    remove: async (...names) => void (await ok(['rm', '-f', '-t', '0', ...names])),
  }
}

/** Waits until something holds; where it never does, `what` is told, as it is then. */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const patience = ms * (isUserModeLinux() ? 4 : 1)
  for (const end = Date.now() + patience; !(await holds()); await sleep(30))
    if (Date.now() > end)
      throw new Error(`still not so after ${patience} ms: ${typeof what === 'string' ? what : what()}`)
}

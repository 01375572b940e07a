// The ground that fault tests stand on: state directories of their own, and the question whether anything is left behind.

import { spawn } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CliOptions, type CliResult, cli, launcher, stateOptions } from './cli.ts'
import { withTemporaryDirectory } from './directory.ts'
import { type HostState, hostState, settledChanges } from './host.ts'

/** The run's seed; failures name it. */
export const seed = Number(process.env.VITRINE_SEED ?? 1)

/** Numbers from 0 to below 1 that follow from a seed: xorshift32. */
export function randomFrom(start: number): () => number {
  let state = (start ^ 0x9e3779b9) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}

export interface Ground {
  readonly directory: string
  readonly root: string
  readonly runroot: string
  /** Runs `vitrine ARGV` with this ground's state. */
  readonly run: (argv: readonly string[], options?: CliOptions) => Promise<CliResult>
  /** One line of `ps -a`, as JSON, or undefined. */
  readonly find: (name: string) => Promise<Row | undefined>
  readonly rows: () => Promise<readonly Row[]>
}

export interface Row {
  readonly ID: string
  readonly Names: string
  readonly State: string
  readonly Status: string
  readonly ExitCode: number
  readonly Pid: number
}

/** What may stay when the last container is gone: directories, the cache of filters, locks that nobody holds. */
const mayStay =
  /^(?:root|runroot)(?:\/(?:containers|names|volumes|network|filters(?:\/[^/]+)?|locks(?:\/[a-z-]+)?|images(?:\/.*)?))?$/

/** What is left in the state directories that is neither empty nor meant to stay. */
export function leftFiles(directory: string): string[] {
  return ['root', 'runroot'].flatMap((name) => {
    if (lstatSync(join(directory, name), { throwIfNoEntry: false }) === undefined) return []
    return readdirSync(join(directory, name), { recursive: true, encoding: 'utf8' })
      .map((entry) => `${name}/${entry}`)
      .filter((entry) => !mayStay.test(entry))
  })
}

/**
 * Hands out new state directories; afterwards `rm -fa` must work, and the machine must have what it had before: no cgroup,
 * mount, link, rule, process or file more, and none less.
 */
export async function onCleanGround(use: (ground: Ground) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (directory) => {
    const run = (argv: readonly string[], options: CliOptions = {}) => cli(argv, { directory, ...options })
    const rows = async () => {
      const { code, stdout, stderr } = await run(['ps', '-a', '--format', 'json'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return JSON.parse(stdout) as Row[]
    }
    const ground: Ground = {
      directory,
      root: join(directory, 'root'),
      runroot: join(directory, 'runroot'),
      run,
      rows,
      find: async (name) => (await rows()).find((row) => row.Names === name || row.Names?.[0] === name),
    }
    const before = hostState([])
    let failed = true
    try {
      await use(ground)
      failed = false
    } finally {
      const removed = await run(['rm', '-f', '-a'])
      // The first failure is the one to be told.
      if (!failed) expect({ code: removed.code, stderr: removed.stderr }).toEqual({ code: 0, stderr: '' })
    }
    expect(leftFiles(directory), `seed ${seed}`).toEqual([])
    await expectUnchanged(before)
  })
}

/**
 * The machine has what it had before. Others may end their processes, and make and remove cgroups and links, while a test
 * is at it: only what has our name counts.
 */
export async function expectUnchanged(before: HostState): Promise<void> {
  const changed = await settledChanges(before, { directories: [] })
  const foreign = /^process gone|^cgroup (?!.*\/vitrine)|^network interface [a-z ]+: (?!vt|vitrine)/
  expect(
    changed.filter((sentence) => !foreign.test(sentence)),
    `seed ${seed}`,
  ).toEqual([])
}

/** One sentence of the house on standard error, nothing on standard output, no stack trace, and the exit code. */
export function expectSentence(result: CliResult, code: number, sentence: RegExp): void {
  expect(result.stderr).toMatch(/^vitrine: [^\n]+\n$/)
  expect(result.stderr).toMatch(sentence)
  expect(result.stderr).not.toMatch(/^\s+at |[A-Z]\w*Error:/m)
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' })
}

/**
 * Starts `vitrine ARGV` and kills it so many milliseconds later, or as soon as something holds, if it is still there;
 * settles when it is gone.
 */
export async function killedAfter(ground: Ground, argv: readonly string[], when: number | (() => boolean)) {
  const child = spawn(process.execPath, [launcher, ...stateOptions(ground.directory), ...argv], { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  const timer = typeof when === 'number' ? setTimeout(kill, when) : setInterval(() => when() && kill(), 1)
  await new Promise((resolve) => child.on('exit', resolve))
  clearTimeout(timer)
}

/** Waits until something holds; throws what was waited for when it does not in time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`still not so after ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** An empty directory below the ground's own, for a root filesystem made by hand. */
export function makeRoot(ground: Ground, name = 'rootfs'): string {
  const path = join(ground.directory, name)
  mkdirSync(join(path, 'bin'), { recursive: true })
  return path
}

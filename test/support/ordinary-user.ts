// Somebody who is not root, for tests that are: `nobody` with a home, a runtime directory and lent ids of their own.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CliResult, launcher } from './cli.ts'
import { missing, programPath, skipUnless } from './needs.ts'
import { needsContainersAndRegistry } from './registry-session.ts'

/** Debian's `nobody`. */
export const user = 65534
const identity = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--']
/** Which ids somebody has beside their own, in the container from 1 on. */
export type Ids = 'lent' | 'none'
const firstLent = 300_000
/** On the host. */
export const lentUid = (uid: number): number => firstLent + uid - 1
const idFiles = ['/etc/subuid', '/etc/subgid']

const able = (...words: string[]) => spawnSync('setpriv', [...identity, ...words], { stdio: 'ignore' }).status === 0
const needs = {
  ...needsContainersAndRegistry,
  namespaces: ['user'],
  programs: [...needsContainersAndRegistry.programs, 'setpriv', 'unshare', 'newuidmap', 'busybox', 'setsid'],
} as const
const why =
  missing(needs) ??
  (idFiles.every((path) => existsSync(path)) ? undefined : 'the files /etc/subuid and /etc/subgid') ??
  (able('test', '-r', launcher) && able('test', '-x', process.execPath)
    ? undefined
    : 'a directory that other users can read') ??
  (able('unshare', '-U', 'true') ? undefined : 'user namespaces for everybody')

/** `describe` and `it` for such tests. */
export const forUsers = skipUnless({ ...needs, programs: [...needs.programs, ...(why === undefined ? [] : [why])] })

export interface RunOptions {
  readonly ids?: Ids
  /** Below the user's own directory; the home unless said. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Uint8Array
}

export interface OrdinaryUser {
  /** Everybody may look into it; `home` and `run` in it are the user's alone. */
  readonly directory: string
  readonly home: string
  readonly runtime: string
  /** The words of a program that runs `vitrine ARGV` as the user; its pid is that of vitrine. */
  readonly words: (argv: readonly string[], options?: RunOptions) => readonly [string, ...string[]]
  readonly start: (argv: readonly string[], options?: RunOptions & SpawnOptions) => ChildProcess
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<CliResult>
  /** Must succeed; standard output without its last newline. */
  readonly ok: (argv: readonly string[], options?: RunOptions) => Promise<string>
  /** A script of the user's in which `v` is vitrine; must succeed. */
  readonly shell: (script: string, options?: RunOptions) => Promise<string>
  /** Writes a file of the user's, by its path below `home`. */
  readonly write: (path: string, content: string | Uint8Array) => string
  /** Files of the store that are neither empty directories nor lists: nothing once everything was removed. */
  readonly left: () => string[]
}

/** Hands out an empty home; afterwards all is removed, whatever is left in it. */
export async function asOrdinaryUser(use: (user: OrdinaryUser) => Promise<void>): Promise<void> {
  // Not below the run's own directory, which is closed to others.
  const directory = mkdtempSync('/tmp/vitrine-user-')
  chmodSync(directory, 0o755)
  const [home, runtime] = ['home', 'run'].map((name) => join(directory, name)) as [string, string]
  for (const path of [home, runtime]) {
    mkdirSync(path, { mode: 0o700 })
    chownSync(path, user, user)
  }
  writeFileSync(join(directory, 'lent'), `nobody:${firstLent}:65536\n`)
  writeFileSync(join(directory, 'none'), '')
  const state = ['--root', join(home, 'root'), '--runroot', join(runtime, 'vitrine')]
  const vitrine = [process.execPath, '--', launcher, ...state]
  const become = (words: readonly string[], { ids = 'lent', cwd = home, env = {} }: RunOptions = {}) => {
    const binds = idFiles.map((path) => `mount --bind ${join(directory, ids)} ${path}`).join(' && ')
    const variables = { HOME: home, USER: 'nobody', XDG_RUNTIME_DIR: runtime, ...env }
    const set = ['env', '-u', 'XDG_CACHE_HOME', ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)]
    const script = `${binds} && cd "$1" && shift && exec setpriv "$@"`
    return ['unshare', '-m', 'sh', '-c', script, 'sh', cwd, ...identity, ...set, ...words] as const
  }
  const words: OrdinaryUser['words'] = (argv, options) => become([...vitrine, ...argv], options)
  const run: OrdinaryUser['run'] = (argv, options) => ended(words(argv, options), options?.stdin)
  const good = ({ code, stdout, stderr }: CliResult, what: string) => {
    expect(code, `${what}\n${stderr}`).toBe(0)
    return stdout.replace(/\n$/, '')
  }
  try {
    await use({
      directory,
      home,
      runtime,
      words,
      run,
      start: (argv, options) => {
        const [program, ...rest] = words(argv, options)
        return spawn(program, rest, { stdio: 'ignore', ...options, cwd: '/', env: process.env })
      },
      ok: async (argv, options) => good(await run(argv, options), argv.join(' ')),
      shell: async (script, options) => {
        const v = vitrine.map((word) => `'${word}'`).join(' ')
        const whole = `set -e; v() { ${v} "$@"; }; ${script}`
        return good(await ended(become(['sh', '-c', whole], options), options?.stdin), script)
      },
      write: (path, content) => {
        const whole = join(home, path)
        const parents = path.split('/').slice(0, -1)
        for (const [index] of parents.entries()) {
          const parent = join(home, ...parents.slice(0, index + 1))
          mkdirSync(parent, { recursive: true })
          chownSync(parent, user, user)
        }
        writeFileSync(whole, content)
        chownSync(whole, user, user)
        return whole
      },
      left: () =>
        ['layers', 'tmp', 'blobs/sha256'].flatMap((name) => {
          const path = join(home, 'root/images', name)
          return existsSync(path) ? readdirSync(path).map((entry) => `${name}/${entry}`) : []
        }),
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function ended(
  [program, ...words]: readonly [string, ...string[]],
  stdin: Uint8Array = new Uint8Array(),
): Promise<CliResult> {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' })
  const text: [string, string] = ['', '']
  for (const [index, stream] of [child.stdout, child.stderr].entries())
    stream.setEncoding('utf8').on('data', (part: string) => {
      text[index] += part
    })
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve(status ?? (signal === 'SIGKILL' ? 137 : 128)))
  })
  clearTimeout(timer)
  return { code, stdout: text[0], stderr: text[1] }
}

/** A static busybox under the names that tests use, for images. */
export const applets = [
  'sh',
  'id',
  'ls',
  'cat',
  'touch',
  'chown',
  'chmod',
  'mkdir',
  'rm',
  'rmdir',
  'stat',
  'sleep',
  'echo',
]
export const busyboxPath = (): string => programPath('busybox')!

/** The pids of the programs of which a path is an argument, or begins one. */
export function processesOf(path: string): number[] {
  const argumentsOf = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    } catch {
      return []
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && argumentsOf(name).some((word) => word.startsWith(path)))
    .map(Number)
}

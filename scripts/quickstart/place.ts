// Where the quickstart happens: on this computer, or with --sim on a simulated machine, whose commands and files are reached through
// `vitrine --sim machine ssh`.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

const launcher = join(import.meta.dirname, '../../bin/vitrine.cjs')

export const isSimulated = process.argv.includes('--sim')
const machine = ['--sim', '--machine', 'quickstart']

export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

/** Runs a command to its end: `vitrine` is the one of this clone, others are programs of the place. */
export function execute(words: readonly string[]): Ended {
  const ours = words[0] === 'vitrine'
  const [program, ...rest] =
    ours || isSimulated
      ? [process.execPath, '--', launcher, ...(isSimulated ? machine : []), ...(ours ? words.slice(1) : session(words))]
      : words
  const { stdout, stderr, status, signal, error } = spawnSync(program!, rest, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (error) throw new Error(`${words.join(' ')}: ${error.message}`)
  return { stdout, stderr, code: status ?? (signal ? 128 : 125) }
}

const session = (words: readonly string[]): string[] => ['machine', 'ssh', words.map(quoted).join(' ')]

/** What a shell of the place prints. */
function shell(script: string): string {
  return execute(['sh', '-c', script]).stdout
}

/** Files that are there, by path. */
export function readAll(paths: readonly string[]): ReadonlyMap<string, string> {
  if (!isSimulated)
    return new Map(paths.filter((path) => existsSync(path)).map((path) => [path, readFileSync(path, 'utf8')]))
  const mark = '----quickstart----'
  const text = shell(`for f in ${paths.join(' ')}; do [ -e $f ] && { echo "${mark}$f"; cat $f; }; done`)
  return new Map(
    text
      .split(mark)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  )
}

export const readText = (path: string): string => readAll([path]).get(path) ?? ''

/** Where links lead that are there, by path. */
export function readLinks(paths: readonly string[]): ReadonlyMap<string, string> {
  const there = (path: string) => existsSync(path)
  if (!isSimulated) return new Map(paths.filter(there).map((path) => [path, readlinkSync(path)]))
  const lines = shell(`for f in ${paths.join(' ')}; do echo "$f $(readlink $f)"; done`)
    .trim()
    .split('\n')
  return new Map(lines.map((line) => line.split(' ') as [string, string]).filter(([, target]) => target !== ''))
}

/** The process that asks, and so stands for the place: this one, or the process of the session. */
export const ownPid = (): number => (isSimulated ? Number(shell('echo $PPID')) : process.pid)

/** Of a clock of the place, milliseconds. */
export const nowMs = (): number =>
  isSimulated ? Number(readText('/proc/uptime').split(' ')[0]) * 1000 : performance.now()

/** Lets time of the place pass. A command on a simulated machine takes a tenth of a second by itself. */
export async function sleep(milliseconds: number): Promise<void> {
  if (isSimulated) shell(`sleep ${milliseconds / 1000}`)
  else await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

// What is kept of a simulated machine between two commands: the seed, and what came from outside, in order. Replayed it is the
// same machine.

import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../core/errors.ts'
import type { BroughtFile } from './brought.ts'
import type { Exchange } from './network.ts'

/** What came while a command ran, and at which virtual time. */
export type Input =
  | { readonly atNs: number; readonly kind: 'typed'; readonly base64: string }
  | { readonly atNs: number; readonly kind: 'end' }
  | { readonly atNs: number; readonly kind: 'signal'; readonly signal: number }
  | { readonly atNs: number; readonly kind: 'size'; readonly columns: number; readonly rows: number }
  | { readonly atNs: number; readonly kind: 'connected'; readonly connection: number; readonly port: number }
  | { readonly atNs: number; readonly kind: 'received'; readonly connection: number; readonly base64: string }
  | { readonly atNs: number; readonly kind: 'finished' | 'gone'; readonly connection: number }

export interface LoggedCommand {
  readonly words: readonly string[]
  /** Variables of this computer's that it has taken (`-e NAME`); absent: none. */
  readonly environment?: Readonly<Record<string, string>>
  readonly inputs: readonly Input[]
  /** Absent where an earlier vitrine has written it. */
  readonly after?: After
  /** What registries have answered, in order; absent: none was asked. */
  readonly answers?: readonly Exchange[]
  /** Files of this computer that it was given; absent: none. */
  readonly files?: readonly BroughtFile[]
}

/** Of the machine, behind a command. */
export interface After {
  readonly digest: string
  /** Virtual time. */
  readonly atNs: number
}

export interface MachineLog {
  readonly format: 1
  readonly seed: number
  /** Of the program that its tools are, and of its images. */
  readonly key: string
  readonly commands: readonly LoggedCommand[]
  /** Of the machine after them. */
  readonly digest: string
  /** `machine snapshot`: how many of the commands had run. */
  readonly labels?: Readonly<Record<string, number>>
}

export interface Store {
  /** Undefined: there is none of that name yet. @errors UserError when it cannot be read */
  readonly read: () => MachineLog | undefined
  readonly write: (log: MachineLog) => void
  /** The directory with the bytes that its log names by their digest. */
  readonly bodies: string
  readonly remove: () => void
  /** Lets others have it. */
  readonly release: () => void
}

/** Names of machines that are kept. */
export function listMachines(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith(suffix))
    return names.map((name) => name.slice(0, -suffix.length)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

const suffix = '.json'

/**
 * Takes a machine for this process alone.
 *
 * @errors UserError for a name that is none, or when another process has it
 */
export function takeMachine(directory: string, name: string): Store {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) || name.length > 64)
    throw new UserError(`--machine=${name}: a name has letters, digits, and _ . - behind the first, at most 64`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, `${name}${suffix}`)
  const lock = join(directory, `${name}.lock`)
  const bodies = join(directory, `${name}.bodies`)
  takeLock(lock, name)
  const release = () => {
    process.off('exit', release)
    rmSync(lock, { force: true })
  }
  // Whoever leaves at once gives it back too.
  process.on('exit', release)
  return {
    read: () => readLog(path, name),
    write: (log) => {
      const draft = `${path}.${process.pid}`
      writeNew(draft, JSON.stringify(log), 'w')
      renameSync(draft, path)
    },
    bodies,
    remove: () => {
      rmSync(path, { force: true })
      rmSync(bodies, { recursive: true, force: true })
      rmSync(join(directory, `${name}.states`), { recursive: true, force: true })
    },
    release,
  }
}

function readLog(path: string, name: string): MachineLog | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UserError(`read ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
  try {
    const log = JSON.parse(text) as MachineLog
    if (log.format === 1 && Array.isArray(log.commands)) return log
  } catch {
    // Said below.
  }
  throw new UserError(`read ${path}: it is damaged: begin anew with vitrine --sim machine rm ${name}`)
}

function writeNew(path: string, text: string, flag: 'w' | 'wx'): void {
  const fd = openSync(path, flag, 0o600)
  try {
    writeSync(fd, text)
  } finally {
    closeSync(fd)
  }
}

function takeLock(path: string, name: string): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeNew(path, String(process.pid), 'wx')
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = Number(readIfThere(path))
    if (owner > 0 && lives(owner))
      throw new UserError(`machine ${name}: process ${owner} uses it: wait for its end, or take another by --machine`)
    rmSync(path, { force: true })
  }
  throw new UserError(`machine ${name}: another process has just taken it`)
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

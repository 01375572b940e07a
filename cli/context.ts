// What every verb is handed: the host, opened at its first use, and the settings of this invocation.

import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { claimRunroot, defaultSettings, type Environment, type Host, type Settings } from '../core/engine/host.ts'
import { UserError } from '../core/errors.ts'
import type { attach } from './attach.ts'
import type { Surroundings } from './flags/run.ts'
import { openHost, readEnvironment } from './host.ts'

/** Brings a container to the foreground. */
export type Attach = typeof attach

export interface Context {
  /** The host, if this invocation has come to use it. */
  readonly opened: () => Host | undefined
  readonly host: Host
  readonly settings: Settings
  readonly surroundings: Surroundings
  /** Absent: by the terminal and the signals of this process. */
  readonly attach?: Attach
}

/** A command: its words after the name, its exit code. */
export type Verb = (argv: readonly string[], context: Context) => Promise<number>

export interface Global {
  readonly root?: string
  readonly runroot?: string
  readonly cgroupManager?: 'cgroupfs' | 'systemd'
  /** On the simulated kernel: the machine's name, and the seed of one that is new. */
  readonly sim?: { readonly machine: string; readonly seed?: number; readonly publishReal?: boolean }
  readonly help: boolean
}

/** The few flags before the command's name; the table of them all is loaded only to name a wrong one. */
export function splitGlobal(argv: readonly string[]): { readonly global: Global; readonly words: readonly string[] } {
  let root = process.env.VITRINE_ROOT || undefined
  let runroot = process.env.VITRINE_RUNROOT || undefined
  let cgroupManager: Global['cgroupManager']
  let machine: string | undefined
  let seed: number | undefined
  let publishReal = false
  let simulated = process.platform !== 'linux'
  let at = 0
  for (; at < argv.length; at++) {
    const word = argv[at]!
    if (word === '--sim') {
      simulated = true
      continue
    }
    if (word === '--publish-real') {
      publishReal = true
      continue
    }
    const [, name, value] = /^--(root|runroot|machine|seed|cgroup-manager)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) break
    const given = value ?? argv[++at]
    if (given === undefined || given === '') throw new UserError(`flag needs a value: --${name}`)
    if (name === 'machine') {
      machine = given
      continue
    }
    if (name === 'cgroup-manager') {
      if (given !== 'cgroupfs' && given !== 'systemd')
        throw new UserError(`--cgroup-manager=${given}: must be cgroupfs or systemd`)
      cgroupManager = given
      continue
    }
    if (name === 'seed') {
      if (!/^\d{1,9}$/.test(given)) throw new UserError(`--seed=${given}: must be a whole number of at most 9 digits`)
      seed = Number(given)
      continue
    }
    if (!isAbsolute(given)) throw new UserError(`--${name}=${given}: must be an absolute path`)
    if (name === 'root') root = given
    else runroot = given
  }
  const words = argv.slice(at)
  const help = words[0] === '--help' || words[0] === '-h'
  if (!help && words[0]?.startsWith('-')) throw new UserError(`unknown flag before the command: ${words[0]}`)
  if (!simulated && (publishReal || (machine ?? seed) !== undefined))
    throw new UserError('--machine, --seed and --publish-real are of the simulated kernel: add --sim')
  if (simulated && cgroupManager === 'systemd')
    throw new UserError('--cgroup-manager=systemd: a simulated machine has no systemd; use cgroupfs')
  const sim = simulated ? { machine: machine ?? 'default', seed, publishReal } : undefined
  return { global: { root, runroot, cgroupManager, sim, help }, words: help ? words.slice(1) : words }
}

/** By systemd where it is the host's init, unless said otherwise. sd_booted(3), podman(1) "--cgroup-manager" */
function systemdCgroupsOf({ cgroupManager }: Global): Settings['systemdCgroups'] {
  if (cgroupManager !== undefined) return cgroupManager === 'systemd' ? 'asked' : undefined
  return existsSync('/run/systemd/system') ? 'usual' : undefined
}

export function makeContext(global: Global): Context {
  const environment: Environment = readEnvironment()
  const self = process.argv[1]!
  const ours = [process.execPath, self]
  const base = defaultSettings(environment, ours)
  const root = global.root ?? base.root
  const runroot = global.runroot ?? base.runroot
  const systemdCgroups = systemdCgroupsOf(global)
  const settings: Settings = {
    ...base,
    root,
    runroot,
    selfArgv: [...ours, '--root', root, '--runroot', runroot],
    ...(systemdCgroups && { systemdCgroups }),
  }
  let host: Host | undefined
  return {
    opened: () => host,
    get host() {
      if (host === undefined) {
        // What is made for a container has the rights that are said where it is made, not fewer.
        process.umask(0o022)
        host = openHost(environment)
        claimRunroot(host.kernel, environment.uid, runroot)
      }
      return host
    },
    settings,
    surroundings: {
      environment: environment.variables,
      get directory() {
        return workingDirectory()
      },
      readFile: (path) => readFileSync(path, 'utf8'),
      get selinux() {
        return existsSync('/sys/fs/selinux/enforce')
      },
    },
  }
}

/** Where relative paths begin. @errors UserError where it has been removed */
export function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    throw new UserError('the working directory is not there any more: go to another one')
  }
}

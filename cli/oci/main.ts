// The program `vitrine-oci`: the OCI runtime that podman, containerd and others call in the place of runc or crun.

import { readFileSync } from 'node:fs'
import { UserError } from '../../core/errors.ts'
import { mapsAllIds } from '../../core/spec/id-maps.ts'
import { type LogSettings, logError, logFile } from './log.ts'
import { type Flags, parseFlags } from './parse.ts'
import { commands, globalFlags } from './tables.ts'

export interface OciContext {
  /** Where the state of containers is. */
  readonly root: string
  /** Cgroups of new containers are made by systemd. */
  readonly systemdCgroup: boolean
}

/** One command: what it is given, and the exit code that it answers. */
export type OciVerb = (flags: Flags, args: readonly string[], context: OciContext) => number | Promise<number>

const verbs: Readonly<Record<string, () => Promise<OciVerb>>> = {
  create: async () => (await import('./create.ts')).create,
  start: async () => (await import('./create.ts')).start,
  run: async () => (await import('./run.ts')).run,
  exec: async () => (await import('./exec.ts')).exec,
  state: async () => (await import('./look.ts')).state,
  list: async () => (await import('./look.ts')).list,
  ps: async () => (await import('./look.ts')).ps,
  kill: async () => (await import('./change.ts')).kill,
  delete: async () => (await import('./change.ts')).remove,
  pause: async () => (await import('./change.ts')).pause,
  resume: async () => (await import('./change.ts')).resume,
  update: async () => (await import('./update.ts')).update,
  events: async () => (await import('./events.ts')).events,
  spec: async () => (await import('./spec.ts')).spec,
  features: async () => (await import('./features.ts')).features,
  checkpoint: async () => refuseCriu,
  restore: async () => refuseCriu,
}

const refuseCriu: OciVerb = () => {
  throw new UserError('checkpoint and restore need criu, and are not supported')
}

/** Root of a user namespace (rootless podman calls us as such) cannot write where root can: somebody's own directory, as runc has it. */
function defaultRoot(): string {
  const runtime = process.env.XDG_RUNTIME_DIR
  const uid = process.geteuid?.() ?? 0
  if (uid !== 0) return `${runtime || `/tmp/vitrine-oci-${uid}`}/vitrine-oci`
  return runtime && isInUserNamespace() ? `${runtime}/vitrine-oci` : '/run/vitrine-oci'
}

function isInUserNamespace(): boolean {
  try {
    return !mapsAllIds(readFileSync('/proc/self/uid_map', 'utf8'))
  } catch {
    return false
  }
}

/** runc's flag, or crun's. @errors UserError for a manager that there is not */
function isBySystemd(global: Flags): boolean {
  const manager = global.value('cgroup-manager') ?? (global.has('systemd-cgroup') ? 'systemd' : 'cgroupfs')
  if (manager !== 'systemd' && manager !== 'cgroupfs')
    throw new UserError(`--cgroup-manager=${manager}: must be cgroupfs or systemd`)
  return manager === 'systemd'
}

/** Runs one command. @returns runc's exit codes: 1 for errors of ours, 126 and 127 for the program, or the program's own */
export async function main(argv: readonly string[], keepCode?: () => void): Promise<number> {
  let log: LogSettings = { json: false }
  try {
    const { flags: global, rest } = parseFlags(argv, globalFlags, false)
    log = { path: logFile(global.value('log')), json: global.value('log-format') === 'json' }
    if (!['text', 'json', undefined].includes(global.value('log-format')))
      throw new UserError(`--log-format=${global.value('log-format')}: must be text or json`)
    if (global.has('version')) return (await import('./help.ts')).version()
    const [name = 'help', ...words] = rest
    if (global.has('help') || name === 'help') return (await import('./help.ts')).help(words[0])
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) throw new UserError(`unknown command ${name}: see vitrine-oci --help`)
    if (words.some((word) => word === '--help' || word === '-h') && !command.ownArguments)
      return (await import('./help.ts')).help(name)
    const { flags, rest: args } = parseFlags(words, command.flags, !command.ownArguments)
    const context = { root: global.value('root') ?? defaultRoot(), systemdCgroup: isBySystemd(global) }
    const code = await (await verbs[name]!())(flags, args, context)
    keepCode?.()
    const { opened } = await import('./host.ts')
    // Taking down the JavaScript engine costs 5 ms.
    opened()?.kernel.call({ name: 'exit_group', status: code })
    return code
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    logError(error.message, log)
    return error.exitCode === 125 ? 1 : error.exitCode
  }
}

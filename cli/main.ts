// The program `vitrine`: the word on the command line decides which verb's module is loaded, and nothing else is.

import { UserError } from '../core/errors.ts'
import type { Context, Verb } from './context.ts'
import { printError } from './output.ts'

type Load = () => Promise<Verb>

/** Which module serves which command. */
export const verbs: Readonly<Record<string, Load>> = {
  run: async () => (await import('./verbs/run.ts')).run,
  create: async () => (await import('./verbs/run.ts')).create,
  start: async () => (await import('./verbs/start.ts')).start,
  stop: async () => (await import('./verbs/change.ts')).stop,
  restart: async () => (await import('./verbs/change.ts')).restart,
  kill: async () => (await import('./verbs/change.ts')).kill,
  pause: async () => (await import('./verbs/change.ts')).pause,
  unpause: async () => (await import('./verbs/change.ts')).unpause,
  rm: async () => (await import('./verbs/change.ts')).rm,
  wait: async () => (await import('./verbs/wait.ts')).wait,
  ps: async () => (await import('./verbs/ps.ts')).ps,
  inspect: async () => (await import('./verbs/inspect.ts')).inspect,
  logs: async () => (await import('./verbs/logs.ts')).logs,
  top: async () => (await import('./verbs/top.ts')).top,
  stats: async () => (await import('./verbs/stats.ts')).stats,
  update: async () => (await import('./verbs/update.ts')).update,
  exec: async () => (await import('./verbs/exec.ts')).exec,
  import: async () => (await import('./verbs/import.ts')).importImage,
  load: async () => (await import('./verbs/load.ts')).load,
  save: async () => (await import('./verbs/save.ts')).save,
  export: async () => (await import('./verbs/export.ts')).exportVerb,
  commit: async () => (await import('./verbs/commit.ts')).commit,
  diff: async () => (await import('./verbs/diff.ts')).diff,
  images: async () => (await import('./verbs/images.ts')).images,
  pull: async () => (await import('./verbs/pull.ts')).pull,
  push: async () => (await import('./verbs/push.ts')).push,
  rmi: async () => (await import('./verbs/image-remove.ts')).rmi,
  history: async () => (await import('./verbs/image-layers.ts')).history,
  tag: async () => (await import('./verbs/image-names.ts')).tag,
  untag: async () => (await import('./verbs/image-names.ts')).untag,
  search: async () => (await import('./verbs/search.ts')).search,
  'image exists': async () => (await import('./verbs/image-names.ts')).imageExists,
  'image inspect': async () => (await import('./verbs/inspect.ts')).imageInspect,
  'image prune': async () => (await import('./verbs/image-remove.ts')).imagePrune,
  'image tree': async () => (await import('./verbs/image-layers.ts')).imageTree,
  'container prune': async () => (await import('./verbs/system.ts')).containerPrune,
  'volume create': async () => (await import('./verbs/volume.ts')).create,
  'volume ls': async () => (await import('./verbs/volume.ts')).ls,
  'volume inspect': async () => (await import('./verbs/volume.ts')).inspect,
  'volume rm': async () => (await import('./verbs/volume.ts')).rm,
  'volume prune': async () => (await import('./verbs/volume.ts')).prune,
  'volume exists': async () => (await import('./verbs/volume.ts')).exists,
  'volume export': async () => (await import('./verbs/volume.ts')).exportVolume,
  'volume import': async () => (await import('./verbs/volume.ts')).importVolume,
  'system df': async () => (await import('./verbs/system.ts')).diskUsage,
  'system prune': async () => (await import('./verbs/system.ts')).systemPrune,
  'sim play': async () => (await import('./verbs/sim.ts')).playVerb,
  'sim features': async () => (await import('./verbs/sim.ts')).features,
  login: async () => (await import('./verbs/login.ts')).login,
  logout: async () => (await import('./verbs/login.ts')).logout,
  info: async () => (await import('./verbs/info.ts')).info,
  version: async () => (await import('./verbs/info.ts')).version,
  help: async () => (await import('./verbs/help.ts')).help,
  cleanup: async () => (await import('./verbs/cleanup.ts')).cleanup,
}

/** Those that write or remove files of many owners, which somebody who is not root does as root of a user namespace. */
const asLentRoot: ReadonlySet<string> = new Set([
  'commit',
  'diff',
  'export',
  'import',
  'load',
  'pull',
  'rmi',
  'image prune',
  'system df',
  'system prune',
  'volume export',
  'volume import',
])

/** podman's other names for a command, those of its groups among them. */
export const otherNames: Readonly<Record<string, string>> = {
  ls: 'ps',
  list: 'ps',
  'image ls': 'images',
  'image list': 'images',
  'image rm': 'rmi',
  'system info': 'info',
  'volume list': 'volume ls',
  'volume remove': 'volume rm',
}

/** A group's words that are commands of their own too: `container stop` is `stop`, `image pull` is `pull`. */
export const groups: Readonly<Record<string, readonly string[] | 'any'>> = {
  container: 'any',
  image: ['diff', 'history', 'import', 'load', 'pull', 'push', 'save', 'search', 'tag', 'untag'],
  sim: [],
  system: [],
  volume: [],
}

/** The command's name, of two words when it has no other, and what follows it. */
export function commandOf(argv: readonly string[]): { readonly name: string; readonly rest: readonly string[] } {
  const [first = '', second] = argv
  const words = Object.hasOwn(groups, first) ? groups[first] : undefined
  if (words === undefined || second === undefined || second.startsWith('-'))
    return { name: otherNames[first] ?? first, rest: argv.slice(1) }
  const whole = `${first} ${second}`
  const short = otherNames[second] ?? second
  const name =
    otherNames[whole] ??
    (!(whole in verbs) && (words === 'any' ? short in verbs : words.includes(second)) ? short : whole)
  return { name, rest: argv.slice(2) }
}

/**
 * Runs one command.
 *
 * @param keepCode - keeps what was compiled for the next time, where that is wanted
 * @returns the exit code: the container's, or podman's 125 (ours), 126 (cannot be executed), 127 (not found)
 */
export async function main(argv: readonly string[], keepCode?: () => void): Promise<number> {
  if (argv[0] === '--version' || argv[0] === '-v') argv = ['version', '--short']
  try {
    const { makeContext, splitGlobal } = await import('./context.ts')
    const { global, words } = splitGlobal(argv)
    if (global.sim && words.length > 0 && !global.help && words[0] !== 'sim')
      return await (await import('./simulated/main.ts')).simulated({ ...global.sim, root: global.root }, words)
    if (words.length === 0 || global.help) return await (await verbs.help!())(words, makeContext(global))
    if (Object.hasOwn(groups, words[0]!) && (words[1] ?? '-').startsWith('-'))
      return await (await import('./verbs/help.ts')).group(words[0]!, /^(-h|--help)$/.test(words[1] ?? ''))
    const { name, rest } = commandOf(words)
    const load = Object.hasOwn(verbs, name) ? verbs[name] : undefined
    if (load === undefined) throw (await import('./verbs/help.ts')).unknownCommand(name)
    const context: Context = makeContext(global)
    const code = (await lent(name, words, context)) ?? (await (await load())(rest, context))
    leave(context, code, keepCode)
    return code
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    printError(error.message)
    return error.exitCode
  }
}

/** The exit code of a command that was run again with more ids than the caller's own. */
async function lent(name: string, words: readonly string[], context: Context): Promise<number | undefined> {
  if (process.geteuid?.() === 0 || !asLentRoot.has(name)) return undefined
  const lentRoot = await import('../core/engine/lent-root.ts')
  return await lentRoot.asLentRoot(context.host, context.settings, words, (pid) => {
    const hand = (signal: NodeJS.Signals) => {
      try {
        process.kill(pid, signal)
      } catch {
        // It has just ended.
      }
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hand)
  })
}

/**
 * Ends the process at once, when the real kernel is at hand: taking down the JavaScript engine costs 5 ms, and a thread
 * that still waits in read(2) would hold it up. All output has been written.
 */
function leave(context: Context, code: number, keepCode: (() => void) | undefined): void {
  const host = context.opened()
  // A profiler or debugger has something to do at the end.
  if (host === undefined || process.execArgv.some((word) => /^--(cpu-|heap-|inspect|prof)/.test(word))) return
  keepCode?.()
  host.kernel.call({ name: 'exit_group', status: code })
}

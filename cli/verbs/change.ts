// The verbs that change containers which are there: stop, restart, kill, pause, unpause, rm.

import { kill as killContainer } from '../../core/engine/kill.ts'
import { list } from '../../core/engine/list.ts'
import { pause as pauseContainer, unpause as unpauseContainer } from '../../core/engine/pause.ts'
import { remove } from '../../core/engine/remove.ts'
import { restart as restartContainer, stop as stopContainer } from '../../core/engine/stop.ts'
import type { ContainerRow } from '../../core/engine/types.ts'
import { UserError } from '../../core/errors.ts'
import { signalNumber } from '../../core/spec/names.ts'
import { allIds } from '../../core/store/names.ts'
import type { Context, Verb } from '../context.ts'
import { type CommandName, commands } from '../flags/commands.ts'
import { type ParsedFlags, parseFlags } from '../flags/parse.ts'
import { wholeNumber } from '../flags/values.ts'
import { printLine } from '../output.ts'
import { each, needWords } from './each.ts'

/** The containers that the words name, or with --all those that `fits` accepts. */
async function chosen(
  command: CommandName,
  flags: ParsedFlags,
  { host, settings }: Context,
  fits: (row: ContainerRow) => boolean,
): Promise<readonly string[]> {
  if (!flags.on('all')) {
    needWords(flags.words, 'container')
    return flags.words
  }
  if (flags.words.length > 0) throw new UserError(`--all and names do not go together: leave out one of them`)
  // Also those whose files are damaged, which cannot be listed.
  if (command === 'rm' && flags.on('force')) return allIds(host.kernel, settings)
  const rows = await list(host, settings, { all: true, filters: {} })
  return rows.filter(fits).map((row) => row.id)
}

type Act = (name: string, flags: ParsedFlags, context: Context) => Promise<void>

const verb =
  (command: CommandName, fits: (row: ContainerRow) => boolean, act: Act): Verb =>
  async (argv, context) => {
    const flags = parseFlags(commands[command], argv)
    if (flags.on('help')) return await (await import('../help.ts')).showHelp(command)
    return await each(await chosen(command, flags, context, fits), (name) => act(name, flags, context))
  }

const timeoutOf = (flags: ParsedFlags): number | undefined => {
  const text = flags.text('time')
  return text === undefined ? undefined : wholeNumber('--time', text, 0)
}
const running = (row: ContainerRow) => row.status === 'running'
const alive = (row: ContainerRow) => row.status === 'running' || row.status === 'paused'
const isMissing = (error: unknown) => error instanceof UserError && /no such container/.test(error.message)

export const stop = verb('stop', alive, async (name, flags, { host, settings }) => {
  try {
    await stopContainer(host, settings, name, { timeoutSeconds: timeoutOf(flags) })
  } catch (error) {
    if (flags.on('ignore') && isMissing(error)) return
    throw error
  }
  printLine(name)
})

export const restart = verb(
  'restart',
  () => true,
  async (name, flags, { host, settings }) => {
    await restartContainer(host, settings, name, { timeoutSeconds: timeoutOf(flags) })
    printLine(name)
  },
)

export const kill = verb('kill', running, async (name, flags, { host, settings }) => {
  await killContainer(host, settings, name, signalNumber(flags.text('signal') ?? 'KILL'))
  printLine(name)
})

export const pause = verb('pause', running, async (name, _, { host, settings }) => {
  await pauseContainer(host, settings, name)
  printLine(name)
})

export const unpause = verb(
  'unpause',
  (row) => row.status === 'paused',
  async (name, _, { host, settings }) => {
    await unpauseContainer(host, settings, name)
    printLine(name)
  },
)

export const rm = verb(
  'rm',
  () => true,
  async (name, flags, { host, settings }) => {
    const options = { force: flags.on('force'), volumes: flags.on('volumes'), timeoutSeconds: timeoutOf(flags) }
    try {
      const removed = await remove(host, settings, name, options)
      if (removed !== undefined) printLine(name)
    } catch (error) {
      if (!(flags.on('ignore') && isMissing(error))) throw error
    }
  },
)

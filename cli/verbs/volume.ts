// The commands on volumes.

import { isatty } from 'node:tty'
import { createVolume, listVolumes, pruneVolumes, type VolumeRow } from '../../core/engine/volume-list.ts'
import { removeVolume, resolveVolume } from '../../core/engine/volume-remove.ts'
import { UserError } from '../../core/errors.ts'
import { volumeNames } from '../../core/store/volumes.ts'
import { confirm } from '../confirm.ts'
import { type Context, type Verb, workingDirectory } from '../context.ts'
import { type CommandName, commands } from '../flags/commands.ts'
import { type ParsedFlags, parseFlags } from '../flags/parse.ts'
import { keyValue, momentMilliseconds, wholeNumber } from '../flags/values.ts'
import { print, printLine } from '../output.ts'
import { renderRows } from '../views/rows.ts'
import { compileTemplate } from '../views/template.ts'
import { each, needWords } from './each.ts'

/** A command's flags, or its help. */
const verb =
  (command: CommandName, act: (flags: ParsedFlags, context: Context) => Promise<number>): Verb =>
  async (argv, context) => {
    const flags = parseFlags(commands[command], argv)
    if (flags.on('help')) return await (await import('../help.ts')).showHelp(command)
    return await act(flags, context)
  }

function noWords(command: string, { words }: ParsedFlags): void {
  if (words.length > 0) throw new UserError(`${command} takes no names, and got "${words[0]}": use --filter name=`)
}

/** One volume, and nothing else. */
function oneWord(command: string, { words: [word, ...more] }: ParsedFlags): string {
  if (word === undefined) throw new UserError(`${command}: the volume is missing`)
  if (more.length > 0) throw new UserError(`${command} takes one volume, not "${more[0]}" too`)
  return word
}

const filtersOf = (flags: ParsedFlags, { host }: Context) => ({
  filters: flags.all('filter'),
  moment: (text: string) => momentMilliseconds('--filter=until', text, host.now()),
})

/** Names, or with --all every one. */
function chosen(flags: ParsedFlags, { host, settings }: Context): readonly string[] {
  if (!flags.on('all')) {
    needWords(flags.words, 'volume')
    return flags.words
  }
  if (flags.words.length > 0) throw new UserError('--all and names do not go together: leave out one of them')
  return volumeNames(host.kernel, settings)
}

/** podman's fields. */
function described(row: VolumeRow) {
  return {
    Name: row.name,
    Driver: row.driver,
    Mountpoint: row.mountpoint,
    CreatedAt: new Date(row.createdMs).toISOString(),
    Labels: row.labels,
    Scope: row.scope,
    Options: row.options,
    Anonymous: row.anonymous,
    // One is mounted in its containers alone.
    MountCount: row.running,
    NeedsCopyUp: row.unused,
    Containers: row.containers,
  }
}

export const create = verb('volume create', async (flags, { host, settings }) => {
  const [name, ...more] = flags.words
  if (more.length > 0) throw new UserError(`volume create takes one name, not "${more[0]}" too`)
  const driver = flags.text('driver') ?? 'local'
  if (driver !== 'local') throw new UserError(`--driver=${driver}: there is only the driver local`)
  const options = flags.all('opt').map((word) => {
    const bare = word === 'copy' || word === 'nocopy'
    return keyValue('--opt', word, bare ? 'may-be-bare' : 'needs-value')
  })
  const wanted = {
    ...(name === undefined ? {} : { name }),
    labels: Object.fromEntries(flags.all('label').map((word) => keyValue('--label', word, 'may-be-bare'))),
    options: Object.fromEntries(options),
    ignore: flags.on('ignore'),
  }
  printLine(await createVolume(host, settings, wanted))
  return 0
})

export const ls = verb('volume ls', async (flags, context) => {
  noWords('volume ls', flags)
  const rows = await listVolumes(context.host, context.settings, filtersOf(flags, context))
  if (flags.on('quiet')) {
    if (flags.has('format')) throw new UserError('--quiet and --format do not go together: leave out one of them')
    for (const { name } of rows) printLine(name)
    return 0
  }
  const columns = [
    ['DRIVER', 'Driver'],
    ['VOLUME NAME', 'Name'],
  ] as const
  print(renderRows(columns, rows.map(described), { format: flags.text('format'), heading: !flags.on('noheading') }))
  return 0
})

export const inspect = verb('volume inspect', async (flags, context) => {
  const { host, settings } = context
  const names = chosen(flags, context)
  const format = flags.text('format')
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format)
  const rows = await listVolumes(host, settings)
  const found: unknown[] = []
  const code = await each(names, async (word) => {
    const name = resolveVolume(host, settings, word)
    const row = rows.find((other) => other.name === name)
    if (row === undefined) throw new UserError(`volume ${name}: cannot be read`)
    found.push(described(row))
  })
  if (render === undefined) print(`${JSON.stringify(found, null, 4)}\n`)
  else for (const one of found) printLine(render(one))
  return code
})

export const rm = verb('volume rm', async (flags, context) => {
  const { host, settings } = context
  const time = flags.text('time')
  if (time !== undefined && !flags.on('force')) throw new UserError('--time: goes with --force, which ends containers')
  const timeout = time === undefined ? {} : { timeoutSeconds: wholeNumber('--time', time, 0) }
  return await each(chosen(flags, context), async (word) => {
    printLine(await removeVolume(host, settings, word, { force: flags.on('force'), ...timeout }))
  })
})

export const prune = verb('volume prune', async (flags, context) => {
  noWords('volume prune', flags)
  const { host, settings } = context
  if (!flags.on('force')) {
    const rows = await listVolumes(host, settings, filtersOf(flags, context))
    const unused = rows.filter(({ containers }) => containers.length === 0)
    if (unused.length === 0) return 0
    const names = unused.map(({ name }) => `\n${name}`).join('')
    const warning = `WARNING! This will remove all volumes not used by at least one container. These are now:${names}\n`
    if (!confirm(warning)) return 0
  }
  const { removed } = await pruneVolumes(host, settings, filtersOf(flags, context))
  for (const name of removed) printLine(name)
  return 0
})

export const exists = verb('volume exists', async (flags, { host, settings }) => {
  const name = oneWord('volume exists', flags)
  return volumeNames(host.kernel, settings).includes(name) ? 0 : 1
})

export const exportVolume = verb('volume export', async (flags, { host, settings }) => {
  const name = oneWord('volume export', flags)
  const [{ exportVolume: bytesOf }, { outputOf }] = await Promise.all([
    import('../../core/engine/volume-transfer.ts'),
    import('./save.ts'),
  ])
  const to = outputOf(flags.text('output'), 'volume export')
  const bytes = bytesOf(host, settings, name)
  if (typeof to === 'string') await (await import('../../core/image/output.ts')).writeOutput(host.kernel, to, bytes)
  else for await (const part of bytes) to(part)
  return 0
})

export const importVolume = verb('volume import', async (flags, { host, settings }) => {
  const [name, file = '-', ...more] = flags.words
  if (name === undefined) throw new UserError('volume import: the volume is missing')
  if (more.length > 0) throw new UserError(`volume import takes one archive, not "${more[0]}" too`)
  // Not process.stdin, which would take the descriptor for itself.
  if (file === '-' && isatty(0))
    throw new UserError('volume import reads an archive from standard input, and that is a terminal: give a file')
  const source = file === '-' ? 0 : file.startsWith('/') ? file : `${workingDirectory()}/${file}`
  await (await import('../../core/engine/volume-transfer.ts')).importVolume(host, settings, name, source)
  return 0
})

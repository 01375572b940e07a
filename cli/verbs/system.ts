// `system df`, `system prune` and `container prune`.

import { UserError } from '../../core/errors.ts'
import { confirm } from '../confirm.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { type ParsedFlags, parseFlags } from '../flags/parse.ts'
import { momentMilliseconds } from '../flags/values.ts'
import { print, printLine } from '../output.ts'
import { humanSize } from '../views/human.ts'

function noWords(command: string, { words }: ParsedFlags): void {
  if (words.length > 0) throw new UserError(`${command} takes no names, and got "${words[0]}"`)
}

export const diskUsage: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands['system df'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('system df')
  noWords('system df', flags)
  const format = flags.text('format')
  const verbose = flags.on('verbose')
  if (verbose && format !== undefined)
    throw new UserError('--verbose and --format do not go together: leave out one of them')
  const { diskUsage: measure } = await import('../../core/engine/disk-usage.ts')
  const { usageInDetail, usageTable } = await import('../views/disk-usage.ts')
  const usage = await measure(host, settings)
  print(verbose ? usageInDetail(usage, host.now()) : usageTable(usage, format))
  return 0
}

function pruneOptions(flags: ParsedFlags, nowMs: number) {
  const moment = (text: string) => momentMilliseconds('--filter=until', text, nowMs)
  return { filters: flags.all('filter'), moment }
}

export const containerPrune: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands['container prune'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('container prune')
  noWords('container prune', flags)
  if (!flags.on('force') && !confirm('WARNING! This will remove all non running containers.')) return 0
  const { pruneContainers } = await import('../../core/engine/container-prune.ts')
  const pruned = await pruneContainers(host, settings, pruneOptions(flags, host.now()))
  for (const id of pruned.removed) printLine(id)
  return 0
}

export const systemPrune: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands['system prune'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('system prune')
  noWords('system prune', flags)
  const allImages = flags.on('all')
  const volumes = flags.on('volumes')
  const what = [
    'all stopped containers',
    ...(volumes ? ['all volumes not used by at least one container'] : []),
    allImages ? 'all images without at least one container associated with them' : 'all dangling images',
  ]
  const warning = `WARNING! This command removes:\n${what.map((each) => `\t- ${each}\n`).join('')}`
  if (!flags.on('force') && !confirm(warning)) return 0
  const { pruneSystem } = await import('../../core/engine/system-prune.ts')
  const pruned = await pruneSystem(host, settings, { ...pruneOptions(flags, host.now()), allImages, volumes })
  for (const kind of ['containers', 'volumes', 'images'] as const) {
    const { removed } = pruned[kind]
    if (removed.length > 0) printLine(`Deleted ${kind[0]!.toUpperCase()}${kind.slice(1)}`)
    for (const id of removed) printLine(id)
  }
  printLine(`Total reclaimed space: ${humanSize(pruned.bytes)}`)
  return 0
}

// `rmi` and `image prune`.

import { removeImage } from '../../core/engine/image-remove.ts'
import { UserError } from '../../core/errors.ts'
import { listImages } from '../../core/image/store.ts'
import { confirm } from '../confirm.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { momentMilliseconds } from '../flags/values.ts'
import { printLine } from '../output.ts'
import { each, needWords } from './each.ts'

export const rmi: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.rmi, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('rmi')
  const all = flags.on('all')
  if (all && flags.words.length > 0) throw new UserError('--all and names do not go together: leave out one of them')
  if (!all) needWords(flags.words, 'image')
  const force = flags.on('force')
  const reader = { kernel: host.kernel, root: settings.root }
  const names = all ? listImages(reader).map((image) => image.id) : flags.words
  return await each(names, async (name) => {
    try {
      const removed = await removeImage(host, settings, name, { force: force || all, containers: force })
      for (const untagged of removed.untagged) printLine(`Untagged: ${untagged}`)
      for (const id of removed.deleted) printLine(`Deleted: ${id}`)
    } catch (error) {
      // Exit code 1: it is not here. With --all somebody else was faster.
      const isMissing = error instanceof UserError && error.exitCode === 1
      if (!isMissing || !(force || all || flags.on('ignore'))) throw error
    }
  })
}

export const imagePrune: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands['image prune'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('image prune')
  if (flags.words.length > 0) throw new UserError(`image prune takes no names, and got "${flags.words[0]}": use rmi`)
  const all = flags.on('all')
  const warning = all
    ? 'WARNING! This command removes all images without at least one container associated with them.'
    : 'WARNING! This command removes all dangling images.'
  if (!flags.on('force') && !confirm(warning)) return 0
  const { pruneImages } = await import('../../core/engine/image-prune.ts')
  const moment = (text: string) => momentMilliseconds('--filter=until', text, host.now())
  const pruned = await pruneImages(host, settings, { all, filters: flags.all('filter'), moment })
  for (const id of pruned.removed) printLine(id)
  return 0
}

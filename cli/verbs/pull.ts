// `pull`: images from registries, layouts and archives.

import { pullAllTags, pullImage } from '../../core/engine/pull.ts'
import { UserError } from '../../core/errors.ts'
import { machinePlatform, wantedPlatform } from '../../core/image/platform.ts'
import { chooser } from '../choose.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { platformWords, registryAccess } from '../flags/registry-flags.ts'
import { printLine } from '../output.ts'
import { showProgress } from '../progress.ts'
import { each, needWords } from './each.ts'

export const pull: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.pull, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('pull')
  needWords(flags.words, 'image')
  const everyTag = flags.on('all-tags')
  if (everyTag && flags.words.length > 1) throw new UserError('pull --all-tags takes one repository')
  const progress = showProgress(flags.on('quiet'))
  // Sentences go above the bars.
  const speaking = { ...host, warn: (sentence: string) => progress.say(`vitrine: warning: ${sentence}`) }
  const options = {
    access: registryAccess(flags),
    platform: wantedPlatform(machinePlatform(host.kernel, host.environment), platformWords(flags)),
    onTransfer: progress.onTransfer,
    choose: chooser(host.kernel),
  }
  return await each(flags.words, async (word) => {
    try {
      const images = everyTag
        ? await pullAllTags(speaking, settings, word, options)
        : [await pullImage(speaking, settings, word, options)]
      progress.end()
      for (const { id } of images) printLine(id)
    } finally {
      progress.end()
    }
  })
}

// `tag`, `untag` and `image exists`.

import { imageHost } from '../../core/engine/image-host.ts'
import { UserError } from '../../core/errors.ts'
import { tagImage, untagImage } from '../../core/image/change.ts'
import { localName } from '../../core/image/reference.ts'
import { listImages, lookUp } from '../../core/image/store.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { needWords } from './each.ts'

export const tag: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.tag, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('tag')
  const [image, ...names] = flags.words
  if (image === undefined || names.length === 0) throw new UserError('tag takes an image and its new names')
  // All are checked before one is given.
  for (const name of names) localName(name)
  for (const name of names) await tagImage(imageHost(host, settings), image, name)
  return 0
}

export const untag: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.untag, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('untag')
  needWords(flags.words, 'image')
  const [image, ...names] = flags.words
  await untagImage(imageHost(host, settings), image!, names)
  return 0
}

/** Says by its exit code whether an image is here: 0, or 1. */
export const imageExists: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands['image exists'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('image exists')
  const [name, ...more] = flags.words
  if (name === undefined || more.length > 0) throw new UserError('image exists takes one image')
  const images = listImages({ kernel: host.kernel, root: settings.root })
  try {
    lookUp(images, name)
    return 0
  } catch (error) {
    if (error instanceof UserError && /: not here;/.test(error.message)) return 1
    throw error
  }
}

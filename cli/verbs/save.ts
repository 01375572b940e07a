// `save`: images to an archive or a directory.

import { isatty } from 'node:tty'
import { imageHost } from '../../core/engine/image-host.ts'
import { UserError } from '../../core/errors.ts'
import { type SaveFormat, saveFormats, saveImages } from '../../core/image/save.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { printBytes } from '../output.ts'
import { needWords } from './each.ts'

export const save: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.save, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('save')
  needWords(flags.words, 'image')
  const format = (flags.text('format') ?? 'docker-archive') as SaveFormat
  if (!saveFormats.includes(format)) throw new UserError(`--format=${format}: must be one of ${saveFormats.join(', ')}`)
  if (flags.words.length > 1 && !flags.on('multi-image-archive'))
    throw new UserError('save: several images go into one archive with --multi-image-archive only')
  if (flags.words.length > 1 && format === 'docker-dir')
    throw new UserError('--format=docker-dir: such a directory holds one image; use oci-dir')
  const to = outputOf(flags.text('output'), 'save')
  await saveImages(imageHost(host, settings), flags.words, { format, to })
  return 0
}

/** Where an archive goes: the file that was given, or standard output when that is no terminal. */
export function outputOf(path: string | undefined, verb: string): string | ((bytes: Uint8Array) => void) {
  if (path === '') throw new UserError('--output: a file is missing')
  if (path !== undefined) return path
  if (isatty(1))
    throw new UserError(`${verb} writes an archive to standard output, and that is a terminal: give --output FILE`)
  return (bytes) => printBytes(1, bytes)
}

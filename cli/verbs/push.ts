// `push`: an image to a registry, or to where `save` writes.

import { pushImage } from '../../core/engine/push.ts'
import { UserError } from '../../core/errors.ts'
import { writeAtomically } from '../../core/files.ts'
import type { OutgoingOptions } from '../../core/image/outgoing.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { type ParsedFlags, parseFlags } from '../flags/parse.ts'
import { registryAccess } from '../flags/registry-flags.ts'
import { wholeNumber } from '../flags/values.ts'
import { showProgress } from '../progress.ts'

export const push: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.push, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('push')
  const [source, destination, ...more] = flags.words
  if (source === undefined) throw new UserError('no image was named: give the image, and where it is to go')
  if (more.length > 0) throw new UserError(`push takes an image and a destination, not "${more[0]}" too`)
  const outgoing = outgoingOptions(flags)
  const progress = showProgress(flags.on('quiet'))
  const speaking = { ...host, warn: (sentence: string) => progress.say(`vitrine: warning: ${sentence}`) }
  const options = { ...outgoing, access: registryAccess(flags), onTransfer: progress.onTransfer }
  try {
    const digest = await pushImage(speaking, settings, source, destination, options)
    const file = flags.text('digestfile')
    if (file !== undefined) writeAtomically(host.kernel, file, digest, 0o644)
  } finally {
    progress.end()
  }
  return 0
}

function outgoingOptions(flags: ParsedFlags): OutgoingOptions {
  const format = flags.text('format')
  if (format !== undefined && format !== 'oci' && format !== 'v2s2')
    throw new UserError(
      `--format=${format}: must be oci or v2s2${format === 'v2s1' ? '; v2s1 is not written any more' : ''}`,
    )
  const compression = flags.text('compression-format')
  if (compression !== undefined && compression !== 'gzip' && compression !== 'zstd')
    throw new UserError(`--compression-format=${compression}: must be gzip or zstd`)
  const most = compression === 'zstd' ? 22 : 9
  const level = flags.text('compression-level')
  return {
    ...(format && { format }),
    ...(compression && { compression }),
    ...(level === undefined ? {} : { level: wholeNumber('--compression-level', level, 1, most) }),
  }
}

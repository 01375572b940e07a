// `commit`: an image from what a container has changed.

import { commit as commitContainer } from '../../core/engine/commit.ts'
import { UserError } from '../../core/errors.ts'
import { writeAtomically } from '../../core/files.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'
import { needWords } from './each.ts'

export const commit: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.commit, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('commit')
  needWords(flags.words, 'container')
  const [container, name, more] = flags.words as [string, string?, string?]
  if (more !== undefined) throw new UserError(`commit takes a container and a name, not "${more}" too`)
  const format = flags.text('format') ?? 'oci'
  if (format !== 'oci' && format !== 'docker') throw new UserError(`--format=${format}: must be oci or docker`)
  const author = flags.text('author')
  const message = flags.text('message')
  if (message !== undefined && format === 'oci')
    throw new UserError('--message: the oci format has no place for it; use --format=docker')
  const image = await commitContainer(host, settings, container, {
    ...(name === undefined ? {} : { name }),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { message }),
    changes: flags.all('change'),
    format,
    pause: flags.on('pause'),
    squash: flags.on('squash'),
    includeVolumes: flags.on('include-volumes'),
  })
  const file = flags.text('iidfile')
  if (file !== undefined) writeAtomically(host.kernel, file, image.id, 0o644)
  printLine(image.id)
  return 0
}

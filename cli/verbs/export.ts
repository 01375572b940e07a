// `export`: a container's root file system as an archive.

import { exportContainer } from '../../core/engine/export.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { needWords } from './each.ts'
import { outputOf } from './save.ts'

export const exportVerb: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.export, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('export')
  needWords(flags.words, 'container')
  const [container, more] = flags.words as [string, string?]
  if (more !== undefined) throw new UserError(`export takes one container, not "${more}" too`)
  await exportContainer(host, settings, container, outputOf(flags.text('output'), 'export'))
  return 0
}

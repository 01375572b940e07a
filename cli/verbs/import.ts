// `import`: an image from an archive or a directory.

import { imageHost } from '../../core/engine/image-host.ts'
import { UserError } from '../../core/errors.ts'
import { importImage as importFrom } from '../../core/image/import.ts'
import { parseSource } from '../../core/image/reference.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'

export const importImage: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.import, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('import')
  const [source, name, ...more] = flags.words
  if (source === undefined)
    throw new UserError('the source is missing: give oci:DIR, oci-archive:FILE or docker-archive:FILE')
  if (more.length > 0) throw new UserError(`import takes a source and a name, not "${more[0]}" too`)
  const image = await importFrom(imageHost(host, settings), absolute(source), { name })
  printLine(flags.on('quiet') ? image.id : `sha256:${image.id}`)
  return 0
}

/** A source's path from here. */
function absolute(source: string): string {
  const parsed = parseSource(source)
  if (parsed === undefined || parsed.path.startsWith('/')) return source
  return source.replace(`:${parsed.path}`, `:${process.cwd()}/${parsed.path}`)
}

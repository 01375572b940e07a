// `import`: an image from an archive or a directory of images, or from a root file system.

import { isatty } from 'node:tty'
import { imageHost } from '../../core/engine/image-host.ts'
import { UserError } from '../../core/errors.ts'
import { importImage as importFrom } from '../../core/image/import.ts'
import { machinePlatform, wantedPlatform } from '../../core/image/platform.ts'
import { parseSource } from '../../core/image/reference.ts'
import { type Verb, workingDirectory } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { type ParsedFlags, parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'

const rootOnly = ['arch', 'change', 'message', 'os', 'variant']

export const importImage: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.import, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('import')
  const [source, name, ...more] = flags.words
  if (source === undefined)
    throw new UserError(
      'the source is missing: give a root file system (a tar file, - or a URL), or images (oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR)',
    )
  if (more.length > 0) throw new UserError(`import takes a source and a name, not "${more[0]}" too`)
  if (parseSource(source) === undefined) {
    if (flags.has('platform'))
      throw new UserError('--platform: chooses among images; of a root file system give --arch')
    const { importRoot } = await import('../../core/engine/import-root.ts')
    const image = await importRoot(host, settings, tarball(source), { name, ...rootOptions(flags) })
    printLine(`sha256:${image.id}`)
    return 0
  }
  const given = rootOnly.find((flag) => flags.has(flag))
  if (given !== undefined) throw new UserError(`--${given}: is for a root file system; ${source} says it itself`)
  const platform = wantedPlatform(machinePlatform(host.kernel, host.environment), { platform: flags.text('platform') })
  const image = await importFrom(imageHost(host, settings), absolute(source), { name, platform })
  printLine(flags.on('quiet') ? image.id : `sha256:${image.id}`)
  return 0
}

function rootOptions(flags: ParsedFlags) {
  const platform = Object.fromEntries(
    (['arch', 'os', 'variant'] as const).flatMap((key) => (flags.has(key) ? [[key, flags.text(key)!]] : [])),
  )
  const message = flags.text('message')
  return { ...platform, changes: flags.all('change'), ...(message === undefined ? {} : { message }) }
}

function tarball(source: string): string {
  if (source !== '-') return source
  if (isatty(0))
    throw new UserError('import - reads an archive from standard input, and that is a terminal: give a file')
  return '/dev/stdin'
}

/** A source's path from here. */
function absolute(source: string): string {
  const parsed = parseSource(source)
  if (parsed === undefined || parsed.path.startsWith('/')) return source
  return source.replace(`:${parsed.path}`, `:${workingDirectory()}/${parsed.path}`)
}

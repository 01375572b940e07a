// `load`: the images of an archive.

import { isatty } from 'node:tty'
import { imageHost } from '../../core/engine/image-host.ts'
import { UserError } from '../../core/errors.ts'
import { loadImages } from '../../core/image/import.ts'
import { machinePlatform, wantedPlatform } from '../../core/image/platform.ts'
import { type Verb, workingDirectory } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'

export const load: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.load, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('load')
  if (flags.words.length > 0) throw new UserError(`load takes its archive by --input, not "${flags.words[0]}"`)
  const input = flags.text('input')
  if (input === undefined && isatty(0))
    throw new UserError('load reads an archive from standard input, and that is a terminal: give --input FILE')
  const path = input === undefined ? '/dev/stdin' : input.startsWith('/') ? input : `${workingDirectory()}/${input}`
  const platform = wantedPlatform(machinePlatform(host.kernel, host.environment), { platform: flags.text('platform') })
  const loaded = await loadImages(imageHost(host, settings), path, { platform })
  for (const image of loaded) printLine(`Loaded image: ${image.names[0] ?? `sha256:${image.id}`}`)
  return 0
}

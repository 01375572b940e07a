// `inspect`: a container, or else an image.

import { inspect as inspectContainer } from '../../core/engine/inspect.ts'
import { UserError } from '../../core/errors.ts'
import type { Context, Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print, printError, printLine } from '../output.ts'
import { compileTemplate } from '../views/template.ts'
import { needWords } from './each.ts'

async function inspectImage({ host, settings }: Context, name: string): Promise<unknown> {
  const { findImage, imageConfig } = await import('../../core/image/store.ts')
  const reader = { kernel: host.kernel, root: settings.root }
  const image = findImage(reader, name)
  const config = imageConfig(reader, image)
  return {
    Id: image.id,
    Digest: image.digest,
    RepoTags: image.names,
    Created: config.created,
    Architecture: config.architecture,
    Os: config.os,
    Config: config.config,
    RootFS: { Type: 'layers', Layers: config.rootfs?.diff_ids },
    History: config.history,
  }
}

async function inspectOne(context: Context, name: string, kind: string): Promise<unknown> {
  if (kind === 'image') return await inspectImage(context, name)
  try {
    return await inspectContainer(context.host, context.settings, name)
  } catch (error) {
    if (kind === 'container' || !(error instanceof UserError) || !/no such container/.test(error.message)) throw error
  }
  try {
    return await inspectImage(context, name)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`no such object: "${name}" is neither a container nor an image`)
  }
}

export const inspect: Verb = async (argv, context) => {
  const flags = parseFlags(commands.inspect, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('inspect')
  needWords(flags.words, 'container or image')
  const kind = flags.text('type') ?? 'all'
  if (!['all', 'container', 'image'].includes(kind))
    throw new UserError(`--type=${kind}: must be all, container or image`)
  const format = flags.text('format')
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format)
  const found: unknown[] = []
  let code = 0
  for (const name of flags.words) {
    try {
      found.push(await inspectOne(context, name, kind))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      printError(error.message)
      code = error.exitCode
    }
  }
  if (render === undefined) print(`${JSON.stringify(found, null, 4)}\n`)
  else for (const one of found) printLine(render(one))
  return code
}

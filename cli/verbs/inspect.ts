// `inspect`: a container, or else an image.

import { inspect as inspectContainer } from '../../core/engine/inspect.ts'
import { UserError } from '../../core/errors.ts'
import type { Context, Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print, printLine } from '../output.ts'
import { compileTemplate } from '../views/template.ts'
import { each, needWords } from './each.ts'

async function inspectImage({ host, settings }: Context, name: string): Promise<unknown> {
  const { inspectImage } = await import('../../core/engine/image-inspect.ts')
  return inspectImage(host, settings, name)
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
  return await showAll(flags.words, flags.text('format'), (name) => inspectOne(context, name, kind))
}

export const imageInspect: Verb = async (argv, context) => {
  const flags = parseFlags(commands['image inspect'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('image inspect')
  needWords(flags.words, 'image')
  return await showAll(flags.words, flags.text('format'), (name) => inspectImage(context, name))
}

/** Prints what is found of each name, as one json array or each by a template; what is not found is told. */
async function showAll(
  names: readonly string[],
  format: string | undefined,
  look: (name: string) => Promise<unknown>,
): Promise<number> {
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format)
  const found: unknown[] = []
  const code = await each(names, async (name) => void found.push(await look(name)))
  if (render === undefined) print(`${JSON.stringify(found, null, 4)}\n`)
  else for (const one of found) printLine(render(one))
  return code
}

// `start`.

import { inspect } from '../../core/engine/inspect.ts'
import { start as startContainer } from '../../core/engine/start.ts'
import { UserError } from '../../core/errors.ts'
import { attach } from '../attach.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'
import { each, needWords } from './each.ts'

export const start: Verb = async (argv, context) => {
  const { host, settings } = context
  const flags = parseFlags(commands.start, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('start')
  needWords(flags.words, 'container')
  const interactive = flags.on('interactive')
  if (!flags.on('attach') && !interactive) {
    return await each(flags.words, async (container) => {
      await startContainer(host, settings, container)
      printLine(container)
    })
  }
  const [container, ...more] = flags.words
  if (more.length > 0) throw new UserError('only one container can be attached to: give one name')
  const { Config } = await inspect(host, settings, container!)
  const attached = (context.attach ?? attach)(host.kernel, { interactive, terminal: Config.Tty })
  try {
    const started = await startContainer(host, settings, container!, attached.attachment)
    return (await started.exitCode) ?? 0
  } finally {
    await attached.end()
  }
}

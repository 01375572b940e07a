// `wait`.

import type { WaitCondition } from '../../core/engine/types.ts'
import { wait as waitFor } from '../../core/engine/wait.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { printLine } from '../output.ts'
import { each, needWords } from './each.ts'

const conditions: readonly string[] = ['stopped', 'exited', 'running', 'paused', 'created'] satisfies WaitCondition[]

export const wait: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.wait, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('wait')
  needWords(flags.words, 'container')
  const asked = flags.all('condition')
  for (const condition of asked)
    if (!conditions.includes(condition))
      throw new UserError(`--condition=${condition}: must be one of ${conditions.join(', ')}`)
  return await each(flags.words, async (container) => {
    printLine(
      String(await waitFor(host, settings, container, asked.length > 0 ? (asked as WaitCondition[]) : undefined)),
    )
  })
}

// `top`.

import { top as topOf } from '../../core/engine/top.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print } from '../output.ts'
import { renderTable } from '../views/table.ts'
import { needWords } from './each.ts'

export const top: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.top, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('top')
  needWords(flags.words, 'container')
  const [container, ...columns] = flags.words
  const table = await topOf(
    host,
    settings,
    container!,
    columns.flatMap((word) => word.split(',')),
  )
  print(renderTable(table.titles, table.rows, { heading: true }))
  return 0
}

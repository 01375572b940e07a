// `sim play` and `sim features`: the simulated kernel by itself.

import { readFileSync } from 'node:fs'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { wholeNumber } from '../flags/values.ts'
import { print, printLine } from '../output.ts'
import { renderTable } from '../views/table.ts'

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UserError(`read ${file}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
  }
}

/** Exits with 1 when a result differs, or when more than a tenth of the calls is not modelled. */
export const playVerb: Verb = async (argv) => {
  const flags = parseFlags(commands['sim play'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('sim play')
  const [file, ...more] = flags.words
  if (file === undefined) throw new UserError('sim play: the file is missing')
  if (more.length > 0) throw new UserError(`sim play takes one file, not "${more[0]}" too`)
  const until = flags.text('until')
  const { playScenarios } = await import('../../backends/sim/open.ts')
  const played = await playScenarios(textOf(file), until === undefined ? undefined : wholeNumber('--until', until, 0))
  for (const { title, lines, report, summary } of played) {
    if (flags.on('json')) {
      for (const line of lines) printLine(JSON.stringify(line))
      printLine(JSON.stringify({ title, summary }))
      continue
    }
    if (played.length > 1) printLine(`${title}:`)
    print(report)
  }
  return played.every(({ passed }) => passed) ? 0 : 1
}

export const features: Verb = async (argv) => {
  const flags = parseFlags(commands['sim features'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('sim features')
  const { features: list } = await import('../../backends/sim/open.ts')
  const rows = list()
  if (flags.on('json')) print(`${JSON.stringify(rows, null, 4)}\n`)
  else
    print(
      renderTable(
        ['CALL', 'LEVEL', 'NOTE'],
        rows.map(({ call, level, note }) => [call, level, note]),
        { heading: true },
      ),
    )
  return 0
}

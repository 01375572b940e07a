// `history` and `image tree`.

import { imageHistory, imageLayers, layersAbove } from '../../core/engine/image-history.ts'
import { imageBytes } from '../../core/engine/image-list.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print, printLine } from '../output.ts'
import { humanSize, shortId } from '../views/human.ts'
import { historyColumns, historyJson, historyRow, layerTree } from '../views/layers.ts'
import { renderRows } from '../views/rows.ts'

function oneImage(command: string, words: readonly string[]): string {
  const [name, ...more] = words
  if (name === undefined || more.length > 0) throw new UserError(`${command} takes one image`)
  return name
}

export const history: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.history, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('history')
  const steps = imageHistory(host, settings, oneImage('history', flags.words))
  const format = flags.text('format')
  const options = { nowMs: host.now(), whole: flags.on('no-trunc'), human: flags.on('human', true) }
  const rows = steps.map((step) => historyRow(step, options))
  if (flags.on('quiet')) for (const row of rows) printLine(row.ID)
  else if (format === 'json') print(`${JSON.stringify(steps.map(historyJson), null, 4)}\n`)
  else print(renderRows(historyColumns, rows, { format, heading: true }))
  return 0
}

export const imageTree: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands['image tree'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('image tree')
  const name = oneImage('image tree', flags.words)
  const { image, layers } = (flags.on('whatrequires') ? layersAbove : imageLayers)(host, settings, name)
  printLine(`Image ID: ${shortId(image.id)}`)
  printLine(`Tags:     [${image.names.join(' ')}]`)
  printLine(`Size:     ${humanSize(imageBytes(image))}`)
  printLine('Image Layers')
  print(layerTree(layers))
  return 0
}

// `images`, also as `image ls`.

import { listImagesWith } from '../../core/engine/image-list.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { momentMilliseconds } from '../flags/values.ts'
import { print, printLine } from '../output.ts'
import { shortId } from '../views/human.ts'
import { imageColumns, imageColumnsWithDigests, imageJson, imageRows, imageSorts, sortedRows } from '../views/images.ts'
import { renderRows } from '../views/rows.ts'

export const images: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.images, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('images')
  const [name, ...more] = flags.words
  if (more.length > 0) throw new UserError(`images takes one name, not "${more[0]}" too`)
  const sort = flags.text('sort') ?? 'created'
  if (!imageSorts.includes(sort)) throw new UserError(`--sort=${sort}: must be one of ${imageSorts.join(', ')}`)
  const now = host.now()
  const moment = (text: string) => momentMilliseconds('--filter=until', text, now)
  const found = listImagesWith(host, settings, { filters: flags.all('filter'), name, moment })
  const whole = flags.on('no-trunc')
  const format = flags.text('format')
  const rows = sortedRows(
    found.flatMap((image) => imageRows(image, now, whole)),
    sort,
  )
  if (flags.on('quiet')) {
    for (const id of new Set(rows.map((row) => row.Id))) printLine(whole ? `sha256:${id}` : shortId(id))
  } else if (format === 'json') {
    const ids = [...new Set(rows.map((row) => row.Id))]
    const ordered = ids.map((id) => imageJson(found.find(({ image }) => image.id === id)!))
    print(`${JSON.stringify(ordered, null, 4)}\n`)
  } else {
    const columns = flags.on('digests') ? imageColumnsWithDigests : imageColumns
    print(renderRows(columns, rows, { format, heading: !flags.on('noheading') }))
  }
  return 0
}

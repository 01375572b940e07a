// `images` and `rmi`.

import { list } from '../../core/engine/list.ts'
import { UserError } from '../../core/errors.ts'
import { removeImage } from '../../core/image/change.ts'
import { findImage, type ImageRecord, listImages } from '../../core/image/store.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print, printLine } from '../output.ts'
import { ago, humanSize, shortId } from '../views/human.ts'
import { renderRows } from '../views/rows.ts'
import { each, needWords } from './each.ts'

const columns = [
  ['REPOSITORY', 'Repository'],
  ['TAG', 'Tag'],
  ['IMAGE ID', 'ID'],
  ['CREATED', 'Created'],
  ['SIZE', 'Size'],
] as const

/** One row a name, as podman lists them; an image without names is one row of <none>. */
function rowsOf(image: ImageRecord, nowMs: number, whole: boolean) {
  const names = image.names.length > 0 ? image.names : ['<none>:<none>']
  return names.map((name) => {
    const colon = name.lastIndexOf(':')
    return {
      Repository: name.slice(0, colon),
      Tag: name.slice(colon + 1),
      ID: whole ? `sha256:${image.id}` : shortId(image.id),
      Digest: image.digest ?? '<none>',
      Created: image.created === undefined ? '' : ago(nowMs - Date.parse(image.created)),
      CreatedAt: image.created ?? '',
      Size: humanSize(image.sizeBytes),
      SizeBytes: image.sizeBytes,
    }
  })
}
type Row = ReturnType<typeof rowsOf>[number]

const sorts: Readonly<Record<string, (row: Row) => string | number>> = {
  created: (row) => -Date.parse(row.CreatedAt),
  id: (row) => row.ID,
  repository: (row) => row.Repository,
  size: (row) => row.SizeBytes,
  tag: (row) => row.Tag,
}

export const images: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.images, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('images')
  const reader = { kernel: host.kernel, root: settings.root }
  const [name, ...more] = flags.words
  if (more.length > 0) throw new UserError(`images takes one name, not "${more[0]}" too`)
  if (flags.has('filter')) throw new UserError('--filter: images cannot be filtered yet; give a name')
  const found = name === undefined ? listImages(reader) : [findImage(reader, name)]
  if (flags.on('quiet')) {
    for (const image of found) printLine(flags.on('no-trunc') ? `sha256:${image.id}` : shortId(image.id))
    return 0
  }
  const sort = flags.text('sort') ?? 'created'
  const key = sorts[sort]
  if (key === undefined) throw new UserError(`--sort=${sort}: must be one of ${Object.keys(sorts).join(', ')}`)
  const rows = found
    .flatMap((image) => rowsOf(image, host.now(), flags.on('no-trunc')))
    .sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
  const shown = flags.on('digests')
    ? [...columns.slice(0, 2), ['DIGEST', 'Digest'] as const, ...columns.slice(2)]
    : columns
  print(renderRows(shown, rows, { format: flags.text('format'), heading: !flags.on('noheading') }))
  return 0
}

export const rmi: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.rmi, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('rmi')
  const reader = { kernel: host.kernel, root: settings.root }
  const names = flags.on('all') ? listImages(reader).map((image) => image.id) : flags.words
  if (!flags.on('all')) needWords(names, 'image')
  // Asked while no container can be made, so that none is made of an image that goes.
  const inUse = async () => (await list(host, settings, { all: true, filters: {} })).map((row) => row.imageId)
  return await each(names, async (name) => {
    const store = { kernel: host.kernel, root: settings.root, runroot: settings.runroot }
    const removed = await removeImage(store, name, { inUse, force: flags.on('force') || flags.on('all') })
    for (const untagged of removed.untagged) printLine(`Untagged: ${untagged}`)
    for (const id of removed.deleted) printLine(`Deleted: ${id}`)
  })
}

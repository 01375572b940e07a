// `search`.

import { type FoundImage, remoteTags, searchImages } from '../../core/engine/search.ts'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { registryAccess } from '../flags/registry-flags.ts'
import { wholeNumber } from '../flags/values.ts'
import { print } from '../output.ts'
import { renderRows } from '../views/rows.ts'

const usualLimit = 25
const descriptionMax = 44

const columns = [
  ['NAME', 'Name'],
  ['DESCRIPTION', 'Description'],
] as const
const moreColumns = [
  ['STARS', 'Stars'] as const,
  ['OFFICIAL', 'Official'] as const,
  ['AUTOMATED', 'Automated'] as const,
]
const tagColumns = [
  ['NAME', 'Name'],
  ['TAG', 'Tag'],
] as const

/** `stars=3`, `is-official`, `is-automated=false`: all must hold. */
function filterOf(words: readonly string[]): (image: FoundImage) => boolean {
  const all = words.map((word) => {
    const [key, value = 'true'] = word.split('=')
    if (key === 'stars') {
      const least = wholeNumber('--filter=stars', value, 0)
      return (image: FoundImage) => image.stars >= least
    }
    if ((key !== 'is-official' && key !== 'is-automated') || !/^(true|false)$/.test(value))
      throw new UserError(
        `--filter=${word}: must be stars=NUMBER, is-official or is-automated, with =false if you like`,
      )
    const wanted = value === 'true'
    return (image: FoundImage) => (key === 'is-official' ? image.official : image.automated) === wanted
  })
  return (image) => all.every((fits) => fits(image))
}

function rowOf(image: FoundImage, whole: boolean) {
  const { registry, repository, description, stars, official, automated } = image
  const line = description.replaceAll(/\s+/g, ' ').trim()
  const isLong = !whole && line.length > descriptionMax
  return {
    Index: registry,
    Name: `${registry}/${repository}`,
    Description: isLong ? `${line.slice(0, descriptionMax - 3)}...` : line,
    Stars: stars,
    Official: official ? '[OK]' : '',
    Automated: automated ? '[OK]' : '',
    Tag: '',
  }
}

export const search: Verb = async (argv, { host }) => {
  const flags = parseFlags(commands.search, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('search')
  const [term, ...more] = flags.words
  if (term === undefined || term === '')
    throw new UserError('search takes a term: part of a name, with a registry or not')
  if (more.length > 0) throw new UserError(`search takes one term, not "${more[0]}" too`)
  const fits = filterOf(flags.all('filter'))
  const given = flags.text('limit')
  const limit = given === undefined ? usualLimit : wholeNumber('--limit', given, 0) || usualLimit
  const options = { access: registryAccess(flags), limit }
  const format = flags.text('format')
  if (flags.on('list-tags')) {
    if (flags.has('filter')) throw new UserError('--filter and --list-tags do not go together: leave out one of them')
    const { name, tags } = await remoteTags(host, term, options)
    if (format === 'json') print(`${JSON.stringify([{ Name: name, Tags: tags }], null, 4)}\n`)
    else {
      const rows = tags.map((tag) => ({ Name: name, Tag: tag }))
      print(renderRows(tagColumns, rows, { format, heading: true }))
    }
    return 0
  }
  const found = (await searchImages(host, term, options)).filter(fits)
  const whole = flags.on('no-trunc') || format === 'json'
  const rows = found.map((image) => rowOf(image, whole))
  const shown = flags.on('compatible') ? [...columns, ...moreColumns] : columns
  if (rows.length > 0 || format === 'json') print(renderRows(shown, rows, { format, heading: true }))
  return 0
}

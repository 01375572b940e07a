// Which volumes a filter means: `--filter KEY=VALUE` of ls and prune. podman-volume-ls(1), podman-volume-prune(1)

import { UserError } from '../errors.ts'
import type { VolumeRow } from './volume-list.ts'

type Fits = (row: VolumeRow) => boolean

export interface VolumeFilterFacts {
  /** Those that there are: `since` names one of them. */
  readonly rows: readonly VolumeRow[]
  /** A moment as users write it: milliseconds since 1970. */
  readonly moment: (text: string) => number
}

function yes(key: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw new UserError(`--filter=${key}=${value}: must be true or false`)
}

/** KEY, or KEY=VALUE. */
function has(pairs: (row: VolumeRow) => Readonly<Record<string, string>>, value: string): Fits {
  const equals = value.indexOf('=')
  const [name, wanted] = equals < 0 ? [value] : [value.slice(0, equals), value.slice(equals + 1)]
  return (row) => {
    const found = pairs(row)
    return Object.hasOwn(found, name) && (wanted === undefined || found[name] === wanted)
  }
}

function pattern(value: string): RegExp {
  try {
    return new RegExp(value)
  } catch {
    throw new UserError(`--filter=name=${value}: is no regular expression`)
  }
}

function after(value: string, { rows }: VolumeFilterFacts): Fits {
  const other = rows.find(({ name }) => name === value)
  if (other === undefined) throw new UserError(`--filter=since=${value}: no such volume`)
  return ({ createdMs }) => createdMs > other.createdMs
}

const kinds: Readonly<Record<string, (value: string, facts: VolumeFilterFacts) => Fits>> = {
  name: (value) => {
    const wanted = pattern(value)
    return ({ name }) => wanted.test(name)
  },
  label: (value) => has(({ labels }) => labels, value),
  'label!': (value) => {
    const labelled = has(({ labels }) => labels, value)
    return (row) => !labelled(row)
  },
  opt: (value) => has(({ options }) => options, value),
  driver: (value) => (row) => row.driver === value,
  scope: (value) => (row) => row.scope === value,
  dangling: (value) => {
    const wanted = yes('dangling', value)
    return (row) => (row.containers.length === 0) === wanted
  },
  anonymous: (value) => {
    const wanted = yes('anonymous', value)
    return (row) => row.anonymous === wanted
  },
  until: (value, { moment }) => {
    const limit = moment(value)
    return (row) => row.createdMs < limit
  },
  since: after,
  after,
}

/** All labels must be there; of the values of another key one is enough. */
const allMustHold: ReadonlySet<string> = new Set(['label', 'label!'])

/**
 * A filter of many words: keys must all hold.
 *
 * @errors UserError for what is no filter, and for a volume that is not here
 */
export function volumeFilter(words: readonly string[], facts: VolumeFilterFacts): Fits {
  const wanted = new Map<string, Fits[]>()
  for (const word of words) {
    const [, key = '', value = ''] = /^([a-z]+!?)=(.*)$/s.exec(word) ?? []
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined
    if (kind === undefined)
      throw new UserError(`--filter=${word}: must be KEY=VALUE; the keys are ${Object.keys(kinds).join(', ')}`)
    wanted.set(key, [...(wanted.get(key) ?? []), kind(value, facts)])
  }
  return (row) =>
    [...wanted].every(([key, fits]) =>
      allMustHold.has(key) ? fits.every((each) => each(row)) : fits.some((each) => each(row)),
    )
}

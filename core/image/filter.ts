// Which images a filter means: `--filter KEY=VALUE` of images and of prune. podman-images(1), podman-image-prune(1)

import { UserError } from '../errors.ts'
import { globPattern } from './glob.ts'
import { type ImageRecord, lookUp } from './store.ts'

export interface FilterFacts {
  /** All images that are here; `before` and `since` name one of them. */
  readonly images: readonly ImageRecord[]
  readonly labelsOf: (image: ImageRecord) => Readonly<Record<string, string>>
  /** Ids of the images that containers are made of. */
  readonly inUse: ReadonlySet<string>
  /** A moment as users write it: milliseconds since 1970. */
  readonly moment: (text: string) => number
}

export interface ImageFilter {
  readonly fits: (image: ImageRecord) => boolean
  /** Of an image that fits, the names that were asked for: with `reference=` only those that match. */
  readonly names: (image: ImageRecord) => readonly string[]
}

type Fits = (image: ImageRecord) => boolean

/** Whether a pattern means a name: all of it, or what follows one of its slashes. */
const isTail = (pattern: RegExp, name: string): boolean =>
  name.split('/').some((_, index, parts) => pattern.test(parts.slice(index).join('/')))

function referenceOf(value: string): (name: string) => boolean {
  const pattern = globPattern(value)
  if (pattern === undefined) throw new UserError(`--filter=reference=${value}: no pattern; a [ or \\ has no end`)
  return (name) => isTail(pattern, name) || isTail(pattern, name.replace(/:[^/]*$/, ''))
}

function yes(key: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw new UserError(`--filter=${key}=${value}: must be true or false`)
}

const createdMs = (image: ImageRecord): number => Date.parse(image.created ?? '') || 0

/** What one filter asks; each value is understood once. */
const kinds: Readonly<Record<string, (value: string, facts: FilterFacts) => Fits>> = {
  reference: (value) => {
    const named = referenceOf(value)
    return ({ names, repoDigests }) => names.some(named) || repoDigests.some(named)
  },
  dangling: (value) => {
    const wanted = yes('dangling', value)
    return (image) => (image.names.length === 0) === wanted
  },
  label: (value, { labelsOf }) => {
    const equals = value.indexOf('=')
    const [name, wanted] = equals < 0 ? [value] : [value.slice(0, equals), value.slice(equals + 1)]
    return (image) => {
      const labels = labelsOf(image)
      return Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted)
    }
  },
  before: (value, { images }) => {
    const limit = createdMs(lookUp(images, value))
    return (image) => createdMs(image) < limit
  },
  since: (value, { images }) => {
    const limit = createdMs(lookUp(images, value))
    return (image) => createdMs(image) > limit
  },
  until: (value, { moment }) => {
    const limit = moment(value)
    return (image) => createdMs(image) < limit
  },
  id: (value) => {
    const digits = value.replace(/^sha256:/, '')
    return (image) => image.id.startsWith(digits)
  },
  containers: (value, { inUse }) => {
    const wanted = yes('containers', value)
    return (image) => inUse.has(image.id) === wanted
  },
  // No image here is another's intermediate step or belongs to a store that cannot be written.
  intermediate: (value) => {
    const wanted = yes('intermediate', value)
    return () => !wanted
  },
  readonly: (value) => {
    const wanted = yes('readonly', value)
    return () => !wanted
  },
}
const otherNames: Readonly<Record<string, string>> = { after: 'since' }

/** The keys that a filter may have. */
export const imageFilterKeys: readonly string[] = Object.keys(kinds)

/**
 * A filter of many words: values of one key are alternatives, `KEY!=VALUE` excludes, and all keys must hold.
 *
 * @param keys - those that this command takes
 * @errors UserError for what is no filter, and for an image that is not here
 */
export function imageFilter(
  words: readonly string[],
  facts: FilterFacts,
  keys: readonly string[] = imageFilterKeys,
): ImageFilter {
  const wanted = new Map<string, Fits[]>()
  const unwanted: Fits[] = []
  const named: ((name: string) => boolean)[] = []
  for (const word of words) {
    const [, given, negation, value] = /^([^=!]+)(!?)=(.*)$/s.exec(word) ?? []
    if (given === undefined) throw new UserError(`--filter=${word}: must be KEY=VALUE or KEY!=VALUE`)
    const key = otherNames[given] ?? given
    const kind = keys.includes(key) ? kinds[key] : undefined
    if (kind === undefined) throw new UserError(`--filter=${word}: unknown key; known are ${keys.join(', ')}`)
    const fits = kind(value!, facts)
    if (negation === '!') unwanted.push(fits)
    else wanted.set(key, [...(wanted.get(key) ?? []), fits])
    if (negation === '' && key === 'reference') named.push(referenceOf(value!))
  }
  return {
    fits: (image) =>
      [...wanted.values()].every((alternatives) => alternatives.some((fits) => fits(image))) &&
      !unwanted.some((fits) => fits(image)),
    names: ({ names }) => {
      const matching = names.filter((name) => named.some((isWanted) => isWanted(name)))
      return matching.length > 0 ? matching : names
    },
  }
}

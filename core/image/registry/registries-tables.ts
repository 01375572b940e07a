// The tables of one registries.conf, read from TOML that is parsed: what they may say, and where it stands. containers-registries.conf(5).

import { UserError } from '../../errors.ts'
import { isRegistry, parseName } from '../reference.ts'
import type { Mirror, RegistriesPart, RegistryTable, ShortNameMode } from './registries-conf.ts'

export type Toml = Readonly<Record<string, unknown>>

export interface RegistriesFile {
  readonly path: string
  readonly text: string
  readonly document: Toml
  readonly warn: (sentence: string) => void
}

/** A table, by its count among those of its kind, and a key in it. */
interface Place {
  /** `''` is before the first table. */
  readonly table: '' | 'aliases' | 'registries' | 'registry' | 'registry.mirror'
  readonly registry?: number
  readonly mirror?: number
  readonly key?: string
}

/** TOML has no positions once it is parsed: looked for again, when there is something to say about a line. */
function lineOf(text: string, place: Place): number | undefined {
  let [table, registry, mirror] = ['', -1, -1]
  let start: number | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[\[?([^\]]+)\]/.exec(line)?.[1]
    if (header !== undefined) table = header.replace(/[\s"']/g, '')
    if (header !== undefined && table === 'registry') [registry, mirror] = [registry + 1, -1]
    if (header !== undefined && table === 'registry.mirror') mirror += 1
    if (table !== place.table || (place.registry ?? registry) !== registry || (place.mirror ?? mirror) !== mirror)
      continue
    start ??= index + 1
    const key = line.slice(0, Math.max(0, line.indexOf('='))).trim()
    if (place.key !== undefined && key.replace(/^["']|["']$/g, '') === place.key) return index + 1
  }
  return start
}

const placed = ({ path, text }: RegistriesFile, place: Place): string => {
  const line = lineOf(text, place)
  return line === undefined ? path : `${path}:${line}`
}

function refuse(file: RegistriesFile, place: Place, why: string): never {
  throw new UserError(`${placed(file, place)}: ${why}`)
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isSwitch = (value: unknown): value is boolean => typeof value === 'boolean'
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)
const isTable = (value: unknown): value is Toml => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTables = (value: unknown): value is Toml[] => Array.isArray(value) && value.every(isTable)

/** Reads a table's values by their keys and kinds; what nobody has asked for when `end` is called is told to the user. */
function readerOf(file: RegistriesFile, table: Toml, place: Place) {
  const asked = new Set<string>()
  const of =
    <T>(is: (value: unknown) => value is T, kind: string) =>
    (key: string): T | undefined => {
      asked.add(key)
      const value = table[key]
      return value === undefined || is(value) ? value : refuse(file, { ...place, key }, `${key} must be ${kind}`)
    }
  return {
    text: of(isText, 'a string, in quotes'),
    on: of(isSwitch, 'true or false'),
    texts: of(isTexts, 'an array of strings'),
    table: of(isTable, 'a table'),
    tables: of(isTables, 'tables, each with its line [[...]]'),
    refuse: (key: string, why: string) => refuse(file, { ...place, key }, why),
    end: () => {
      for (const key of Object.keys(table))
        if (!asked.has(key)) file.warn(`${placed(file, { ...place, key })}: nothing is known of ${key}; it is left out`)
    },
  }
}
type Reader = ReturnType<typeof readerOf>

/** What a file says. @errors UserError `FILE:LINE: why` */
export function readTables(file: RegistriesFile): RegistriesPart {
  const top = readerOf(file, file.document, { table: '' })
  if (file.document.registries !== undefined)
    refuse(
      file,
      { table: 'registries' },
      'this is version 1 of the format: write unqualified-search-registries and [[registry]]',
    )
  const search = top.texts('unqualified-search-registries')?.map((entry) => {
    const registry = entry.replace(/\/+$/, '')
    return isRegistry(registry) ? registry : top.refuse('unqualified-search-registries', `${entry} is no HOST[:PORT]`)
  })
  const mode = top.text('short-name-mode') || undefined
  if (mode !== undefined && !['enforcing', 'permissive', 'disabled'].includes(mode))
    top.refuse('short-name-mode', `short-name-mode = "${mode}": must be enforcing, permissive or disabled`)
  const registries = registriesOf(file, top.tables('registry') ?? [])
  const aliases = aliasesOf(file, top.table('aliases') ?? {})
  const credentialHelpers = top.texts('credential-helpers')
  // For a service that this program does not have.
  top.text('additional-layer-store-auth-helper')
  top.end()
  return {
    ...(search && { search }),
    ...(mode !== undefined && { shortNameMode: mode as ShortNameMode }),
    ...(credentialHelpers && { credentialHelpers }),
    registries,
    aliases,
  }
}

function aliasesOf(file: RegistriesFile, table: Toml): NonNullable<RegistriesPart['aliases']> {
  const aliases = new Map<string, { target: string; path: string }>()
  const reader = readerOf(file, table, { table: 'aliases' })
  for (const alias of Object.keys(table)) {
    const target = reader.text(alias)!
    const check = (text: string, short: boolean) => {
      const { registry, tag, digest } = parseName(text)
      if ((registry === undefined) !== short)
        reader.refuse(alias, `${text} must ${short ? 'be a short name' : 'begin with its registry'}`)
      if ((tag ?? digest) !== undefined) reader.refuse(alias, `${text} must have no tag and no digest`)
    }
    try {
      check(alias, true)
      if (target !== '') check(target, false)
    } catch (error) {
      if (!(error instanceof UserError) || error.message.startsWith(file.path)) throw error
      reader.refuse(alias, error.message)
    }
    aliases.set(alias, { target, path: file.path })
  }
  return aliases
}

function registriesOf(file: RegistriesFile, tables: readonly Toml[]): RegistryTable[] {
  const found: RegistryTable[] = []
  for (const [registry, table] of tables.entries()) {
    const place: Place = { table: 'registry', registry }
    const reader = readerOf(file, table, place)
    const next = registryOf(file, reader, registry)
    // One server is either trusted or not, however many names lead there.
    const other = found.find((one) => one.location === next.location && one.location !== undefined)
    for (const key of ['insecure', 'blocked'] as const)
      if (other !== undefined && other[key] !== next[key])
        reader.refuse(key, `${next.location} has another ${key} at ${other.place}`)
    const same = found.find(({ prefix }) => prefix === next.prefix)
    if (same === undefined) found.push(next)
    else file.warn(`${next.place}: ${next.prefix} has a table already, at ${same.place}; this one is left out`)
  }
  return found
}

function registryOf(file: RegistriesFile, reader: Reader, registry: number): RegistryTable {
  const location = locationOf(reader, 'location')
  const prefix = reader.text('prefix')?.startsWith('*.')
    ? wildcardOf(reader)
    : (locationOf(reader, 'prefix') ?? location)
  if (prefix === undefined) reader.refuse('', 'a registry needs a location, or a prefix and a location')
  if (location === undefined && !prefix!.startsWith('*.'))
    reader.refuse('prefix', `prefix = "${prefix}" needs a location; only *.HOST does without`)
  const digestOnly = reader.on('mirror-by-digest-only') ?? false
  const mirrors = (reader.tables('mirror') ?? []).map((table, mirror): Mirror => {
    const inner = readerOf(file, table, { table: 'registry.mirror', registry, mirror })
    return mirrorOf(inner, digestOnly)
  })
  if (reader.text('pull-from-mirror')) reader.refuse('pull-from-mirror', 'pull-from-mirror belongs to a mirror')
  const insecure = reader.on('insecure') ?? false
  const blocked = reader.on('blocked') ?? false
  reader.end()
  const place = placed(file, { table: 'registry', registry })
  return { prefix: prefix!, ...(location !== undefined && { location }), insecure, blocked, mirrors, place }
}

function mirrorOf(reader: Reader, digestOnly: boolean): Mirror {
  const location = locationOf(reader, 'location') ?? reader.refuse('', 'a mirror needs a location')
  const pullFrom = reader.text('pull-from-mirror') || undefined
  if (pullFrom !== undefined && !['all', 'digest-only', 'tag-only'].includes(pullFrom))
    reader.refuse('pull-from-mirror', `pull-from-mirror = "${pullFrom}": must be all, digest-only or tag-only`)
  if (pullFrom !== undefined && digestOnly)
    reader.refuse('pull-from-mirror', "pull-from-mirror contradicts the registry's mirror-by-digest-only")
  const insecure = reader.on('insecure') ?? false
  reader.end()
  return { location, insecure, pullFrom: digestOnly ? 'digest-only' : ((pullFrom ?? 'all') as Mirror['pullFrom']) }
}

/** `HOST[:PORT][/PATH]`, with no slash at its end; undefined when it is not there or empty. */
function locationOf(reader: Reader, key: 'location' | 'prefix'): string | undefined {
  const text = reader.text(key)?.replace(/\/+$/, '')
  if (text === undefined || text === '') return undefined
  if (/^https?:\/\//.test(text)) reader.refuse(key, `${key} = "${text}": write it without http:// or https://`)
  const [host] = text.split('/')
  if (!isRegistry(host!)) reader.refuse(key, `${key} = "${text}": ${host} is no HOST[:PORT]`)
  return text
}

function wildcardOf(reader: Reader): string {
  const text = reader.text('prefix')!
  return isRegistry(text.slice(2)) && !text.includes(':')
    ? text
    : reader.refuse('prefix', `prefix = "${text}": a wildcard is *.HOST, without port and path`)
}

// Which registries there are: containers-registries.conf(5), version 2, with its drop-ins, as one value.

import type { Host } from '../../engine/host.ts'
import { UserError } from '../../errors.ts'
import { list, readTextIfThere, stat } from '../../files.ts'
import { readTables, type Toml } from './registries-tables.ts'

export interface Mirror {
  /** `HOST[:PORT][/PATH]` in place of the table's prefix. */
  readonly location: string
  readonly insecure: boolean
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only'
}

/** One `[[registry]]`. */
export interface RegistryTable {
  /** What a name must start with: `HOST[:PORT][/PATH][:TAG|@DIGEST]` or `*.HOST`. */
  readonly prefix: string
  /** In place of the prefix; undefined, with a wildcard only, leaves names as they are. */
  readonly location?: string
  readonly insecure: boolean
  readonly blocked: boolean
  readonly mirrors: readonly Mirror[]
  /** `FILE:LINE`. */
  readonly place: string
}

export type ShortNameMode = 'enforcing' | 'permissive' | 'disabled'

export interface RegistriesConf {
  /** Where one looks, and what to tell somebody who has to write one. */
  readonly path: string
  /** Registries to try for a short name, in order. */
  readonly search: readonly string[]
  /** The file that says so. */
  readonly searchPath?: string
  readonly shortNameMode: ShortNameMode
  readonly registries: readonly RegistryTable[]
  /** Short names' meanings; an empty target takes an earlier one back. */
  readonly aliases: ReadonlyMap<string, { readonly target: string; readonly path: string }>
  /** `containers-auth.json` stands for the auth files. */
  readonly credentialHelpers: readonly string[]
}

/** What one file says; absent is not the same as empty. */
export type RegistriesPart = Partial<Omit<RegistriesConf, 'path' | 'searchPath'>>

export const authFilesHelper = 'containers-auth.json'
const systemDirectory = '/etc/containers'

/**
 * Reads the configuration that holds for the caller. A user's own `registries.conf` replaces the system's, drop-ins
 * included; without one, the system's, its drop-ins and the user's drop-ins hold in this order.
 *
 * @param directory - where the system keeps its configuration
 * @errors UserError `FILE:LINE: why` for a file that cannot be understood
 */
export async function readRegistriesConf(
  { kernel, environment, warn }: Pick<Host, 'kernel' | 'environment' | 'warn'>,
  directory = systemDirectory,
): Promise<RegistriesConf> {
  const { variables } = environment
  const home = environment.home ?? variables.HOME ?? '/'
  const own = `${home}/.config/containers/registries.conf`
  const asked = variables.CONTAINERS_REGISTRIES_CONF || undefined
  const ownHolds = asked === undefined && stat(kernel, own) !== undefined
  const path = asked ?? (ownHolds ? own : `${directory}/registries.conf`)
  const dropIns = [...(ownHolds ? [] : [`${directory}/registries.conf.d`]), `${own}.d`].flatMap((parent) =>
    list(kernel, parent)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => `${parent}/${name}`),
  )
  let conf: RegistriesConf = {
    path,
    search: [],
    shortNameMode: 'permissive',
    registries: [],
    aliases: new Map(),
    credentialHelpers: [authFilesHelper],
  }
  for (const file of [path, ...dropIns]) {
    const text = readTextIfThere(kernel, file, ['ENOENT', 'EISDIR'])
    if (text === undefined && file === asked)
      throw new UserError(`read ${file}, which CONTAINERS_REGISTRIES_CONF names: it is not there`)
    if (text !== undefined) conf = merged(conf, file, await parseRegistriesConf(text, file, warn))
  }
  return conf
}

/** What one file says. @errors UserError `FILE:LINE: why` */
export async function parseRegistriesConf(
  text: string,
  path: string,
  warn: (sentence: string) => void,
): Promise<RegistriesPart> {
  const { parse, TomlError } = await import('smol-toml')
  let document: Toml
  try {
    document = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const why = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
    throw new UserError(`${path}:${error.line}: this is no TOML: ${why}`)
  }
  return readTables({ path, text, document, warn })
}

/** A later file's lists replace an earlier one's; tables of the same prefix and aliases of the same name, one by one. */
function merged(conf: RegistriesConf, path: string, part: RegistriesPart): RegistriesConf {
  const newer = part.registries ?? []
  const older = conf.registries.filter(({ prefix }) => !newer.some((table) => table.prefix === prefix))
  return {
    path: conf.path,
    search: part.search ?? conf.search,
    searchPath: part.search === undefined ? conf.searchPath : path,
    shortNameMode: part.shortNameMode ?? conf.shortNameMode,
    registries: [...older, ...newer],
    aliases: new Map([...conf.aliases, ...(part.aliases ?? [])]),
    credentialHelpers: part.credentialHelpers?.length ? part.credentialHelpers : conf.credentialHelpers,
  }
}

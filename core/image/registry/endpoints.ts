// Where an image may be had, best first: mirrors and the place itself, as registries.conf says, with certificates and logins.

import type { Host } from '../../engine/host.ts'
import { UserError } from '../../errors.ts'
import { stat } from '../../files.ts'
import { type ImageName, isRegistry, parseName, printName, type WholeName, wholeName } from '../reference.ts'
import { certificatesFor } from './certs.ts'
import { findCredentials } from './credentials.ts'
import type { Credentials, Endpoint } from './endpoint.ts'
import { type RegistriesConf, type RegistryTable, readRegistriesConf } from './registries-conf.ts'

export interface EndpointOptions {
  /** `--tls-verify`, when it was given: it overrides `insecure` of the configuration. */
  readonly tlsVerify?: boolean
  /** `--authfile`: the only file in which credentials are looked for. */
  readonly authfile?: string
  /** `--creds`: for the registry that the name says, not for mirrors elsewhere. */
  readonly credentials?: Credentials
  /** `--cert-dir`: instead of the directories of containers-certs.d(5). */
  readonly certDir?: string
  /** Pushes go to where the name says, not to mirrors nor to another location. */
  readonly purpose?: 'pull' | 'push'
  /** The configuration, when it is at hand. */
  readonly conf?: RegistriesConf
}

export type EndpointHost = Pick<Host, 'kernel' | 'environment' | 'warn'>

/** How much of a name a table's prefix covers, in characters; undefined when it is for others. */
function coveredBy(prefix: string, name: string): number | undefined {
  if (prefix.startsWith('*.')) {
    const host = /^(?:\[[^\]]*\]|[^/:@]*)/.exec(name)![0]
    return host.endsWith(prefix.slice(1)) ? host.length : undefined
  }
  return name === prefix || (name.startsWith(prefix) && ':/@'.includes(name[prefix.length]!))
    ? prefix.length
    : undefined
}

/** The table with the longest prefix that covers a name: a registry, a repository or an image. */
export function findRegistry(conf: RegistriesConf, name: string): RegistryTable | undefined {
  return conf.registries
    .filter(({ prefix }) => coveredBy(prefix, name) !== undefined)
    .reduce<RegistryTable | undefined>(
      (best, table) => (best !== undefined && best.prefix.length >= table.prefix.length ? best : table),
      undefined,
    )
}

/** The name at another location: what a prefix covers is replaced. @errors UserError when that makes it no name */
function relocated(table: RegistryTable, location: string, name: WholeName): WholeName {
  const text = printName(name)
  const moved = location + text.slice(coveredBy(table.prefix, text)!)
  const slash = moved.indexOf('/')
  const { tag, digest, ...rest } = slash < 0 ? name : parseName(moved.slice(slash + 1))
  if (slash < 0 || !isRegistry(moved.slice(0, slash)) || tag !== name.tag || digest !== name.digest)
    throw new UserError(`${table.place}: ${text} would be ${moved}: only registry and repository can be replaced`)
  // The path's first part is no registry, though it may look like one.
  const repository = printName({ registry: rest.registry, repository: rest.repository })
  return { ...wholeName({ registry: moved.slice(0, slash), repository }, ''), tag, digest }
}

interface Place {
  readonly name: WholeName
  readonly insecure: boolean
  readonly mirror: boolean
}

/**
 * Where an image may be had, as names.
 *
 * @errors UserError when its registry is blocked
 */
export function placesOf(conf: RegistriesConf, name: WholeName, purpose: 'pull' | 'push' = 'pull'): Place[] {
  const table = findRegistry(conf, printName(name))
  if (table === undefined) return [{ name, insecure: false, mirror: false }]
  if (table.blocked)
    throw new UserError(`image ${printName(name)}: the registry ${table.prefix} is blocked, by ${table.place}`)
  const { insecure } = table
  if (purpose === 'push') return [{ name, insecure, mirror: false }]
  const kind = name.digest === undefined ? 'tag-only' : 'digest-only'
  const mirrors = table.mirrors
    .filter(({ pullFrom }) => pullFrom === 'all' || pullFrom === kind)
    .map((mirror) => ({ name: relocated(table, mirror.location, name), insecure: mirror.insecure, mirror: true }))
    .filter((place) => findRegistry(conf, printName(place.name))?.blocked !== true)
  const itself = table.location === undefined ? name : relocated(table, table.location, name)
  return [...mirrors, { name: itself, insecure, mirror: false }]
}

/**
 * Where an image may be had: mirrors in their order, then the place itself.
 *
 * @param name - with its registry
 * @errors UserError when the registry is blocked, and for configuration that cannot be understood
 */
export async function endpointsFor(
  host: EndpointHost,
  name: ImageName,
  options: EndpointOptions = {},
): Promise<Endpoint[]> {
  if (name.registry === undefined) throw new UserError(`image ${printName(name)}: the name says no registry`)
  const whole = wholeName(name, name.registry)
  if (options.authfile !== undefined && stat(host.kernel, options.authfile) === undefined)
    throw new UserError(`--authfile=${options.authfile}: it is not there; vitrine login makes it`)
  const conf = options.conf ?? (await readRegistriesConf(host))
  const endpoints: Endpoint[] = []
  for (const place of placesOf(conf, whole, options.purpose)) {
    try {
      endpoints.push(await endpointOf(host, conf, whole.registry, place, options))
    } catch (error) {
      // The place itself may do.
      if (!place.mirror || !(error instanceof UserError)) throw error
      host.warn(`mirror ${printName(place.name)} is left out: ${error.message}`)
    }
  }
  return endpoints
}

async function endpointOf(
  host: EndpointHost,
  conf: RegistriesConf,
  asked: string,
  { name, insecure: configured, mirror }: Place,
  options: EndpointOptions,
): Promise<Endpoint> {
  const { registry, repository } = name
  const insecure = options.tlsVerify === undefined ? configured : !options.tlsVerify
  const given = registry === asked ? options.credentials : undefined
  const credentials =
    given ?? (await findCredentials(host, `${registry}/${repository}`, { authfile: options.authfile, conf }))
  return {
    ...addressOf(registry),
    repository,
    tls: { verify: !insecure, ...certificatesFor(host, registry, options.certDir) },
    mirror,
    insecure,
    ...(credentials && { credentials }),
  }
}

/** Docker Hub's registry has another name than the one in image names. */
const addressOf = (registry: string): Pick<Endpoint, 'url' | 'registry'> => ({
  url: `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`,
  registry,
})

/**
 * Where one logs in to a registry, with these credentials or none.
 *
 * @param key - a registry, or a namespace or repository of one
 */
export async function loginEndpoint(host: EndpointHost, key: string, options: EndpointOptions = {}): Promise<Endpoint> {
  const conf = options.conf ?? (await readRegistriesConf(host))
  const table = findRegistry(conf, key)
  if (table?.blocked) throw new UserError(`login to ${key}: the registry ${table.prefix} is blocked, by ${table.place}`)
  const registry = key.split('/')[0]!
  const insecure = options.tlsVerify === undefined ? (table?.insecure ?? false) : !options.tlsVerify
  return {
    ...addressOf(registry),
    repository: '',
    tls: { verify: !insecure, ...certificatesFor(host, registry, options.certDir) },
    mirror: false,
    insecure,
    ...(options.credentials && { credentials: options.credentials }),
  }
}

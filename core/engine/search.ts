// search: which images registries have, and the tags of one. podman-search(1)

import { UserError } from '../errors.ts'
import { isRegistry } from '../image/reference.ts'
import { openRegistry } from '../image/registry/client.ts'
import { findCredentials } from '../image/registry/credentials.ts'
import { type EndpointOptions, endpointsFor, loginEndpoint } from '../image/registry/endpoints.ts'
import { type RegistriesConf, readRegistriesConf } from '../image/registry/registries-conf.ts'
import { type FoundRepository, searchRegistry } from '../image/registry/search.ts'
import { Session } from '../image/registry/session.ts'
import { resolveName } from '../image/registry/short-names.ts'
import type { Host } from './host.ts'

export interface SearchOptions {
  readonly access?: Pick<EndpointOptions, 'tlsVerify' | 'authfile' | 'certDir' | 'credentials'>
  /** Of each registry. */
  readonly limit: number
}

export interface FoundImage extends FoundRepository {
  readonly registry: string
}

/**
 * Repositories whose name has the term in it: in the registry that begins it, `quay.io/httpd` or `quay.io/` for all of it,
 * or else in those that registries.conf has to be searched.
 *
 * @errors UserError when no registry is named or configured, or none of them answers
 */
export async function searchImages(host: Host, text: string, options: SearchOptions): Promise<FoundImage[]> {
  const conf = await readRegistriesConf(host)
  const slash = text.indexOf('/')
  const named = slash > 0 && isRegistry(text.slice(0, slash)) ? text.slice(0, slash) : undefined
  const registries = named === undefined ? conf.search : [named]
  const term = named === undefined ? text : text.slice(slash + 1)
  if (registries.length === 0)
    throw new UserError(
      `search ${text}: no registry is named, and ${conf.searchPath ?? conf.path} has no unqualified-search-registries: write docker.io/${text}, or another registry`,
    )
  const found: FoundImage[] = []
  const failures: UserError[] = []
  for (const registry of registries) {
    try {
      const session = new Session(host, await endpointOf(host, conf, registry, options.access))
      const repositories = await searchRegistry(session, term, options.limit)
      found.push(...repositories.map((repository) => ({ ...repository, registry })))
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      failures.push(error)
    }
  }
  if (failures.length === registries.length) throw failures[0]!
  for (const { message } of failures) host.warn(message)
  return found
}

/** A registry as a whole; Docker Hub's search is at an address of its own. */
async function endpointOf(
  host: Host,
  conf: RegistriesConf,
  registry: string,
  access: SearchOptions['access'] = {},
): Promise<Session['endpoint']> {
  const { authfile } = access
  const credentials = access.credentials ?? (await findCredentials(host, registry, { authfile, conf }))
  const endpoint = await loginEndpoint(host, registry, { ...access, credentials, conf })
  return registry === 'docker.io' ? { ...endpoint, url: 'https://index.docker.io' } : endpoint
}

/**
 * The tags of a repository.
 *
 * @returns with its whole name
 * @errors UserError when no registry has it
 */
export async function remoteTags(
  host: Host,
  text: string,
  { access, limit }: SearchOptions,
): Promise<{ readonly name: string; readonly tags: readonly string[] }> {
  const { names } = await resolveName(host, text)
  let failure: unknown
  for (const name of names) {
    for (const endpoint of await endpointsFor(host, name, access)) {
      try {
        const tags = await openRegistry(host, endpoint).tags()
        return { name: `${name.registry}/${name.repository}`, tags: tags.slice(0, limit) }
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        failure ??= error
      }
    }
  }
  throw failure
}

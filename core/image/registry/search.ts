// Which repositories a registry has: by its search, as Docker Hub has one, or else by its catalog. Docker's index API
// (v1), "Search"; distribution's API, "Listing repositories", which the OCI spec leaves out.

import { UserError } from '../../errors.ts'
import { jsonObject } from '../documents.ts'
import { RegistryError } from './failure.ts'
import { pages } from './lists.ts'
import type { Session } from './session.ts'

export interface FoundRepository {
  /** Without the registry. */
  readonly repository: string
  readonly description: string
  readonly stars: number
  readonly official: boolean
  readonly automated: boolean
}

const answerLimitBytes = 4 << 20
const namesOfPage = 1000

interface SearchAnswer {
  readonly results?: readonly {
    readonly name?: unknown
    readonly description?: unknown
    readonly star_count?: unknown
    readonly is_official?: unknown
    readonly is_automated?: unknown
  }[]
}

/**
 * Repositories whose name has a term in it, at most so many.
 *
 * @param session - of a registry as a whole
 * @param term - empty: all, which only a catalog tells
 * @errors RegistryError when the registry has neither a search nor a catalog, or refuses
 */
export async function searchRegistry(session: Session, term: string, limit: number): Promise<FoundRepository[]> {
  if (term === '') return await fromCatalog(session, term, limit)
  try {
    return await fromIndex(session, term, limit)
  } catch (error) {
    // No answer at all is told as it is; with any other the registry just has no such search.
    const isUnreachable = error instanceof RegistryError && (error.status === 0 || error.status === 429)
    if (isUnreachable || !(error instanceof UserError) || session.endpoint.registry === 'docker.io') throw error
  }
  return await fromCatalog(session, term, limit)
}

async function fromIndex(session: Session, term: string, limit: number): Promise<FoundRepository[]> {
  const tried = `search ${session.endpoint.registry} for ${term}`
  const target = `/v1/search?q=${encodeURIComponent(term)}&n=${limit}`
  const { bytes } = await session.askWhole({ method: 'GET', target, tried }, [200], answerLimitBytes)
  const { results } = jsonObject<SearchAnswer>(bytes, tried)
  if (!Array.isArray(results)) throw new UserError(`${tried}: the answer has no results`)
  const found = (results as NonNullable<SearchAnswer['results']>).flatMap((result): FoundRepository[] => {
    if (typeof result?.name !== 'string') return []
    const { name, description, star_count, is_official, is_automated } = result
    return [
      {
        repository: session.endpoint.registry === 'docker.io' && !name.includes('/') ? `library/${name}` : name,
        description: typeof description === 'string' ? description : '',
        stars: typeof star_count === 'number' ? star_count : 0,
        official: is_official === true,
        automated: is_automated === true,
      },
    ]
  })
  return found.slice(0, limit)
}

async function fromCatalog(session: Session, term: string, limit: number): Promise<FoundRepository[]> {
  const tried = `list the repositories of ${session.endpoint.registry}`
  const call = {
    method: 'GET',
    target: `/v2/_catalog?n=${namesOfPage}`,
    scopes: ['registry:catalog:*'],
    tried,
  } as const
  const found: FoundRepository[] = []
  for await (const { bytes } of pages(session, call, [200])) {
    const { repositories } = jsonObject<{ repositories?: unknown }>(bytes, tried)
    for (const repository of Array.isArray(repositories) ? repositories : []) {
      if (typeof repository !== 'string' || !repository.includes(term)) continue
      found.push({ repository, description: '', stars: 0, official: false, automated: false })
      if (found.length === limit) return found
    }
  }
  return found
}

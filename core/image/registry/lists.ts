// Lists that a registry gives in pages: tags. OCI distribution spec, "Listing tags"; RFC 8288.

import { jsonObject } from '../documents.ts'
import { isTag } from '../reference.ts'
import type { Answer } from './exchange.ts'
import { secureTarget } from './exchange.ts'
import { RegistryError } from './failure.ts'
import type { Call, Session } from './session.ts'

const pageLimitBytes = 16 << 20
/** Of all pages together: more tags than anybody reads. */
const listLimitBytes = 64 << 20
const mostPages = 10_000
const tagsOfPage = 1000

/** @errors RegistryError when the repository is not there */
export async function listTags(session: Session): Promise<string[]> {
  const call: Call = {
    method: 'GET',
    target: `${session.path}/tags/list?n=${tagsOfPage}`,
    scopes: session.pull,
    tried: `list the tags of ${session.name}`,
  }
  const found: string[] = []
  for await (const { bytes } of pages(session, call, [200])) {
    const { tags } = jsonObject<{ tags?: unknown }>(bytes, call.tried)
    // Null where every tag was deleted. What cannot be a tag would be something else in a URL or on a terminal.
    if (Array.isArray(tags)) for (const tag of tags) if (typeof tag === 'string' && isTag(tag)) found.push(tag)
  }
  return found
}

/** An answer, and those that it says come next. */
export async function* pages(
  session: Session,
  call: Call,
  statuses: readonly number[],
): AsyncGenerator<{ readonly answer: Answer; readonly bytes: Uint8Array }> {
  const seen = new Set<string>()
  let lengthBytes = 0
  for (let target: string | undefined = call.target; target !== undefined; ) {
    if (seen.has(target) || seen.size === mostPages) {
      throw new RegistryError(`${call.tried}: its pages have no end`, 0, 'UNKNOWN')
    }
    seen.add(target)
    const page = await session.askWhole({ ...call, target }, statuses, pageLimitBytes)
    lengthBytes += page.bytes.length
    if (lengthBytes > listLimitBytes) {
      throw new RegistryError(`${call.tried}: its pages have more than ${listLimitBytes} bytes`, 0, 'UNKNOWN')
    }
    yield page
    const next = nextLink(page.answer.header('link') ?? '')
    const from = new URL(page.answer.url)
    target = next === undefined ? undefined : secureTarget(next, from, session.endpoint.insecure, call.tried).href
  }
}

/** The target of `<URL>; rel="next"` among the links of a header. */
export function nextLink(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(/<([^>]*)>((?:\s*;\s*\w+\*?\s*=\s*(?:"[^"]*"|[^\s,;"]+))*)/g)) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?![^\s,;]))/i.test(parameters!)) return target
  }
  return undefined
}

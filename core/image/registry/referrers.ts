// What refers to a manifest by its `subject` (signatures, SBOMs): from the API, or from the index that stands for it under
// the tag `sha256-HEX`. OCI distribution spec, "Listing Referrers", "Referrers Tag Schema".

import { UserError } from '../../errors.ts'
import { jsonObject } from '../documents.ts'
import { type Descriptor, type Index, mediaTypes } from '../manifest.ts'
import { digestHex } from '../reference.ts'
import { descriptorShape, list } from '../shape.ts'
import { isNotFound } from './failure.ts'
import { pages } from './lists.ts'
import { fetchManifest, putManifest } from './manifests.ts'
import type { Call, Session } from './session.ts'

/** @param artifactType - only those; all when absent */
export async function listReferrers(session: Session, digest: string, artifactType?: string): Promise<Descriptor[]> {
  digestHex(digest, `referrers of ${session.name}`)
  const filter = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`
  const call: Call = {
    method: 'GET',
    target: `${session.path}/referrers/${digest}${filter}`,
    headers: { accept: mediaTypes.ociIndex },
    scopes: session.pull,
    tried: `list the referrers of ${session.named(digest)}`,
  }
  const found: Descriptor[] = []
  for await (const { answer, bytes } of pages(session, call, [200, 404])) {
    if (answer.status === 404) return matching(await listedByTag(session, digest), artifactType)
    for (const descriptor of entriesOf(bytes, call.tried)) found.push(descriptor)
  }
  // Whether a registry filters is its own choice.
  return matching(found, artifactType)
}

/** Lists a manifest with its subject, for registries that do not. */
export async function addReferrer(session: Session, subject: string, referrer: Descriptor): Promise<void> {
  const before = await listedByTag(session, subject)
  if (before.some(({ digest }) => digest === referrer.digest)) return
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...before, referrer] }
  await putManifest(session, tagOf(subject), new TextEncoder().encode(JSON.stringify(index)), mediaTypes.ociIndex)
}

async function listedByTag(session: Session, digest: string): Promise<readonly Descriptor[]> {
  try {
    const { bytes } = await fetchManifest(session, tagOf(digest), [mediaTypes.ociIndex])
    return entriesOf(bytes, `referrers of ${session.named(digest)}`)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

function entriesOf(bytes: Uint8Array, what: string): readonly Descriptor[] {
  const { manifests } = jsonObject<Partial<Index>>(bytes, what)
  const wrong = list(descriptorShape)(manifests, 'manifests')
  if (wrong !== undefined) throw new UserError(`${what}: ${wrong}`)
  return manifests ?? []
}

function matching(list: readonly Descriptor[], artifactType: string | undefined): Descriptor[] {
  return list.filter((descriptor) => artifactType === undefined || descriptor.artifactType === artifactType)
}

function tagOf(digest: string): string {
  return digest.replace(':', '-').slice(0, 128)
}

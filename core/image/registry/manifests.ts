// Manifests and indexes of a repository: fetched, asked for, put. OCI distribution spec, "Pulling manifests", "Pushing manifests".

import { UserError } from '../../errors.ts'
import { checkDigest, documentLimitBytes, jsonObject, shaHex } from '../documents.ts'
import { type Descriptor, type Manifest, mediaTypes } from '../manifest.ts'
import { digestHex, isTag } from '../reference.ts'
import type { FetchedManifest, ManifestHead } from './client.ts'
import { discard } from './exchange.ts'
import { RegistryError } from './failure.ts'
import type { Call, Session } from './session.ts'

const { ociIndex, dockerList, ociManifest, dockerManifest } = mediaTypes
const understood = [ociIndex, dockerList, ociManifest, dockerManifest]

/** @errors RegistryError when there is none, UserError when it is longer than 4 MiB or not what its digest says */
export async function fetchManifest(
  session: Session,
  reference: string,
  accept: readonly string[] = understood,
): Promise<FetchedManifest> {
  const call = manifestCall(session, 'GET', reference, accept)
  const { tried } = call
  const { answer, bytes } = await session.askWhole(call, [200], documentLimitBytes)
  const mediaType =
    bareType(answer.header('content-type')) ?? String(jsonObject<{ mediaType?: unknown }>(bytes, tried).mediaType ?? '')
  if (/vnd\.docker\.distribution\.manifest\.v1\+/.test(mediaType)) {
    throw new RegistryError(
      `${tried}: it is kept in Docker's schema 1, which has no digests of the content; push it again with a newer tool`,
      0,
      'UNSUPPORTED',
    )
  }
  const archive = await session.archive()
  if (isDigest(reference)) checkDigest(archive, bytes, reference, tried)
  const said = answer.header('docker-content-digest')
  if (said?.startsWith('sha256:') && said !== reference) checkDigest(archive, bytes, said, tried)
  return { bytes, mediaType, digest: `sha256:${shaHex(archive, bytes)}` }
}

/** @errors RegistryError for refusals, not for a manifest that is not there */
export async function headManifest(
  session: Session,
  reference: string,
  accept: readonly string[] = understood,
): Promise<ManifestHead | undefined> {
  const answer = await session.ask(manifestCall(session, 'HEAD', reference, accept), [200, 404])
  await discard(answer)
  if (answer.status === 404) return undefined
  const length = answer.header('content-length')
  return {
    mediaType: bareType(answer.header('content-type')),
    digest: answer.header('docker-content-digest'),
    sizeBytes: length === undefined ? undefined : Number(length),
  }
}

export interface PutManifest {
  readonly digest: string
  /** There is a subject, and the registry does not say that it lists what refers to it: that is left to us. */
  readonly unlisted?: { readonly subject: string; readonly referrer: Descriptor }
}

/** @errors RegistryError when the registry refuses it, or keeps something else */
export async function putManifest(
  session: Session,
  reference: string,
  bytes: Uint8Array,
  mediaType: string,
): Promise<PutManifest> {
  const tried = `push ${session.named(reference)}`
  const archive = await session.archive()
  const digest = `sha256:${shaHex(archive, bytes)}`
  if (isDigest(reference)) checkDigest(archive, bytes, reference, tried)
  const { subject, artifactType, config, annotations } = jsonObject<Partial<Manifest>>(bytes, tried)
  if (subject) digestHex(subject.digest, `${tried}: subject`)
  const answer = await session.ask(
    {
      method: 'PUT',
      target: manifestPath(session, reference, tried),
      headers: { 'content-type': mediaType },
      body: () => bytes,
      scopes: session.push,
      tried,
    },
    [201, 200, 202],
  )
  await discard(answer)
  const said = answer.header('docker-content-digest')
  if (said?.startsWith('sha256:') && said !== digest) {
    throw new RegistryError(
      `${tried}: the registry keeps it as ${said}, not ${digest}: it has changed it`,
      0,
      'DIGEST_INVALID',
    )
  }
  if (!subject || answer.header('oci-subject') !== undefined) return { digest }
  const referrer = {
    mediaType,
    digest,
    size: bytes.length,
    artifactType: artifactType ?? config?.mediaType,
    annotations,
  }
  return { digest, unlisted: { subject: subject.digest, referrer } }
}

/** A tag or a digest: whatever else documents of others say would lead elsewhere in the registry, with our login. */
function manifestPath(session: Session, reference: string, tried: string): string {
  if (isDigest(reference)) digestHex(reference, tried)
  else if (!isTag(reference)) throw new UserError(`${tried}: this is neither a tag nor a digest`)
  return `${session.path}/manifests/${reference}`
}

function manifestCall(session: Session, method: 'GET' | 'HEAD', reference: string, accept: readonly string[]): Call {
  return {
    method,
    target: manifestPath(session, reference, `pull ${session.named(reference)}`),
    headers: { accept: accept.join(', ') },
    scopes: session.pull,
    tried: `pull ${session.named(reference)}`,
  }
}

function isDigest(reference: string): boolean {
  return reference.includes(':')
}

/** A media type without parameters; those of files in general say nothing. */
function bareType(header: string | undefined): string | undefined {
  const type = (header ?? '').replace(/;.*/s, '').trim().toLowerCase()
  return /^$|^(?:text\/plain|application\/(?:json|octet-stream))$/.test(type) ? undefined : type
}

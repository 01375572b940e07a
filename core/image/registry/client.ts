// A registry as the rest of the program sees it: manifests, blobs, tags and referrers of one repository. OCI distribution spec 1.1.

import type { Host } from '../../engine/host.ts'
import type { Descriptor } from '../manifest.ts'
import { download } from './download.ts'
import type { Endpoint } from './endpoint.ts'
import { discard } from './exchange.ts'
import { isDenied, RegistryError } from './failure.ts'
import { listTags } from './lists.ts'
import { fetchManifest, headManifest, putManifest } from './manifests.ts'
import { addReferrer, listReferrers } from './referrers.ts'
import { Session } from './session.ts'
import { hasBlob, mountBlob, uploadBlob } from './upload.ts'

export interface FetchedManifest {
  readonly bytes: Uint8Array
  readonly mediaType: string
  /** `sha256:HEX` of the bytes. */
  readonly digest: string
}

export interface ManifestHead {
  readonly mediaType?: string
  readonly digest?: string
  readonly sizeBytes?: number
}

export interface BlobSource {
  readonly digest: string
  readonly sizeBytes: number
  /** The bytes from an offset on; called again from where a broken upload has to go on. */
  readonly open: (offsetBytes: number) => AsyncIterable<Uint8Array>
}

export interface BlobRequest {
  readonly digest: string
  readonly sizeBytes: number
  /** Where a foreign layer may be had if the registry does not keep it. */
  readonly urls?: readonly string[]
}

export interface UploadOptions {
  /** Sends the blob in portions of at most so many bytes; absent, as one, or in portions if the registry refuses its size. */
  readonly chunkBytes?: number
  readonly onProgress?: (doneBytes: number) => void
}

export type RegistryDeps = Pick<Host, 'http' | 'archive' | 'sleep' | 'now' | 'randomBytes' | 'warn'>

/** All methods: @errors RegistryError when the registry refuses, UserError when it cannot be reached or sends what was not asked for. */
export interface RegistryClient {
  readonly endpoint: Endpoint
  /** @param reference - a tag or a digest; @param accept - media types; absent: manifests and indexes of OCI and Docker */
  readonly manifest: (reference: string, accept?: readonly string[]) => Promise<FetchedManifest>
  /** Undefined when there is none. */
  readonly headManifest: (reference: string, accept?: readonly string[]) => Promise<ManifestHead | undefined>
  /** Bytes as they come, with broken connections mended; throws before the last piece is given when size or digest differ. */
  readonly blob: (request: BlobRequest) => AsyncIterable<Uint8Array>
  readonly hasBlob: (digest: string) => Promise<boolean>
  /** Whether the registry has taken the blob over from another of its repositories. */
  readonly mountBlob: (digest: string, fromRepository: string) => Promise<boolean>
  readonly uploadBlob: (source: BlobSource, options?: UploadOptions) => Promise<void>
  /** Answers the digest. */
  readonly putManifest: (reference: string, bytes: Uint8Array, mediaType: string) => Promise<string>
  readonly tags: () => Promise<string[]>
  /** What refers to a manifest by its `subject`, from the API or else from the tag that stands for it. */
  readonly referrers: (digest: string, artifactType?: string) => Promise<Descriptor[]>
  /** @errors RegistryError with status 401 when the credentials are refused */
  readonly checkLogin: () => Promise<void>
}

/** Nothing is sent before the first question. What is learned (tokens, https or http) is kept as long as the client. */
export function openRegistry(deps: RegistryDeps, endpoint: Endpoint): RegistryClient {
  const session = new Session(deps, endpoint)
  return {
    endpoint,
    manifest: (reference, accept) => fetchManifest(session, reference, accept),
    headManifest: (reference, accept) => headManifest(session, reference, accept),
    blob: (request) => download(session, request),
    hasBlob: (digest) => hasBlob(session, digest),
    mountBlob: (digest, fromRepository) => mountBlob(session, digest, fromRepository),
    uploadBlob: (source, options) => uploadBlob(session, source, options),
    putManifest: async (reference, bytes, mediaType) => {
      const { digest, unlisted } = await putManifest(session, reference, bytes, mediaType)
      if (unlisted) await addReferrer(session, unlisted.subject, unlisted.referrer)
      return digest
    },
    tags: () => listTags(session),
    referrers: (digest, artifactType) => listReferrers(session, digest, artifactType),
    checkLogin: () => checkLogin(session),
  }
}

// GET /v2/ is what every registry answers to whom it knows.
async function checkLogin(session: Session): Promise<void> {
  const { registry, credentials } = session.endpoint
  const tried = `log in to ${registry}`
  try {
    await discard(await session.ask({ method: 'GET', target: '/v2/', tried }, [200]))
  } catch (error) {
    if (!isDenied(error)) throw error
    const why = credentials === undefined ? 'a name and a password are needed' : 'the name or the password is wrong'
    throw new RegistryError(`${tried}: ${why}`, error.status, error.code)
  }
}

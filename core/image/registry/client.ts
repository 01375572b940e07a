// A registry as the rest of the program sees it: manifests, blobs, tags and referrers of one repository. OCI distribution spec 1.1.

import type { Host } from '../../engine/host.ts'
import type { Descriptor } from '../manifest.ts'
import type { Endpoint } from './endpoint.ts'

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

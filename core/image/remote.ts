// An image in a registry, ready to be brought in: its documents are fetched, or taken from the store when they are here.

import { UserError } from '../errors.ts'
import { readBytes, stat } from '../files.ts'
import type { Archive, ImageHost } from './archive.ts'
import { documentLimitBytes, shaHex } from './documents.ts'
import type { Descriptor } from './manifest.ts'
import type { WantedPlatform } from './platform.ts'
import type { RegistryClient } from './registry/client.ts'
import { type Contents, resolveImage } from './resolve.ts'
import type { SourceImage } from './source.ts'
import { blobPath, listImages } from './store.ts'

type Reader = Pick<ImageHost, 'kernel' | 'root'>

/** What is asked of a registry. */
export interface RemoteReference {
  /** The repository as names have it, `docker.io/library/httpd`; a mirror calls it otherwise. */
  readonly repository: string
  /** `sha256:` and digits for a digest, otherwise a tag. */
  readonly reference: string
}

export const isDigest = (reference: string): boolean => reference.includes(':')

/** `docker.io/library/httpd:2.4`, `docker.io/library/httpd@sha256:…`. */
export const referenceText = ({ repository, reference }: RemoteReference): string =>
  `${repository}${isDigest(reference) ? '@' : ':'}${reference}`

/**
 * @returns with the name when it was asked for by tag, and with `repository@digest` of its manifest and index
 * @errors UserError, RegistryError
 */
export async function remoteImage(
  host: Reader,
  archive: Archive,
  client: RegistryClient,
  wanted: RemoteReference,
  platform: WantedPlatform,
): Promise<SourceImage> {
  const { repository, reference } = wanted
  const title = referenceText(wanted)
  const top = await topOf(host, archive, client, wanted)
  const image = await resolveImage(archive, contentsOf(host, archive, client, title), top, platform)
  const digests = new Set([top.digest, ...(image.isArtifact ? [] : [`sha256:${image.manifest!.hex}`])])
  return {
    ...image,
    names: isDigest(reference) ? [] : [title],
    repoDigests: [...digests].map((digest) => `${repository}@${digest}`),
  }
}

/**
 * What a reference stands for now. Where something of the repository is here, the digest alone is asked for first: the
 * document is most likely here as well, and a HEAD is not counted as a pull.
 */
async function topOf(
  host: Reader,
  archive: Archive,
  client: RegistryClient,
  { repository, reference }: RemoteReference,
): Promise<{ readonly digest: string; readonly mediaType?: string; readonly bytes?: Uint8Array }> {
  if (isDigest(reference)) {
    const bytes = ownBlob(host, archive, reference)
    return bytes ? { digest: reference, bytes } : await client.manifest(reference)
  }
  const known = listImages(host).some(({ names, repoDigests }) =>
    [...names, ...repoDigests].some((name) => name.startsWith(`${repository}:`) || name.startsWith(`${repository}@`)),
  )
  const head = known ? await client.headManifest(reference) : undefined
  const bytes = head?.digest === undefined ? undefined : ownBlob(host, archive, head.digest)
  return bytes ? { digest: head!.digest!, bytes } : await client.manifest(reference)
}

/** A document of the store; undefined when it is not here or damaged, so that it is fetched. */
function ownBlob({ kernel, root }: Reader, archive: Archive, digest: string): Uint8Array | undefined {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1]
  if (hex === undefined || (stat(kernel, blobPath(root, hex))?.size ?? documentLimitBytes + 1) > documentLimitBytes)
    return undefined
  const bytes = readBytes(kernel, blobPath(root, hex))
  return shaHex(archive, bytes) === hex ? bytes : undefined
}

function contentsOf(host: Reader, archive: Archive, client: RegistryClient, title: string): Contents {
  return {
    title,
    manifest: async ({ digest }) => ownBlob(host, archive, digest) ?? (await client.manifest(digest)).bytes,
    config: async (descriptor) =>
      ownBlob(host, archive, descriptor.digest) ?? (await collected(client, descriptor, `${title}: configuration`)),
    layer: ({ digest, size, urls }) => client.blob({ digest, sizeBytes: size, urls }),
  }
}

async function collected(client: RegistryClient, { digest, size }: Descriptor, what: string): Promise<Uint8Array> {
  if (!Number.isSafeInteger(size) || size < 0 || size > documentLimitBytes)
    throw new UserError(`${what}: its size ${size} is none, or more than ${documentLimitBytes} bytes`)
  const whole = new Uint8Array(size)
  let at = 0
  for await (const part of client.blob({ digest, sizeBytes: size })) {
    if (at + part.length > size) throw new UserError(`${what}: it has more than ${size} bytes`)
    whole.set(part, at)
    at += part.length
  }
  return whole.subarray(0, at)
}

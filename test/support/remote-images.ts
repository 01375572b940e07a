// Images of every kind made in memory, and put into a registry without any client: by the distribution spec, with fetch.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type Descriptor, type Manifest, mediaTypes } from '../../core/image/manifest.ts'
import type { Execution } from '../fixtures/oci.ts'
import type { Registry } from './registry.ts'

export interface RemoteImage {
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** `sha256:HEX` of the bytes. */
  readonly digest: string
  /** What must be there first: blobs by digest, and, of an index, the manifests. */
  readonly blobs: ReadonlyMap<string, Uint8Array>
  readonly manifests: readonly RemoteImage[]
}

export interface ImageSpec {
  /** Uncompressed tars, lowest first; or blobs with their types, diff ids and, for foreign ones, places. */
  readonly layers: readonly (Uint8Array | RemoteLayer)[]
  readonly config?: Execution
  readonly format?: 'oci' | 'docker'
  readonly compression?: 'gzip' | 'zstd' | 'none'
  readonly os?: string
  readonly architecture?: string
  /** In place of an image configuration: an artifact. */
  readonly artifactType?: string
}

export interface RemoteLayer {
  readonly blob: Uint8Array
  readonly diffId: string
  readonly mediaType: string
  readonly urls?: readonly string[]
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

export const hostArchitecture = process.arch === 'x64' ? 'amd64' : process.arch

export function makeImage(spec: ImageSpec): RemoteImage {
  const { format = 'oci', compression = 'gzip' } = spec
  const blobs = new Map<string, Uint8Array>()
  const add = (mediaType: string, blob: Uint8Array): Descriptor => {
    const digest = digestOf(blob)
    blobs.set(digest, blob)
    return { mediaType, digest, size: blob.length }
  }
  const layers = spec.layers.map((layer) => ('blob' in layer ? layer : compressed(layer, format, compression)))
  const descriptors = layers.map(({ blob, mediaType, urls }): Descriptor => {
    if (urls === undefined) return add(mediaType, blob)
    return { mediaType, digest: digestOf(blob), size: blob.length, urls }
  })
  const config =
    spec.artifactType === undefined
      ? add(format === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig, configuration(spec, layers))
      : add('application/vnd.oci.empty.v1+json', json({}))
  const mediaType = format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest
  const { artifactType } = spec
  const bytes = json({ schemaVersion: 2, mediaType, artifactType, config, layers: descriptors })
  return { mediaType, bytes, digest: digestOf(bytes), blobs, manifests: [] }
}

function compressed(tar: Uint8Array, format: 'oci' | 'docker', compression: 'gzip' | 'zstd' | 'none'): RemoteLayer {
  const diffId = digestOf(tar)
  const plain = format === 'oci' ? mediaTypes.ociLayer : mediaTypes.dockerLayer
  if (compression === 'none') return { blob: tar, diffId, mediaType: plain }
  if (compression === 'zstd') return { blob: zstdCompressSync(tar), diffId, mediaType: mediaTypes.ociLayerZstd }
  const mediaType = format === 'oci' ? mediaTypes.ociLayerGzip : 'application/vnd.docker.image.rootfs.diff.tar.gzip'
  return { blob: gzipSync(tar, { level: 6 }), diffId, mediaType }
}

function configuration(spec: ImageSpec, layers: readonly RemoteLayer[]): Uint8Array {
  return json({
    created: '1970-01-01T00:00:00Z',
    architecture: spec.architecture ?? hostArchitecture,
    os: spec.os ?? 'linux',
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  })
}

export interface PlatformImage {
  readonly image: RemoteImage
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string }
}

export function makeIndex(images: readonly PlatformImage[], format: 'oci' | 'docker' = 'oci'): RemoteImage {
  const mediaType = format === 'oci' ? mediaTypes.ociIndex : mediaTypes.dockerList
  const manifests = images.map(({ image, platform }) => ({
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.bytes.length,
    platform,
  }))
  const bytes = json({ schemaVersion: 2, mediaType, manifests })
  return { mediaType, bytes, digest: digestOf(bytes), blobs: new Map(), manifests: images.map(({ image }) => image) }
}

/** Uploads what an image needs and then its manifest, under a tag or, without one, its digest. */
export async function putImage(
  registry: Pick<Registry, 'url' | 'user' | 'password'>,
  repository: string,
  image: RemoteImage,
  reference = image.digest,
): Promise<void> {
  const { url, user, password } = registry
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const headers = user === undefined ? {} : { authorization }
  const base = `${url}/v2/${repository}`
  for (const [digest, blob] of image.blobs) {
    if ((await fetch(`${base}/blobs/${digest}`, { method: 'HEAD', headers })).ok) continue
    const begun = await done(fetch(`${base}/blobs/uploads/`, { method: 'POST', headers }))
    const location = `${new URL(begun.headers.get('location')!, url)}`
    const finish = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
    const type = { 'content-type': 'application/octet-stream' }
    await done(fetch(finish, { method: 'PUT', headers: { ...headers, ...type }, body: Buffer.from(blob) }))
  }
  for (const manifest of image.manifests) await putImage(registry, repository, manifest)
  const type = { 'content-type': image.mediaType }
  const body = Buffer.from(image.bytes)
  await done(fetch(`${base}/manifests/${reference}`, { method: 'PUT', headers: { ...headers, ...type }, body }))
}

async function done(sent: Promise<Response>): Promise<Response> {
  const response = await sent
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`)
  return response
}

/** The only image of an OCI archive. */
export function readArchive(path: string): RemoteImage {
  const read = (name: string) => execFileSync('tar', ['-xOf', path, name], { maxBuffer: 2 ** 30 })
  const blob = (digest: string) => new Uint8Array(read(`blobs/${digest.replace(':', '/')}`))
  const [{ digest, mediaType }] = JSON.parse(read('index.json').toString('utf8')).manifests
  const bytes = blob(digest)
  const { config, layers }: Manifest = JSON.parse(new TextDecoder().decode(bytes))
  const blobs = new Map([config, ...layers].map((part) => [part.digest, blob(part.digest)]))
  return { mediaType, bytes, digest, blobs, manifests: [] }
}

/** The same image with other settings for its containers; without those it had. */
export function reconfigured(image: RemoteImage, config: Execution): RemoteImage {
  const manifest: Manifest = JSON.parse(new TextDecoder().decode(image.bytes))
  const old = image.blobs.get(manifest.config.digest)!
  const blob = json({ ...JSON.parse(new TextDecoder().decode(old)), config })
  const bytes = json({ ...manifest, config: { ...manifest.config, digest: digestOf(blob), size: blob.length } })
  const blobs = new Map([...image.blobs].filter(([digest]) => digest !== manifest.config.digest))
  return { ...image, bytes, digest: digestOf(bytes), blobs: blobs.set(digestOf(blob), blob) }
}

/** Its layers, to be put into another image. */
export function layersOf(image: RemoteImage): RemoteLayer[] {
  const { config, layers }: Manifest = JSON.parse(new TextDecoder().decode(image.bytes))
  const { rootfs } = JSON.parse(new TextDecoder().decode(image.blobs.get(config.digest)))
  return layers.map(({ digest, mediaType }, index) => ({
    blob: image.blobs.get(digest)!,
    diffId: rootfs.diff_ids[index],
    mediaType,
  }))
}

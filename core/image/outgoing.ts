// An image as it leaves for a registry: as it came, or with layers compressed and media types of the other format. OCI
// image spec 1.1, manifest.md, layer.md; Docker's image manifest version 2, schema 2.

import { UserError } from '../errors.ts'
import { close, O, open, stat, writeAll } from '../files.ts'
import { type Archive, type Compression, compressionOf, type ImageHost } from './archive.ts'
import { fileBytes } from './bring-layer.ts'
import { isForeign, shaHex } from './documents.ts'
import { pieces } from './layout.ts'
import { type Descriptor, type Manifest, mediaTypes } from './manifest.ts'
import { digestHex } from './reference.ts'
import type { BlobSource } from './registry/client.ts'
import { blobPath, draftsDirectory } from './store.ts'

export type ManifestFormat = 'oci' | 'v2s2'

export interface OutgoingOptions {
  /** Absent: that of the manifest as it came. */
  readonly format?: ManifestFormat
  /** Of every layer; absent: compressed layers stay as they are, the others are compressed with gzip. */
  readonly compression?: 'gzip' | 'zstd'
  /** zlib's or zstd's own; absent: their default. */
  readonly level?: number
}

export interface OutgoingLayer {
  readonly descriptor: Descriptor
  /** Absent: the layer is not to be pushed, its `urls` say where it is. */
  readonly source?: BlobSource
  /** Gives back what a newly compressed layer takes. */
  readonly end: () => void
}

type Reader = Pick<ImageHost, 'kernel' | 'root'>

export function formatOf({ mediaType, config }: Pick<Manifest, 'mediaType' | 'config'>): ManifestFormat {
  const docker = mediaType === mediaTypes.dockerManifest || (!mediaType && config.mediaType === mediaTypes.dockerConfig)
  return docker ? 'v2s2' : 'oci'
}

/** @errors UserError when the format knows no such compression */
export function checkOutgoing({ format, compression }: OutgoingOptions, manifest: Manifest): void {
  if (compression === 'zstd' && (format ?? formatOf(manifest)) === 'v2s2')
    throw new UserError('--compression-format=zstd: manifests of the format v2s2 have no name for it; add --format=oci')
}

/** A blob of the store. @errors UserError when it is gone */
export function storedBlob(host: Reader, digest: string): BlobSource {
  const path = blobPath(host.root, digestHex(digest, 'a blob of the store'))
  const found = stat(host.kernel, path)
  if (found === undefined) throw new UserError(`read ${path}: it is gone: get the image again`)
  const open_ = (offsetBytes: number) => fileBytes(host, path, offsetBytes)
  return { digest, sizeBytes: found.size, open: open_ }
}

/**
 * One layer, compressed as wanted. What is compressed here lies in a file without a name until `end`, never as a whole in
 * memory, and is the same each time.
 */
export async function outgoingLayer(
  host: Reader,
  archive: Archive,
  layer: Descriptor,
  format: ManifestFormat,
  options: OutgoingOptions,
): Promise<OutgoingLayer> {
  const path = blobPath(host.root, digestHex(layer.digest, 'a layer'))
  const foreign = isForeign(layer)
  if (foreign && layer.urls?.length) {
    const is: Compression = /zstd/.test(layer.mediaType) ? 'zstd' : /gzip/.test(layer.mediaType) ? 'gzip' : 'none'
    if (is === 'zstd' && format === 'v2s2')
      throw new UserError(`layer ${layer.digest}: manifests of the format v2s2 have no name for its compression, zstd`)
    return { descriptor: { ...layer, mediaType: layerType(format, is, true) }, end: () => {} }
  }
  const stored = storedBlob(host, layer.digest)
  const is = await compressionAt(host, path)
  const wanted = options.compression ?? (is === 'none' || (is === 'zstd' && format === 'v2s2') ? 'gzip' : is)
  if (is === wanted) {
    return { descriptor: { ...layer, mediaType: layerType(format, is, foreign) }, source: stored, end: () => {} }
  }
  const spooled = await spool(
    host,
    archive,
    archive.compress(archive.decompress(stored.open(0), is), wanted, options.level),
  )
  const { source } = spooled
  const descriptor = { mediaType: layerType(format, wanted, foreign), digest: source.digest, size: source.sizeBytes }
  return { descriptor, ...spooled }
}

async function compressionAt(host: Reader, path: string): Promise<Compression> {
  for await (const part of fileBytes(host, path)) return compressionOf(part)
  return 'none'
}

/** open(2), O_TMPFILE. */
async function spool({ kernel, root }: Reader, archive: Archive, bytes: AsyncIterable<Uint8Array>) {
  const O_TMPFILE = 0o20000000 | O.DIRECTORY
  const fd = open(kernel, draftsDirectory(root), O.RDWR | O_TMPFILE, 0o600)
  try {
    const hash = archive.sha256()
    let sizeBytes = 0
    for await (const part of bytes) {
      hash.update(part)
      sizeBytes += part.length
      writeAll(kernel, fd, part, 'a compressed layer')
    }
    const open_ = (offsetBytes: number) => pieces(kernel, fd, offsetBytes, sizeBytes - offsetBytes)
    return { source: { digest: `sha256:${hash.hex()}`, sizeBytes, open: open_ }, end: () => close(kernel, fd) }
  } catch (error) {
    close(kernel, fd)
    throw error
  }
}

function layerType(format: ManifestFormat, compression: Compression, foreign: boolean): string {
  if (format === 'oci') {
    const plain = foreign ? 'application/vnd.oci.image.layer.nondistributable.v1.tar' : mediaTypes.ociLayer
    return compression === 'none' ? plain : `${plain}+${compression}`
  }
  const plain = foreign ? 'application/vnd.docker.image.rootfs.foreign.diff.tar' : mediaTypes.dockerLayer
  return compression === 'none' ? plain : `${plain}.gzip`
}

/**
 * The manifest for the layers as they leave; the very bytes that came where nothing is different.
 *
 * @param came - the manifest and its bytes
 */
export function outgoingManifest(
  archive: Archive,
  came: { readonly manifest: Manifest; readonly bytes: Uint8Array },
  layers: readonly Descriptor[],
  format: ManifestFormat,
): { readonly bytes: Uint8Array; readonly mediaType: string; readonly digest: string } {
  const { manifest } = came
  const mediaType = format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest
  const same = layers.every(({ digest }, index) => digest === manifest.layers[index]!.digest)
  if (same && formatOf(manifest) === format)
    return { bytes: came.bytes, mediaType: manifest.mediaType ?? mediaType, digest: digestOf(archive, came.bytes) }
  const config = { ...manifest.config, mediaType: format === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig }
  const plain = ({ mediaType, digest, size, urls }: Descriptor): Descriptor => ({
    mediaType,
    digest,
    size,
    ...(urls ? { urls } : {}),
  })
  const made: Manifest =
    format === 'oci'
      ? { ...manifest, mediaType, config, layers }
      : // Docker's format knows neither annotations nor subjects.
        { schemaVersion: 2, mediaType, config: plain(config), layers: layers.map(plain) }
  const bytes = new TextEncoder().encode(JSON.stringify(made))
  return { bytes, mediaType, digest: digestOf(archive, bytes) }
}

const digestOf = (archive: Archive, bytes: Uint8Array): string => `sha256:${shaHex(archive, bytes)}`

// An image put together here: a new layer written beside the store, a configuration, and the manifest of both.

import { ask, close, O, open, writeAll } from '../files.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { Archive, ImageHost } from './archive.ts'
import { fileBytes } from './bring-layer.ts'
import { shaHex } from './documents.ts'
import { type Descriptor, type Manifest, mediaTypes } from './manifest.ts'
import type { SourceImage, SourceLayer } from './source.ts'
import { blobPath, draftsDirectory, type ImageRecord, imageManifest } from './store.ts'

export type ImageFormat = 'oci' | 'docker'

/**
 * Writes a tar to a draft, to be brought in: its digest must be known before. The caller is inside `withImport`, which
 * removes what is not brought in.
 *
 * @param name - of the draft: one of its own
 */
export async function draftLayer(
  host: ImageHost,
  archive: Archive,
  name: string,
  tar: AsyncIterable<Uint8Array>,
): Promise<SourceLayer & { readonly tarBytes: number }> {
  const { kernel } = host
  const pid = ask(kernel, { name: 'getpid' }, 'getpid').value
  const path = `${draftsDirectory(host.root)}/${name}.${pid}.tar`
  const hash = archive.sha256()
  const fd = open(kernel, path, O.WRONLY | O.CREAT | O.TRUNC, 0o600)
  let tarBytes = 0
  try {
    for await (const part of tar) {
      hash.update(part)
      tarBytes += part.length
      writeAll(kernel, fd, part, path)
    }
  } finally {
    close(kernel, fd)
  }
  return { diffId: hash.hex(), tarBytes, open: () => fileBytes(host, path) }
}

/** The layers of an image of the store, to be shared by another. */
export function layersOf(host: ImageHost, image: ImageRecord): SourceLayer[] {
  const { layers } = imageManifest(host, image)
  return image.layers.map(({ diffId }, index): SourceLayer => {
    const { digest, size, mediaType } = layers[index]!
    const hex = digest.slice('sha256:'.length)
    return { diffId, blob: { hex, sizeBytes: size, mediaType }, open: () => fileBytes(host, blobPath(host.root, hex)) }
  })
}

/** A layer's media type in the other vocabulary, if need be. Docker knows no zstd; its tools read it by this name. */
export function layerType(mediaType: string, format: ImageFormat): string {
  const suffix = /zstd/.test(mediaType) ? 'zstd' : /gzip/.test(mediaType) ? 'gzip' : ''
  const [plain, joint] = format === 'oci' ? [mediaTypes.ociLayer, '+'] : [mediaTypes.dockerLayer, '.']
  return suffix === '' ? plain : `${plain}${joint}${suffix}`
}

/** @param layers - lowest first; those without a blob are drafts */
export function composeImage(
  archive: Archive,
  config: Omit<ImageConfig, 'rootfs'>,
  layers: readonly (SourceLayer & { readonly tarBytes?: number })[],
  format: ImageFormat,
): SourceImage {
  const whole: ImageConfig = {
    ...config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => `sha256:${diffId}`) },
  }
  const configBytes = json(whole)
  const id = shaHex(archive, configBytes)
  const docker = format === 'docker'
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
    config: {
      mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
      digest: `sha256:${id}`,
      size: configBytes.length,
    },
    layers: layers.map(
      ({ diffId, blob, tarBytes = 0 }): Descriptor => ({
        mediaType: layerType(blob?.mediaType ?? '', format),
        digest: `sha256:${blob?.hex ?? diffId}`,
        size: blob?.sizeBytes ?? tarBytes,
      }),
    ),
  }
  const bytes = json(manifest)
  return { id, config: whole, configBytes, manifest: { hex: shaHex(archive, bytes), bytes }, names: [], layers }
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

// Brings an image in: its blobs are kept as they come, its layers unpacked, several at once, and written down at the end.

import { atOnce } from '../at-once.ts'
import { makeDirectories, writeAtomically } from '../files.ts'
import { type LayerLimits, layerLimits } from './apply.ts'
import type { Archive, ImageHost } from './archive.ts'
import { LayerBringer, type NumberedLayer } from './bring-layer.ts'
import { withName, writeIndex } from './change.ts'
import { type ImageLock, takeImageLock, tryImageLock, withImageLock } from './lock.ts'
import { type Manifest, mediaTypes } from './manifest.ts'
import type { SourceImage, SourceLayer } from './source.ts'
import { blobPath, draftsDirectory, type ImageRecord, type LayerRecord, layersDirectory, listImages } from './store.ts'
import { sweep, sweepIfAlone } from './sweep.ts'

/** What happens to one layer. */
export interface LayerEvent {
  /** Counted from the lowest, 0. */
  readonly index: number
  /** Digits of its blob's digest, or of its diff id where the blob has no digest yet. */
  readonly hex: string
  readonly state: 'present' | 'waiting' | 'downloading' | 'done'
  readonly doneBytes: number
  /** Of the blob, where it is known. */
  readonly totalBytes?: number
}

export interface BringOptions {
  /** In place of those that the source gives. */
  readonly names?: readonly string[]
  readonly limits?: LayerLimits
  /** How many layers at once. */
  readonly parallel?: number
  readonly onProgress?: (event: LayerEvent) => void
}

/**
 * Runs an action that brings images in, while nothing is swept. What killed processes left is removed before, and what a
 * failure leaves behind after, by whoever is alone.
 */
export async function withImport<T>(host: ImageHost, act: () => Promise<T>): Promise<T> {
  const { kernel, root } = host
  for (const path of [layersDirectory(root), draftsDirectory(root), blobPath(root, '').slice(0, -1)]) {
    makeDirectories(kernel, path, 0o700)
  }
  const alone = tryImageLock(host, 'image-import', 'exclusive')
  const lock = alone ?? (await takeImageLock(host, 'image-import', 'shared'))
  try {
    if (alone) {
      sweep(host)
      await alone.share()
    }
    return await act()
  } finally {
    lock.release()
    sweepIfAlone(host)
  }
}

/**
 * Brings one image in; the caller is inside `withImport`. What is here already is not asked for again, and a layer that
 * another process is at work on is waited for. Killed at any instant it leaves the index as it was or with the image whole.
 *
 * @errors UserError when a layer is damaged, hostile, or not what the manifest and configuration say
 */
export async function bringIn(
  host: ImageHost,
  archive: Archive,
  image: SourceImage,
  options: BringOptions = {},
): Promise<ImageRecord> {
  const { kernel, root } = host
  const layers = await bringLayers(host, archive, image.layers, options)
  // overlayfs needs something to lie on, also when an image has no layer.
  if (layers.length === 0) makeDirectories(kernel, `${root}/images/empty`, 0o755)
  const manifest = image.manifest ?? manifestFor(archive, image, layers)
  writeAtomically(kernel, blobPath(root, image.id), image.configBytes)
  writeAtomically(kernel, blobPath(root, manifest.hex), manifest.bytes)
  if (image.index) writeAtomically(kernel, blobPath(root, image.index.hex), image.index.bytes)
  const layerBlobs = image.layers.map((layer) => layer.blob?.hex ?? layer.diffId)
  const blobs = [image.id, manifest.hex, ...(image.index ? [image.index.hex] : []), ...layerBlobs]
  const { os, architecture, variant, created } = image.config
  const names = options.names ?? image.names
  return withImageLock(host, 'images', 'exclusive', () => {
    const before = listImages(host)
    const old = before.find(({ id }) => id === image.id)
    const record: ImageRecord = {
      id: image.id,
      names: old?.names ?? [],
      repoDigests: [...new Set([...(old?.repoDigests ?? []), ...(image.repoDigests ?? [])])],
      // What came without a manifest says nothing against the one that is here.
      digest: old && !image.manifest ? old.digest : `sha256:${manifest.hex}`,
      platform: [os, architecture, ...(variant ? [variant] : [])].join('/'),
      layers,
      // What is no moment would be none to everybody who shows it.
      ...(Number.isNaN(Date.parse(created ?? '')) ? {} : { created }),
      sizeBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
      blobs: [...new Set([...blobs, ...(old?.blobs ?? [])])],
    }
    let images = old ? before.map((other) => (other === old ? record : other)) : [...before, record]
    for (const name of names) images = withName(images, image.id, name)
    writeIndex(host, images)
    return images.find(({ id }) => id === image.id)!
  })
}

/**
 * All layers of an image. Their locks are taken in the order of their digests before the first is begun, so that two
 * images that share layers cannot wait for each other in a circle.
 */
async function bringLayers(
  host: ImageHost,
  archive: Archive,
  sources: readonly SourceLayer[],
  options: BringOptions,
): Promise<LayerRecord[]> {
  const { kernel } = host
  const bringer = new LayerBringer(host, archive, {
    count: sources.length,
    limits: options.limits ?? layerLimits,
    onProgress: options.onProgress ?? (() => {}),
  })
  const numbered = sources.map((source, index) => ({ source, index }))
  const locks = new Map<string, ImageLock>()
  try {
    // The same layer twice in one image is brought once, and each of several blobs of it.
    const missing = new Map<string, NumberedLayer[]>()
    for (const each of numbered) {
      const { diffId, blob } = each.source
      const same = missing.get(diffId) ?? []
      if (bringer.isHere(each.source)) bringer.tell(each, 'present')
      else if (!same.some(({ source }) => source.blob?.hex === blob?.hex)) missing.set(diffId, [...same, each])
    }
    for (const diffId of [...missing.keys()].sort()) {
      const busy = tryImageLock(host, `layer-${diffId}`, 'exclusive')
      if (busy === undefined) bringer.tell(missing.get(diffId)![0]!, 'waiting')
      locks.set(diffId, busy ?? (await takeImageLock(host, `layer-${diffId}`, 'exclusive')))
    }
    const below = sources.map((_, index) => sources.slice(0, index).map(({ diffId }) => diffId))
    const release = (diffId: string) => {
      locks.get(diffId)?.release()
      locks.delete(diffId)
    }
    await atOnce(
      [...missing],
      // A simulated machine does the same in the same order each time.
      options.parallel ?? (kernel.kind === 'sim' ? 1 : 4),
      async ([diffId, layers]) => {
        // Somebody else may have brought it while we waited for the lock.
        for (const each of layers)
          if (bringer.isHere(each.source)) bringer.tell(each, 'present')
          else await bringer.bring(each, below[each.index]!)
        release(diffId)
      },
      (error) => bringer.stop(error),
    )
    return sources.map((source) => bringer.record(source.diffId))
  } finally {
    for (const lock of locks.values()) lock.release()
    bringer.end()
  }
}

/** A manifest for what came without one, such as a docker archive: its blobs are the tars themselves. */
function manifestFor(archive: Archive, image: SourceImage, layers: readonly LayerRecord[]) {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: `sha256:${image.id}`, size: image.configBytes.length },
    layers: image.layers.map(({ diffId, blob }, index) => ({
      mediaType: blob?.mediaType ?? mediaTypes.ociLayer,
      digest: `sha256:${blob?.hex ?? diffId}`,
      size: blob?.sizeBytes ?? layers[index]!.tarBytes,
    })),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(manifest))
  const hash = archive.sha256()
  hash.update(bytes)
  return { hex: hash.hex(), bytes }
}

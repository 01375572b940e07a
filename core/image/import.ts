// Brings images in: unpacks the layers that are not here yet, each in a directory of its own, and writes them down.

import { UserError } from '../errors.ts'
import { makeDirectories, renamed, stat, writeAtomically } from '../files.ts'
import { type ApplyOptions, applyLayer, type LayerLimits, layerLimits } from './apply.ts'
import { type Archive, compressionOf, type ImageHost } from './archive.ts'
import { startingWith } from './bytes.ts'
import { openLayout } from './layout.ts'
import { withImageLock } from './lock.ts'
import { type ImageSource, localName, parseSource } from './reference.ts'
import { imagesIn, type SourceImage, type SourceLayer } from './source.ts'
import {
  blobPath,
  draftsDirectory,
  type ImageRecord,
  type LayerRecord,
  layersDirectory,
  listImages,
  sweep,
  withName,
  writeIndex,
} from './store.ts'
import { tarEntries } from './tar.ts'

export interface ImportOptions {
  /** A name in place of those that the source gives. */
  readonly name?: string
  readonly limits?: LayerLimits
}

/**
 * Imports the one image that a source means: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF]`.
 * What is already here is not unpacked again. Killed at any instant it leaves the index as it was or with the image
 * whole; the next import removes what it left.
 *
 * @errors UserError when the source has several images, is damaged, hostile or does not fit; nothing is left of it
 */
export async function importImage(
  host: ImageHost,
  source: string | ImageSource,
  options: ImportOptions = {},
): Promise<ImageRecord> {
  const from = typeof source === 'string' ? sourceOf(source) : source
  const records = await importFrom(host, from, options, true)
  return records[0]!
}

/** Imports all images of a file or directory, whichever kind it is: `load -i PATH`. A pipe (`/dev/stdin`) is fine. */
export async function loadImages(host: ImageHost, path: string, options: ImportOptions = {}): Promise<ImageRecord[]> {
  return importFrom(host, { kind: 'any', path }, options, options.name !== undefined)
}

function sourceOf(text: string): ImageSource {
  const source = parseSource(text)
  if (source) return source
  throw new UserError(`import ${text}: say what it is: oci:DIR, oci-archive:FILE or docker-archive:FILE`)
}

async function importFrom(host: ImageHost, source: ImageSource, options: ImportOptions, one: boolean) {
  const { kernel, root } = host
  const name = options.name === undefined ? undefined : localName(options.name)
  for (const path of [layersDirectory(root), draftsDirectory(root), blobPath(root, '').slice(0, -1)]) {
    makeDirectories(kernel, path, 0o700)
  }
  const archive = await host.archive()
  return withImageLock(host, 'image-import', 'exclusive', async () => {
    sweep(host)
    try {
      const layout = await openLayout(host, archive, source.path)
      try {
        const images = await imagesIn(kernel, archive, layout, source)
        if (one && images.length > 1) {
          const names = images.map((image) => image.names[0] ?? image.id.slice(0, 12)).join(', ')
          throw new UserError(`import ${source.path}: it has ${images.length} images, name one of them: ${names}`)
        }
        const records: ImageRecord[] = []
        for (const image of images) {
          const names = name === undefined ? image.names : [name]
          records.push(await bringIn(host, archive, image, names, options.limits ?? layerLimits))
        }
        return records
      } finally {
        layout.close()
      }
    } catch (error) {
      // Layers of an image that did not come to be belong to nobody.
      sweep(host)
      throw error
    }
  })
}

async function bringIn(
  host: ImageHost,
  archive: Archive,
  image: SourceImage,
  names: readonly string[],
  limits: LayerLimits,
): Promise<ImageRecord> {
  const { kernel, root } = host
  const known = new Map(listImages(host).flatMap(({ layers }) => layers.map((layer) => [layer.diffId, layer])))
  const layers: LayerRecord[] = []
  for (const [index, layer] of image.layers.entries()) {
    const title = `layer ${index + 1} of ${image.layers.length}`
    const here = stat(kernel, `${layersDirectory(root)}/${layer.diffId}`) ? known.get(layer.diffId) : undefined
    const below = layers.map(({ diffId }) => `${layersDirectory(root)}/${diffId}`).reverse()
    const record = here ?? (await unpack(host, archive, layer, { title, limits, below, warn: host.warn }))
    known.set(record.diffId, record)
    layers.push(record)
  }
  // overlayfs needs something to lie on, also when an image has no layer.
  if (layers.length === 0) makeDirectories(kernel, `${root}/images/empty`, 0o755)
  writeAtomically(kernel, blobPath(root, image.id), image.configBytes)
  if (image.manifest) writeAtomically(kernel, blobPath(root, image.manifest.hex), image.manifest.bytes)
  const sizeBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0)
  const digest = image.manifest && `sha256:${image.manifest.hex}`
  const { created } = image.config
  return withImageLock(host, 'images', 'exclusive', () => {
    const before = listImages(host)
    const old = before.find(({ id }) => id === image.id)
    const record: ImageRecord = {
      id: image.id,
      names: old?.names ?? [],
      digest: digest ?? old?.digest,
      layers,
      created,
      sizeBytes,
    }
    let images = old ? before.map((other) => (other === old ? record : other)) : [...before, record]
    for (const name of names) images = withName(images, image.id, name)
    writeIndex(host, images)
    return images.find(({ id }) => id === image.id)!
  })
}

async function unpack(
  host: ImageHost,
  archive: Archive,
  layer: SourceLayer,
  options: ApplyOptions & { readonly limits: LayerLimits },
): Promise<LayerRecord> {
  const { title, limits } = options
  const { kernel, root } = host
  const draft = `${draftsDirectory(root)}/${layer.diffId}`
  makeDirectories(kernel, draft, 0o755)
  const blobHash = archive.sha256()
  const tarHash = archive.sha256()
  // Headers and padding weigh something too; beyond this an archive is mostly air.
  const boundBytes = limits.sizeBytes + limits.entries * 2048
  const tar = hashed(archive.decompress(...(await start(hashed(layer.open(), blobHash)))), tarHash, (length) => {
    if (length > boundBytes) throw new UserError(`${title}: its archive has more than ${boundBytes} bytes`)
  })
  const applied = await applyLayer(kernel, draft, tarEntries(tar), options)
  const blobHex = blobHash.hex()
  if (layer.blobHex !== undefined && blobHex !== layer.blobHex) {
    throw new UserError(`${title}: it is damaged: its digest is sha256:${blobHex}, not sha256:${layer.blobHex}`)
  }
  const diffId = tarHash.hex()
  if (diffId !== layer.diffId) {
    throw new UserError(`${title}: its content has the digest sha256:${diffId}, not sha256:${layer.diffId}`)
  }
  renamed(kernel, draft, `${layersDirectory(root)}/${diffId}`)
  return { diffId, sizeBytes: applied.sizeBytes, ...(applied.opaque ? { opaque: true } : {}) }
}

type Hashing = ReturnType<Archive['sha256']>

async function* hashed(
  bytes: AsyncIterable<Uint8Array>,
  hash: Hashing,
  seen: (lengthBytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const part of bytes) {
    length += part.length
    seen(length)
    hash.update(part)
    yield part
  }
}

/** Looks at the first bytes of a stream to know its compression; answers the stream as a whole. */
async function start(
  bytes: AsyncGenerator<Uint8Array>,
): Promise<[AsyncIterable<Uint8Array>, ReturnType<typeof compressionOf>]> {
  const first = await bytes.next()
  if (first.done) return [bytes, 'none']
  return [startingWith(first.value, bytes), compressionOf(first.value)]
}

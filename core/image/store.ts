// The images that are here: ROOT/images/index.json, the blobs that describe them and their unpacked layers.

import { UserError } from '../errors.ts'
import { list, readText, readTextIfThere, removeFile, renamed, writeAtomically } from '../files.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { ImageHost } from './archive.ts'
import { withImageLock } from './lock.ts'
import { candidates, idDigits, localName } from './reference.ts'
import { removeUnpacked } from './remove.ts'

/** An unpacked layer, shared by all images that have it. */
export interface LayerRecord {
  /** Digits of the digest of its uncompressed tar (the diff id): the name of its directory. */
  readonly diffId: string
  readonly sizeBytes: number
  /** It hides everything below it. */
  readonly opaque?: boolean
}

export interface ImageRecord {
  /** Digits of the digest of its configuration, as podman shows them. */
  readonly id: string
  /** Whole names with tags; an image whose names were taken by others has none. */
  readonly names: readonly string[]
  /** Digest of its manifest; a docker archive has none. */
  readonly digest?: string
  /** Lowest first. */
  readonly layers: readonly LayerRecord[]
  /** RFC 3339, from its configuration. */
  readonly created?: string
  /** The content of all layers. */
  readonly sizeBytes: number
}

type StoreHost = Pick<ImageHost, 'kernel' | 'root' | 'runroot'>
type Reader = Pick<ImageHost, 'kernel' | 'root'>

interface Index {
  readonly version: 1
  readonly images: readonly ImageRecord[]
}

export const layersDirectory = (root: string): string => `${root}/images/layers`
export const blobPath = (root: string, hex: string): string => `${root}/images/blobs/sha256/${hex}`
/** What is being unpacked or removed: rubbish to whoever holds the import lock. */
export const draftsDirectory = (root: string): string => `${root}/images/tmp`

/**
 * All images, in the order in which they came.
 *
 * @errors UserError when the index cannot be read or understood
 */
export function listImages(host: Reader): readonly ImageRecord[] {
  const path = `${host.root}/images/index.json`
  const text = readTextIfThere(host.kernel, path)
  if (text === undefined) return []
  const index = parsed<Index | null>(text, path)
  if (index?.version !== 1 || !Array.isArray(index.images)) {
    throw new UserError(`read ${path}: it is not an index of images, version 1`)
  }
  return index.images
}

/** Replaces the index; the caller holds the lock `images` exclusively. */
export function writeIndex(host: Reader, images: readonly ImageRecord[]): void {
  const index: Index = { version: 1, images }
  writeAtomically(host.kernel, `${host.root}/images/index.json`, `${JSON.stringify(index)}\n`)
}

/**
 * The image that a name, an id or the unique start of an id (three digits or more) stands for: `httpd` is looked for as
 * `localhost/httpd:latest`, as `docker.io/library/httpd:latest`, and under any registry.
 *
 * @errors UserError when there is none, or more than one
 */
export function findImage(host: Reader, nameOrId: string): ImageRecord {
  return lookUp(listImages(host), nameOrId)
}

function lookUp(images: readonly ImageRecord[], nameOrId: string): ImageRecord {
  const digits = idDigits(nameOrId)
  const exact = images.find((image) => image.id === digits)
  if (exact) return exact
  const named = nameOrId.startsWith('sha256:') ? undefined : byName(images, nameOrId, digits !== undefined)
  if (named) return named
  const byId = digits === undefined ? [] : images.filter((image) => image.id.startsWith(digits))
  if (byId.length > 1) throw new UserError(`image ${nameOrId}: ${byId.length} ids start with it; give more digits`)
  if (byId[0]) return byId[0]
  throw new UserError(`image ${nameOrId}: not here; import it first (oci:DIR, oci-archive:FILE or docker-archive:FILE)`)
}

function byName(images: readonly ImageRecord[], text: string, mayBeId: boolean): ImageRecord | undefined {
  let wanted: ReturnType<typeof candidates>
  try {
    wanted = candidates(text)
  } catch (error) {
    if (mayBeId) return undefined
    throw error
  }
  for (const { repository, tag, digest } of wanted) {
    const has = (name: string) =>
      tag === undefined ? name.startsWith(`${repository}:`) : name === `${repository}:${tag}`
    const found = images.find((image) => (digest === undefined || image.digest === digest) && image.names.some(has))
    if (found) return found
  }
  if (wanted.length === 1 || wanted[0]!.digest !== undefined) return undefined
  const tail = `${wanted[0]!.repository.replace(/^localhost/, '')}:${wanted[0]!.tag}`
  return images.find((image) => image.names.some((name) => name.endsWith(tail)))
}

/** The configuration of an image, as its builder wrote it. */
export function imageConfig(host: Reader, image: Pick<ImageRecord, 'id'>): ImageConfig {
  const path = blobPath(host.root, image.id)
  return parsed<ImageConfig>(readText(host.kernel, path), path)
}

function parsed<T>(text: string, path: string): T {
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw new UserError(`read ${path}: it is damaged: ${(error as Error).message}`)
  }
}

/** Gives an image one more name; an image that had the name loses it. */
export async function tagImage(host: StoreHost, nameOrId: string, newName: string): Promise<ImageRecord> {
  const name = localName(newName)
  return withImageLock(host, 'images', 'exclusive', () => {
    const images = listImages(host)
    const { id } = lookUp(images, nameOrId)
    const tagged = withName(images, id, name)
    writeIndex(host, tagged)
    return tagged.find((image) => image.id === id)!
  })
}

/** The records after a name has moved to an image. */
export function withName(images: readonly ImageRecord[], id: string, name: string): ImageRecord[] {
  return images.map((image) => {
    if (image.id === id && image.names.includes(name)) return image
    const others = image.names.filter((other) => other !== name)
    return { ...image, names: image.id === id ? [...others, name] : others }
  })
}

export interface Removed {
  readonly untagged: readonly string[]
  /** Ids. */
  readonly deleted: readonly string[]
}

export interface RemoveOptions {
  /** The ids of the images that containers are made of; asked while no container can be made. */
  readonly inUse: () => Iterable<string> | Promise<Iterable<string>>
  /** Also an image that has several names. */
  readonly force?: boolean
}

/**
 * Takes a name away from an image, and the image itself when it was the last or the id was given. Layers that other
 * images have stay.
 *
 * @errors UserError when it is not here, has several names and is given by id, or containers use it
 */
export async function removeImage(host: StoreHost, nameOrId: string, options: RemoveOptions): Promise<Removed> {
  return withImageLock(host, 'image-import', 'exclusive', async () => {
    const result = await withImageLock(host, 'images', 'exclusive', () => withoutImage(host, nameOrId, options))
    sweep(host)
    return result
  })
}

async function withoutImage(host: StoreHost, nameOrId: string, options: RemoveOptions): Promise<Removed> {
  const images = listImages(host)
  const image = lookUp(images, nameOrId)
  const digits = idDigits(nameOrId)
  const byId = digits !== undefined && image.id.startsWith(digits)
  const name = byId ? undefined : nameGiven(image, nameOrId)
  if (name !== undefined && image.names.length > 1) {
    const names = image.names.filter((other) => other !== name)
    writeIndex(
      host,
      images.map((other) => (other === image ? { ...image, names } : other)),
    )
    return { untagged: [name], deleted: [] }
  }
  if (byId && image.names.length > 1 && !options.force) {
    throw new UserError(
      `image ${nameOrId}: it has ${image.names.length} names (${image.names.join(', ')}); use --force`,
    )
  }
  if ([...(await options.inUse())].includes(image.id)) {
    throw new UserError(`image ${nameOrId}: containers use it; remove them first`)
  }
  writeIndex(
    host,
    images.filter((other) => other !== image),
  )
  return { untagged: image.names, deleted: [image.id] }
}

function nameGiven(image: ImageRecord, text: string): string | undefined {
  const wanted = candidates(text).map(({ repository, tag }) => `${repository}:${tag}`)
  return image.names.find((name) => wanted.includes(name)) ?? image.names[0]
}

/**
 * Removes what no image has: drafts and layers that a killed process left, and those of removed images. The caller holds
 * the lock `image-import` exclusively.
 */
export function sweep(host: Reader): void {
  const { kernel, root } = host
  const images = listImages(host)
  const layers = new Set(images.flatMap((image) => image.layers.map((layer) => layer.diffId)))
  const blobs = new Set(images.flatMap((image) => [image.id, image.digest?.slice('sha256:'.length)]))
  for (const name of list(kernel, layersDirectory(root))) {
    // Renamed first, so that a removal that is interrupted leaves no half of a layer under its name.
    if (!layers.has(name)) renamed(kernel, `${layersDirectory(root)}/${name}`, `${draftsDirectory(root)}/${name}.gone`)
  }
  for (const name of list(kernel, draftsDirectory(root))) removeUnpacked(kernel, `${draftsDirectory(root)}/${name}`)
  for (const name of list(kernel, blobPath(root, '').slice(0, -1))) {
    if (!blobs.has(name)) removeFile(kernel, blobPath(root, name))
  }
}

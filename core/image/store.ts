// The images that are here, to be read: ROOT/images/index.json, the blobs that describe them, where their layers lie.

import { DamagedError, UserError } from '../errors.ts'
import { parseFile, readText, readTextIfThere } from '../files.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { ImageHost } from './archive.ts'
import type { Manifest } from './manifest.ts'
import { candidates, idDigits } from './reference.ts'

/** An unpacked layer, shared by all images that have it. */
export interface LayerRecord {
  /** Digits of the digest of its uncompressed tar (the diff id): the name of its directory. */
  readonly diffId: string
  /** The content of its files. */
  readonly sizeBytes: number
  /** Its uncompressed tar. */
  readonly tarBytes: number
  /** It hides everything below it. */
  readonly opaque?: boolean
}

export interface ImageRecord {
  /** Digits of the digest of its configuration, as podman shows them. */
  readonly id: string
  /** Whole names with tags; an image whose names were taken by others has none. */
  readonly names: readonly string[]
  /** `repository@digest`: where it was pulled from or pushed to; the digest may be that of an index that has it. */
  readonly repoDigests: readonly string[]
  /** Of its manifest. */
  readonly digest: string
  /** `linux/amd64`, `linux/arm64/v8`. */
  readonly platform: string
  /** Lowest first. */
  readonly layers: readonly LayerRecord[]
  /** RFC 3339, from its configuration. */
  readonly created?: string
  /** The content of all layers. */
  readonly sizeBytes: number
  /** Digits of every blob that it needs: manifests, configuration, layers. */
  readonly blobs: readonly string[]
}

/** Nothing that is here has the name or id. */
export class NoSuchImageError extends UserError {
  constructor(nameOrId: string) {
    super(`image ${nameOrId}: not here; get it with vitrine pull, or see vitrine images`)
    this.name = 'NoSuchImageError'
  }
}

type Reader = Pick<ImageHost, 'kernel' | 'root'>

/** Version 1 kept no layer blobs. */
export interface StoreIndex {
  readonly version: 2
  readonly images: readonly ImageRecord[]
}

export const indexPath = (root: string): string => `${root}/images/index.json`
export const layersDirectory = (root: string): string => `${root}/images/layers`
/** Holds `diff`, the unpacked layer, `layer.json`, its record, and `HEX.blob` for each blob that was found to hold it. */
export const layerDirectory = (root: string, diffId: string): string => `${layersDirectory(root)}/${diffId}`
/** The unpacked files of a layer. */
export const layerTree = (root: string, diffId: string): string => `${layersDirectory(root)}/${diffId}/diff`
export const blobPath = (root: string, hex: string): string => `${root}/images/blobs/sha256/${hex}`
/** What is being downloaded, unpacked or removed: rubbish to whoever holds the import lock exclusively. */
export const draftsDirectory = (root: string): string => `${root}/images/tmp`

/**
 * All images, in the order in which they came.
 *
 * @errors UserError when the index cannot be read or understood
 */
export function listImages(host: Reader): readonly ImageRecord[] {
  const path = indexPath(host.root)
  const text = readTextIfThere(host.kernel, path)
  if (text === undefined) return []
  const index = parseFile<{ readonly version?: unknown; readonly images?: unknown } | null>(text, path)
  if (index?.version === 1)
    throw new UserError(`read ${path}: an older vitrine wrote it; remove ${host.root}/images and get the images again`)
  if (index?.version !== 2 || !Array.isArray(index.images))
    throw new DamagedError(path, 'it is not an index of images, version 2')
  return index.images
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

/** Like `findImage`, among these. */
export function lookUp(images: readonly ImageRecord[], nameOrId: string): ImageRecord {
  const digits = idDigits(nameOrId)
  const exact = images.find((image) => image.id === digits)
  if (exact) return exact
  const named = nameOrId.startsWith('sha256:') ? undefined : byName(images, nameOrId, digits !== undefined)
  if (named) return named
  const byId = digits === undefined ? [] : images.filter((image) => image.id.startsWith(digits))
  if (byId.length > 1) throw new UserError(`image ${nameOrId}: ${byId.length} ids start with it; give more digits`)
  if (byId[0]) return byId[0]
  throw new NoSuchImageError(nameOrId)
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
    const found = images.find((image) => isCalled(image, repository, tag, digest))
    if (found) return found
  }
  if (wanted.length === 1 || wanted[0]!.digest !== undefined) return undefined
  const tail = `${wanted[0]!.repository.replace(/^localhost/, '')}:${wanted[0]!.tag}`
  return images.find((image) => image.names.some((name) => name.endsWith(tail)))
}

/** With a digest the tag says nothing, as podman reads a name that has both. */
function isCalled(
  image: ImageRecord,
  repository: string,
  tag: string | undefined,
  digest: string | undefined,
): boolean {
  if (digest === undefined) return image.names.includes(`${repository}:${tag}`)
  if (image.repoDigests.includes(`${repository}@${digest}`)) return true
  return image.digest === digest && image.names.some((name) => name.startsWith(`${repository}:`))
}

/** The configuration of an image, as its builder wrote it. */
export function imageConfig(host: Reader, image: Pick<ImageRecord, 'id'>): ImageConfig {
  const path = blobPath(host.root, image.id)
  return parseFile<ImageConfig>(readText(host.kernel, path), path)
}

/** The manifest of an image, as it came. */
export function imageManifest(host: Reader, image: Pick<ImageRecord, 'digest'>): Manifest {
  const path = blobPath(host.root, image.digest.slice('sha256:'.length))
  return parseFile<Manifest>(readText(host.kernel, path), path)
}

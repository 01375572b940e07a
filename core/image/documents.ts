// Manifests, indexes and configurations as they come from a registry or a layout: told apart, checked, and refused by
// name when they are no image that can be unpacked. OCI image spec 1.1, manifest.md; Docker's manifest version 2, schema 2.

import { UserError } from '../errors.ts'
import { printable } from '../printable.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { Archive } from './archive.ts'
import { type Descriptor, type Index, isWasmArtifact, type Manifest, mediaTypes } from './manifest.ts'
import { digestHex } from './reference.ts'
import { configShape, descriptorShape, list, object, text, textsByKey } from './shape.ts'

/** podman's bound for manifests and configurations. */
export const documentLimitBytes = 4 << 20
/** Deeper JSON is no document, and too much for whoever walks through it. */
const nestedMax = 100
/** overlayfs takes no more lower directories: OVL_MAX_STACK of Linux's fs/overlayfs/params.h. */
const layersMax = 500

export type ImageDocument =
  | { readonly kind: 'index'; readonly index: Index }
  | { readonly kind: 'manifest'; readonly manifest: Manifest }

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @param what - for the sentence: where it comes from and what it is */
export function jsonObject<T>(bytes: Uint8Array, what: string): T {
  if (isDeep(bytes)) throw new UserError(`${what}: its JSON is nested more than ${nestedMax} times`)
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch (error) {
    throw new UserError(`${what}: it is no JSON: ${printable((error as Error).message)}`)
  }
  if (typeof value === 'object' && value !== null) return value as T
  throw new UserError(`${what}: it is no JSON object`)
}

function isDeep(json: Uint8Array): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!
    if (byte === 0x22) quoted = !quoted
    else if (quoted) at += byte === 0x5c ? 1 : 0
    else if (byte === 0x7b || byte === 0x5b) depth += 1
    else if (byte === 0x7d || byte === 0x5d) depth -= 1
    if (depth > nestedMax) return true
  }
  return false
}

export function shaHex(archive: Pick<Archive, 'sha256'>, bytes: Uint8Array): string {
  const hash = archive.sha256()
  hash.update(bytes)
  return hash.hex()
}

/** A document whose digest is what was asked for. @errors UserError when it is not */
export function checkDigest(archive: Pick<Archive, 'sha256'>, bytes: Uint8Array, digest: string, what: string): void {
  const hex = digestHex(digest, what)
  if (shaHex(archive, bytes) !== hex) throw new UserError(`${what}: it is damaged: it is not ${digest}`)
}

/**
 * Reads a manifest or an index.
 *
 * @param mediaType - what it came as; the document's own word wins
 * @param what - for sentences: the image's name
 * @errors UserError for Docker's schema 1, for artifacts that are no images, for what is neither manifest nor index
 */
export function readDocument(bytes: Uint8Array, mediaType: string | undefined, what: string): ImageDocument {
  const document = jsonObject<Partial<Index & Manifest> & { readonly fsLayers?: unknown }>(bytes, `${what}: manifest`)
  const wrong = documentShape(document, 'manifest')
  if (wrong !== undefined) throw new UserError(`${what}: its ${wrong}`)
  const type = document.mediaType ?? mediaType ?? ''
  if (document.schemaVersion === 1 || document.fsLayers !== undefined || type.includes('distribution.manifest.v1'))
    throw new UserError(
      `${what}: its manifest is of Docker's schema 1, which has no digests of the content; push it again with a newer tool`,
    )
  if (document.schemaVersion !== 2)
    throw new UserError(
      `${what}: its manifest has schema version ${String(document.schemaVersion ?? 'unknown')}, not 2`,
    )
  const { manifests, config, layers } = document
  if (Array.isArray(manifests) && (config !== undefined || layers !== undefined))
    throw new UserError(`${what}: it has manifests as well as layers, so nobody can tell what it is`)
  if (Array.isArray(manifests) ? manifestTypes.includes(document.mediaType) : indexTypes.includes(document.mediaType))
    throw new UserError(`${what}: it says that it is a ${document.mediaType}, and is none`)
  if (Array.isArray(manifests) && manifests.every(hasDigest))
    return { kind: 'index', index: { ...document, schemaVersion: 2, manifests } }
  if (!hasDigest(config) || !Array.isArray(layers) || !layers.every(hasDigest))
    throw new UserError(`${what}: it is neither an image manifest nor an index`)
  if (layers.length > layersMax)
    throw new UserError(`${what}: it has ${layers.length} layers, and Linux puts no more than ${layersMax} together`)
  const manifest: Manifest = { ...document, schemaVersion: 2, config, layers }
  refuseArtifact(manifest, what)
  return { kind: 'manifest', manifest }
}

const { ociIndex, dockerList, ociManifest, dockerManifest } = mediaTypes
const indexTypes: readonly (string | undefined)[] = [ociIndex, dockerList]
const manifestTypes: readonly (string | undefined)[] = [ociManifest, dockerManifest]

const documentShape = object({
  mediaType: text,
  artifactType: text,
  annotations: textsByKey,
  config: descriptorShape,
  layers: list(descriptorShape),
  manifests: list(descriptorShape),
  subject: descriptorShape,
})

const hasDigest = (descriptor: Partial<Descriptor> | null | undefined): descriptor is Descriptor =>
  typeof descriptor?.digest === 'string'

/** Old registries gave configurations these types. */
const configTypes: readonly (string | undefined)[] = [
  mediaTypes.ociConfig,
  mediaTypes.dockerConfig,
  'application/octet-stream',
  '',
  undefined,
]

/** OCI image spec 1.1, manifest.md, "Guidelines for Artifact Usage". */
function refuseArtifact(manifest: Manifest, what: string): void {
  const { artifactType, config } = manifest
  if (isWasmArtifact(manifest)) return
  const image = config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig
  if (image || (artifactType === undefined && configTypes.includes(config.mediaType))) return
  throw new UserError(`${what} is an artifact of type ${artifactType ?? config.mediaType}, not an image`)
}

/** Layers that whoever distributes the image may not keep in a registry. */
export const isForeign = ({ mediaType }: Pick<Descriptor, 'mediaType'>): boolean =>
  /nondistributable|foreign/.test(mediaType ?? '')

/** A layer's digits. @errors UserError for one that is encrypted or no tar */
export function layerHex(layer: Descriptor, what: string): string {
  const type = layer.mediaType ?? 'tar'
  if (/encrypted/.test(type)) throw new UserError(`${what}: it is encrypted (${type}), and vitrine has no keys`)
  if (!/tar/.test(type)) throw new UserError(`${what}: a layer of the type ${type} cannot be unpacked`)
  return digestHex(layer.digest, what)
}

/** A configuration that fits its manifest. @errors UserError */
export function readConfig(bytes: Uint8Array, layerCount: number, what: string): ImageConfig {
  const config = jsonObject<Partial<ImageConfig>>(bytes, `${what}: configuration`)
  const wrong = configShape(config, '')
  if (wrong !== undefined) throw new UserError(`${what}: its configuration is malformed: ${wrong}`)
  const diffIds: unknown = config.rootfs?.diff_ids
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string'))
    throw new UserError(`${what}: its configuration has no rootfs.diff_ids, so it is no image to run`)
  if (diffIds.length !== layerCount)
    throw new UserError(`${what}: it has ${layerCount} layers, its configuration ${diffIds.length}`)
  // The platform of an image that says nothing of it: old builders left it out.
  return { ...config, os: config.os || 'linux', architecture: config.architecture || 'unknown' } as ImageConfig
}

// The images that a layout holds: manifests and configurations, read and checked against their digests. OCI image spec
// 1.1 (image-layout.md, image-index.md, manifest.md, config.md); docker-archive as containers-transports(5) has it.

import { UserError } from '../errors.ts'
import { ask } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { Archive } from './archive.ts'
import type { Layout } from './layout.ts'
import type { Descriptor } from './manifest.ts'
import { digestHex, type ImageSource, localName, parseName, repositoryOf } from './reference.ts'

/** A layer that can be read, with what it must turn out to be. */
export interface SourceLayer {
  /** Digits of the digest of its uncompressed tar. */
  readonly diffId: string
  /** The blob as it lies there; a docker archive states none, and then the tar itself is one. */
  readonly blob?: { readonly hex: string; readonly sizeBytes: number; readonly mediaType: string }
  readonly open: () => AsyncIterable<Uint8Array>
}

export interface SourceImage {
  /** Digits of its configuration's digest. */
  readonly id: string
  readonly config: ImageConfig
  readonly configBytes: Uint8Array
  /** What came without one gets one. */
  readonly manifest?: { readonly hex: string; readonly bytes: Uint8Array }
  /** The index that it was chosen from. */
  readonly index?: { readonly hex: string; readonly bytes: Uint8Array }
  /** `repository@digest`, where it comes from a registry. */
  readonly repoDigests?: readonly string[]
  /** Whole names that the source gives it. */
  readonly names: readonly string[]
  /** Lowest first. */
  readonly layers: readonly SourceLayer[]
}

/** podman's bound for manifests and configurations. */
const documentLimitBytes = 4 << 20
const refName = 'org.opencontainers.image.ref.name'
const decoder = new TextDecoder()

/** Reads what a source has: all of its images, or those that the tag or reference names. */
export async function imagesIn(
  kernel: Kernel,
  archive: Archive,
  layout: Layout,
  source: ImageSource,
): Promise<SourceImage[]> {
  const docker = source.kind === 'docker-archive' || (source.kind === 'any' && layout.has('manifest.json'))
  if (docker) {
    return dockerImages(archive, layout, source.kind === 'docker-archive' ? source.reference : undefined)
  }
  const tag = source.kind === 'oci' || source.kind === 'oci-archive' ? source.tag : undefined
  return ociImages(kernel, archive, layout, tag)
}

function json<T>(bytes: Uint8Array, what: string): T {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes))
    if (typeof value === 'object' && value !== null) return value as T
  } catch (error) {
    throw new UserError(`${what}: it is no JSON: ${(error as Error).message}`)
  }
  throw new UserError(`${what}: it is no JSON object`)
}

function shaHex(archive: Archive, bytes: Uint8Array): string {
  const hash = archive.sha256()
  hash.update(bytes)
  return hash.hex()
}

/** A document among the blobs, whose digest is checked. */
async function blob(archive: Archive, layout: Layout, digest: string, what: string): Promise<Uint8Array> {
  const hex = digestHex(digest, `${layout.title}: ${what}`)
  const bytes = await layout.read(`blobs/sha256/${hex}`, documentLimitBytes)
  if (shaHex(archive, bytes) !== hex) throw new UserError(`${layout.title}: ${what} is damaged: it is not ${digest}`)
  return bytes
}

async function ociImages(kernel: Kernel, archive: Archive, layout: Layout, tag?: string): Promise<SourceImage[]> {
  if (!layout.has('index.json'))
    throw new UserError(`${layout.title}: it has no index.json, so it is no OCI image layout`)
  const index = json<{ manifests?: readonly Descriptor[] }>(
    await layout.read('index.json', documentLimitBytes),
    `${layout.title}: index.json`,
  )
  const all = index.manifests ?? []
  const chosen = tag === undefined ? all : all.filter(({ annotations }) => annotations?.[refName] === tag)
  if (chosen.length === 0) {
    const tags = all.map(({ annotations }) => annotations?.[refName] ?? '(without tag)').join(', ')
    throw new UserError(
      `${layout.title}: ${tag === undefined ? 'it has no image' : `it has no tag ${tag}, but ${tags}`}`,
    )
  }
  const images = new Map<string, SourceImage>()
  for (const descriptor of chosen) {
    const image = await ociImage(kernel, archive, layout, descriptor, 0)
    const names = nameIn(layout.title, descriptor)
    images.set(image.id, { ...image, names: [...new Set([...(images.get(image.id)?.names ?? []), ...names])] })
  }
  return [...images.values()]
}

/** An annotation is a whole name, or a tag of something that is called as the file or directory. */
function nameIn(title: string, { annotations }: Descriptor): string[] {
  const whole = annotations?.['io.containerd.image.name']
  const tag = annotations?.[refName]
  const given = whole ?? tag
  if (given === undefined) return []
  if (/[/:]/.test(given)) return [localName(given)]
  const base = title
    .replace(/\/+$/, '')
    .replace(/^.*\//, '')
    .replace(/(\.oci)?(\.tar)?(\.gz|\.zst)?$/, '')
  try {
    return [`${repositoryOf(parseName(base.toLowerCase()))}:${given}`]
  } catch {
    // The file's name is no image name; it can be given one.
    return []
  }
}

async function ociImage(
  kernel: Kernel,
  archive: Archive,
  layout: Layout,
  descriptor: Descriptor,
  depth: number,
): Promise<SourceImage> {
  const bytes = await blob(archive, layout, descriptor.digest, 'a manifest')
  const what = `${layout.title}: manifest ${descriptor.digest}`
  const document = json<{
    manifests?: readonly Descriptor[]
    config?: Descriptor
    layers?: readonly Descriptor[]
    schemaVersion?: number
  }>(bytes, what)
  if (document.manifests) {
    if (depth > 2) throw new UserError(`${what}: indexes in indexes in indexes`)
    return ociImage(kernel, archive, layout, forThisMachine(kernel, document.manifests, what), depth + 1)
  }
  if (!document.config || !document.layers) {
    throw new UserError(`${what}: it is no image manifest (schema version ${document.schemaVersion ?? 'unknown'})`)
  }
  const configBytes = await blob(archive, layout, document.config.digest, 'a configuration')
  const config = checkedConfig(json<ImageConfig>(configBytes, `${layout.title}: configuration`), what)
  const diffIds = config.rootfs.diff_ids
  if (diffIds.length !== document.layers.length) {
    throw new UserError(`${what}: it has ${document.layers.length} layers, its configuration ${diffIds.length}`)
  }
  const layers = document.layers.map((layer, index): SourceLayer => {
    if (!/tar/.test(layer.mediaType ?? 'tar') || /encrypted/.test(layer.mediaType ?? '')) {
      throw new UserError(`${what}: a layer of the type ${layer.mediaType} cannot be unpacked`)
    }
    const hex = digestHex(layer.digest, `${what}: layer ${index + 1}`)
    const diffId = digestHex(diffIds[index]!, `${what}: layer ${index + 1}`)
    if (!Number.isSafeInteger(layer.size) || layer.size < 0)
      throw new UserError(`${what}: layer ${index + 1}: its size ${layer.size} is none`)
    const blob = { hex, sizeBytes: layer.size, mediaType: layer.mediaType }
    return { diffId, blob, open: () => layout.stream(`blobs/sha256/${hex}`) }
  })
  const hex = digestHex(descriptor.digest, what)
  return {
    id: digestHex(document.config.digest, what),
    config,
    configBytes,
    manifest: { hex, bytes },
    names: [],
    layers,
  }
}

/** The entry of a multi-platform index that fits the machine. */
function forThisMachine(kernel: Kernel, manifests: readonly Descriptor[], what: string): Descriptor {
  if (manifests.length === 1) return manifests[0]!
  const utsname = ask(kernel, { name: 'uname', buf: 390 }, 'uname').data!
  const machine = decoder.decode(utsname.subarray(260, 325)).replace(/\0.*$/s, '')
  const architecture = { x86_64: 'amd64', aarch64: 'arm64' }[machine] ?? machine
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture)
  if (found) return found
  const offered = manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`).join(', ')
  throw new UserError(`${what}: it has no image for linux/${architecture}, but for ${offered}`)
}

function checkedConfig(config: ImageConfig, what: string): ImageConfig {
  const diffIds: unknown = config.rootfs?.diff_ids
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string')) {
    throw new UserError(`${what}: its configuration has no rootfs.diff_ids, so it is no image to run`)
  }
  return config
}

interface DockerEntry {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null
  readonly Layers: readonly string[]
}

async function dockerImages(archive: Archive, layout: Layout, reference?: string): Promise<SourceImage[]> {
  if (!layout.has('manifest.json')) {
    throw new UserError(`${layout.title}: it has no manifest.json, so it is no docker archive`)
  }
  const bytes = await layout.read('manifest.json', documentLimitBytes)
  const all = json<readonly DockerEntry[]>(bytes, `${layout.title}: manifest.json`)
  if (!Array.isArray(all) || all.some((entry) => typeof entry?.Config !== 'string' || !Array.isArray(entry.Layers))) {
    throw new UserError(`${layout.title}: manifest.json is not docker's`)
  }
  const chosen = reference === undefined ? all : all.filter((entry, index) => isMeant(entry, index, reference))
  if (chosen.length === 0) {
    const names = all.flatMap((entry) => entry.RepoTags ?? []).join(', ')
    throw new UserError(`${layout.title}: it has no image ${reference ?? ''}${names === '' ? '' : `, but ${names}`}`)
  }
  return Promise.all(chosen.map((entry) => dockerImage(archive, layout, entry)))
}

/** `@N` is the Nth image of the archive. containers-transports(5). */
function isMeant(entry: DockerEntry, index: number, reference: string): boolean {
  if (reference.startsWith('@')) return reference === `@${index}`
  return (entry.RepoTags ?? []).some((name) => localName(name) === localName(reference))
}

async function dockerImage(archive: Archive, layout: Layout, entry: DockerEntry): Promise<SourceImage> {
  const configBytes = await layout.read(entry.Config, documentLimitBytes)
  const what = `${layout.title}: ${entry.Config}`
  const config = checkedConfig(json<ImageConfig>(configBytes, what), what)
  const diffIds = config.rootfs.diff_ids
  if (diffIds.length !== entry.Layers.length) {
    throw new UserError(`${what}: it has ${entry.Layers.length} layers, its configuration ${diffIds.length}`)
  }
  const layers = entry.Layers.map((path, index): SourceLayer => {
    return { diffId: digestHex(diffIds[index]!, what), open: () => layout.stream(path) }
  })
  return {
    id: shaHex(archive, configBytes),
    config,
    configBytes,
    names: (entry.RepoTags ?? []).map(localName),
    layers,
  }
}

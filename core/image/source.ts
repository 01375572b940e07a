// The images that a layout holds: manifests and configurations, read and checked against their digests. OCI image spec
// 1.1 (image-layout.md, image-index.md, manifest.md, config.md); docker-archive as containers-transports(5) has it.

import { UserError } from '../errors.ts'
import type { ImageConfig } from '../spec/image-config.ts'
import type { Archive } from './archive.ts'
import { documentLimitBytes, jsonObject, readConfig, shaHex } from './documents.ts'
import type { Layout } from './layout.ts'
import type { Descriptor } from './manifest.ts'
import { chooseForPlatform, type WantedPlatform } from './platform.ts'
import { digestHex, type ImageSource, localName, parseName, repositoryOf } from './reference.ts'
import { type Contents, refuseOtherPlatform, resolveImage } from './resolve.ts'
import { descriptorShape, list, object, text, texts } from './shape.ts'

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
  /** It was made of a program that lay there by itself: nobody else knows its manifest. */
  readonly isArtifact?: true
  /** The index that it was chosen from. */
  readonly index?: { readonly hex: string; readonly bytes: Uint8Array }
  /** `repository@digest`, where it comes from a registry. */
  readonly repoDigests?: readonly string[]
  /** Whole names that the source gives it. */
  readonly names: readonly string[]
  /** Lowest first. */
  readonly layers: readonly SourceLayer[]
}

const indexShape = object({ manifests: list(descriptorShape) })
const dockerShape = list(object({ Config: text, RepoTags: texts, Layers: texts }))
const refName = 'org.opencontainers.image.ref.name'

/** Reads what a source has: all of its images, or those that the tag or reference names. */
export async function imagesIn(
  archive: Archive,
  layout: Layout,
  source: ImageSource,
  wanted: WantedPlatform,
): Promise<SourceImage[]> {
  if (source.kind === 'dir' || (source.kind === 'any' && layout.has('version') && layout.has('manifest.json')))
    return [await directoryImage(archive, layout, wanted)]
  const docker = source.kind === 'docker-archive' || (source.kind === 'any' && layout.has('manifest.json'))
  if (docker) {
    return dockerImages(archive, layout, wanted, source.kind === 'docker-archive' ? source.reference : undefined)
  }
  const tag = source.kind === 'oci' || source.kind === 'oci-archive' ? source.tag : undefined
  return ociImages(archive, layout, wanted, tag)
}

function contentsOf(layout: Layout): Contents {
  const path = (digest: string, what: string) => `blobs/sha256/${digestHex(digest, `${layout.title}: ${what}`)}`
  return {
    title: layout.title,
    manifest: ({ digest }) => layout.read(path(digest, 'a manifest'), documentLimitBytes),
    config: ({ digest }) => layout.read(path(digest, 'a configuration'), documentLimitBytes),
    layer: ({ digest }) => layout.stream(path(digest, 'a layer')),
  }
}

/** containers-transports(5), `dir:`: blobs beside their manifest, named by their digits. */
async function directoryImage(archive: Archive, layout: Layout, wanted: WantedPlatform): Promise<SourceImage> {
  const name = (digest: string) => digestHex(digest, layout.title)
  const bytes = await layout.read('manifest.json', documentLimitBytes)
  const contents: Contents = {
    title: layout.title,
    manifest: ({ digest }) => layout.read(`${name(digest)}.manifest.json`, documentLimitBytes),
    config: ({ digest }) => layout.read(name(digest), documentLimitBytes),
    layer: ({ digest }) => layout.stream(name(digest)),
  }
  return resolveImage(archive, contents, { digest: `sha256:${shaHex(archive, bytes)}`, bytes }, wanted)
}

async function ociImages(
  archive: Archive,
  layout: Layout,
  wanted: WantedPlatform,
  tag?: string,
): Promise<SourceImage[]> {
  if (!layout.has('index.json'))
    throw new UserError(`${layout.title}: it has no index.json, so it is no OCI image layout`)
  const index = jsonObject<{ manifests?: readonly Descriptor[] }>(
    await layout.read('index.json', documentLimitBytes),
    `${layout.title}: index.json`,
  )
  const wrong = indexShape(index, 'index')
  const all = index.manifests ?? []
  if (wrong !== undefined || all.some(({ digest }) => typeof digest !== 'string'))
    throw new UserError(`${layout.title}: index.json is malformed: ${wrong ?? 'an entry has no digest'}`)
  const chosen = tag === undefined ? all : all.filter(({ annotations }) => annotations?.[refName] === tag)
  if (chosen.length === 0) {
    const tags = all.map(({ annotations }) => annotations?.[refName] ?? '(without tag)').join(', ')
    throw new UserError(
      `${layout.title}: ${tag === undefined ? 'it has no image' : `it has no tag ${tag}, but ${tags}`}`,
    )
  }
  const images = new Map<string, SourceImage>()
  for (const descriptor of oneOfEachName(chosen, wanted, layout.title)) {
    const image = await resolveImage(archive, contentsOf(layout), descriptor, wanted)
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
  // What comes through a pipe has no file that could be its name.
  if (title === '/dev/stdin') return []
  const base = title
    .replace(/\/+$/, '')
    .replace(/^.*\//, '')
    .replace(/(\.oci)?(\.tar)?(\.gz|\.zst)?$/, '')
  try {
    return [localName(`${repositoryOf(parseName(base.toLowerCase()))}:${given}`)]
  } catch {
    // The file's name or the tag is none; it can be given one.
    return []
  }
}

/** Several entries of one name are one image for several platforms. */
function oneOfEachName(descriptors: readonly Descriptor[], wanted: WantedPlatform, title: string): Descriptor[] {
  const named = Map.groupBy(descriptors, ({ annotations }) => annotations?.[refName])
  return [...named.values()].flatMap((group) =>
    group.length > 1 && group.every(({ platform }) => platform) ? [chooseForPlatform(wanted, group, title)] : group,
  )
}

interface DockerEntry {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null
  readonly Layers: readonly string[]
}

async function dockerImages(
  archive: Archive,
  layout: Layout,
  wanted: WantedPlatform,
  reference?: string,
): Promise<SourceImage[]> {
  if (!layout.has('manifest.json')) {
    throw new UserError(`${layout.title}: it has no manifest.json, so it is no docker archive`)
  }
  const bytes = await layout.read('manifest.json', documentLimitBytes)
  const all = jsonObject<readonly DockerEntry[]>(bytes, `${layout.title}: manifest.json`)
  const wrong = dockerShape(all, 'manifest.json')
  if (wrong !== undefined || all.some(({ Config, Layers }) => typeof Config !== 'string' || !Array.isArray(Layers)))
    throw new UserError(`${layout.title}: manifest.json is not docker's${wrong === undefined ? '' : `: ${wrong}`}`)
  const chosen = reference === undefined ? all : all.filter((entry, index) => isMeant(entry, index, reference))
  if (chosen.length === 0) {
    const names = all.flatMap((entry) => entry.RepoTags ?? []).join(', ')
    throw new UserError(`${layout.title}: it has no image ${reference ?? ''}${names === '' ? '' : `, but ${names}`}`)
  }
  return Promise.all(chosen.map((entry) => dockerImage(archive, layout, wanted, entry)))
}

/** `@N` is the Nth image of the archive. containers-transports(5). */
function isMeant(entry: DockerEntry, index: number, reference: string): boolean {
  if (reference.startsWith('@')) return reference === `@${index}`
  return (entry.RepoTags ?? []).some((name) => localName(name) === localName(reference))
}

async function dockerImage(
  archive: Archive,
  layout: Layout,
  wanted: WantedPlatform,
  entry: DockerEntry,
): Promise<SourceImage> {
  const configBytes = await layout.read(entry.Config, documentLimitBytes)
  const what = `${layout.title}: ${entry.Config}`
  const config = readConfig(configBytes, entry.Layers.length, what)
  refuseOtherPlatform(config, wanted, layout.title)
  const diffIds = config.rootfs.diff_ids
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

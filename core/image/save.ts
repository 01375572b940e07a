// Images as archives and directories, in podman's four formats. OCI forms keep every blob and digest as it came; the docker
// archive has uncompressed layers. OCI image spec 1.1, image-layout.md; containers-transports(5).

import { UserError } from '../errors.ts'
import { stat } from '../files.ts'
import { type Archive, compressionOf, type ImageHost } from './archive.ts'
import { fileBytes } from './bring-layer.ts'
import { startingWith } from './bytes.ts'
import { nameMeant } from './change.ts'
import { takeImageLock } from './lock.ts'
import { type Descriptor, type Manifest, mediaTypes } from './manifest.ts'
import { type Member, writeDirectory, writeOutput } from './output.ts'
import { idDigits } from './reference.ts'
import { blobPath, findImage, type ImageRecord, imageManifest } from './store.ts'
import { sweepIfAlone } from './sweep.ts'
import { plainMember, tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

export const saveFormats = ['docker-archive', 'oci-archive', 'oci-dir', 'docker-dir'] as const
export type SaveFormat = (typeof saveFormats)[number]

/** An image, and what it is to be called; nothing when it was asked for by its id. */
interface NamedImage {
  readonly image: ImageRecord
  readonly manifest: Manifest
  readonly name: string | undefined
}

export interface SaveOptions {
  readonly format: SaveFormat
  /** A path, or whoever takes the bytes of an archive as they come. */
  readonly to: string | ((bytes: Uint8Array) => void)
  /** What the one image is called there, in place of the name that it was asked for by; empty for nothing. */
  readonly calledThere?: string
}

/**
 * Saves images: one, or with the archive formats and `oci-dir` any number. Nothing can remove them meanwhile.
 *
 * @errors UserError when one is not here, or it cannot be written; then nothing is left of what was written
 */
export async function saveImages(host: ImageHost, names: readonly string[], options: SaveOptions): Promise<void> {
  const { format, to } = options
  const archive = await host.archive()
  const lock = await takeImageLock(host, 'image-import', 'shared')
  try {
    const { calledThere } = options
    const images = names.map((name) => ({
      ...named(host, name),
      ...(calledThere === undefined ? {} : { name: calledThere || undefined }),
    }))
    const members = membersOf(host, archive, images, format)
    if (format === 'oci-dir' || format === 'docker-dir') {
      if (typeof to !== 'string') throw new UserError(`save --format=${format}: needs --output: it is a directory`)
      await writeDirectory(host.kernel, to, members)
    } else if (typeof to === 'string') await writeOutput(host.kernel, to, archiveOf(members))
    else for await (const part of archiveOf(members)) to(part)
  } finally {
    lock.release()
    sweepIfAlone(host)
  }
}

function named(host: ImageHost, text: string): NamedImage {
  const image = findImage(host, text)
  const digits = idDigits(text)
  const byId = digits !== undefined && image.id.startsWith(digits)
  return { image, manifest: imageManifest(host, image), name: byId ? undefined : nameMeant(image, text) }
}

function membersOf(host: ImageHost, archive: Archive, images: readonly NamedImage[], format: SaveFormat): Member[] {
  if (format === 'docker-archive') return dockerMembers(host, archive, images)
  if (format === 'docker-dir') return directoryMembers(host, images[0]!)
  return ociMembers(host, images)
}

const encoder = new TextEncoder()

function document(path: string, content: unknown): Member {
  const bytes = encoder.encode(typeof content === 'string' ? content : JSON.stringify(content))
  return {
    path,
    sizeBytes: bytes.length,
    bytes: async function* () {
      yield bytes
    },
  }
}

/** A blob of the store, as it came. @errors UserError when it is gone */
function blobMember(host: ImageHost, hex: string, path: string): Member {
  const file = blobPath(host.root, hex)
  const found = stat(host.kernel, file)
  if (found === undefined) throw new UserError(`read ${file}: it is gone: get the image again`)
  return { path, sizeBytes: found.size, bytes: () => fileBytes(host, file) }
}

/** Each once, in order. */
function distinct(members: Iterable<Member>): Member[] {
  return [...new Map([...members].map((member) => [member.path, member])).values()]
}

const hexOf = (digest: string): string => digest.slice('sha256:'.length)
const partsOf = ({ config, layers }: Manifest): Descriptor[] => [...layers, config]

function ociMembers(host: ImageHost, images: readonly NamedImage[]): Member[] {
  const blobs = images.flatMap(({ image, manifest }) =>
    [...partsOf(manifest).map(({ digest }) => hexOf(digest)), hexOf(image.digest)].map((hex) =>
      blobMember(host, hex, `blobs/sha256/${hex}`),
    ),
  )
  const manifests = images.map(
    ({ image, manifest, name }): Descriptor => ({
      mediaType: manifest.mediaType ?? mediaTypes.ociManifest,
      digest: image.digest,
      size: stat(host.kernel, blobPath(host.root, hexOf(image.digest)))!.size,
      ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
    }),
  )
  return distinct([
    document('oci-layout', { imageLayoutVersion: '1.0.0' }),
    document('index.json', { schemaVersion: 2, manifests }),
    ...blobs,
  ])
}

/** containers-transports(5), `dir:`. */
function directoryMembers(host: ImageHost, { image, manifest }: NamedImage): Member[] {
  const blobs = partsOf(manifest).map(({ digest }) => blobMember(host, hexOf(digest), hexOf(digest)))
  return distinct([
    document('version', 'Directory Transport Version: 1.1\n'),
    blobMember(host, hexOf(image.digest), 'manifest.json'),
    ...blobs,
  ])
}

/** What `docker save` writes and every `load` reads. */
function dockerMembers(host: ImageHost, archive: Archive, images: readonly NamedImage[]): Member[] {
  const ids = [...new Map(images.map((each) => [each.image.id, each])).values()]
  const namesOf = (id: string) => [
    ...new Set(images.flatMap(({ image, name }) => (image.id === id && name !== undefined ? [name] : []))),
  ]
  const members = ids.flatMap(({ image, manifest }) => [
    ...image.layers.map(({ diffId, tarBytes }, index): Member => {
      const blob = blobPath(host.root, hexOf(manifest.layers[index]!.digest))
      const bytes = () => whole(decompressed(host, archive, blob), tarBytes, blob)
      return { path: `${diffId}.tar`, sizeBytes: tarBytes, bytes }
    }),
    blobMember(host, image.id, `${image.id}.json`),
  ])
  const entries = ids.map(({ image }) => {
    const names = namesOf(image.id)
    return {
      Config: `${image.id}.json`,
      RepoTags: names.length === 0 ? null : names,
      Layers: image.layers.map(({ diffId }) => `${diffId}.tar`),
    }
  })
  return [
    ...distinct(members),
    document('repositories', repositoriesOf(ids, namesOf)),
    document('manifest.json', entries),
  ]
}

/** Repository to tag to the topmost layer: what was read before there was a manifest.json. */
function repositoriesOf(images: readonly NamedImage[], namesOf: (id: string) => string[]) {
  const tags = images.flatMap(({ image }) =>
    namesOf(image.id).map((name) => {
      const colon = name.lastIndexOf(':')
      const tag: [string, string] = [name.slice(colon + 1), image.layers.at(-1)?.diffId ?? '']
      return { repository: name.slice(0, colon), tag }
    }),
  )
  const byRepository = Map.groupBy(tags, ({ repository }) => repository)
  return Object.fromEntries(
    [...byRepository].map(([name, all]) => [name, Object.fromEntries(all.map(({ tag }) => tag))]),
  )
}

async function* decompressed(host: ImageHost, archive: Archive, path: string): AsyncGenerator<Uint8Array> {
  const raw = fileBytes(host, path)
  const first = await raw.next()
  if (first.done) return
  yield* archive.decompress(startingWith(first.value, raw), compressionOf(first.value))
}

/** The header that says how long it is has been written. */
async function* whole(bytes: AsyncIterable<Uint8Array>, sizeBytes: number, path: string): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const part of bytes) {
    length += part.length
    if (length > sizeBytes) break
    yield part
  }
  if (length !== sizeBytes) throw new UserError(`read ${path}: it is damaged: its tar has not ${sizeBytes} bytes`)
}

/** A tar archive of members, their directories before them. */
async function* archiveOf(members: readonly Member[]): AsyncGenerator<Uint8Array> {
  const directories = new Set<string>()
  for (const { path, sizeBytes, bytes } of members) {
    const names = path.split('/').slice(0, -1)
    for (const [index] of names.entries()) {
      const directory = names.slice(0, index + 1).join('/')
      if (!directories.has(directory)) yield tarHeader(plainMember(directory, 'directory'))
      directories.add(directory)
    }
    yield tarHeader(plainMember(path, 'file', sizeBytes))
    yield* bytes()
    yield tarPadding(sizeBytes)
  }
  yield tarEnd
}

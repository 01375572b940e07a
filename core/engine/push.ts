// push: an image to a registry, its manifest when all else is there. podman-push(1); OCI distribution spec, "Push".

import { atOnce } from '../at-once.ts'
import { UserError } from '../errors.ts'
import { readBytes } from '../files.ts'
import type { Archive, ImageHost } from '../image/archive.ts'
import { addRepoDigest, nameMeant } from '../image/change.ts'
import { takeImageLock } from '../image/lock.ts'
import type { Descriptor } from '../image/manifest.ts'
import {
  checkOutgoing,
  formatOf,
  type OutgoingOptions,
  outgoingLayer,
  outgoingManifest,
  storedBlob,
} from '../image/outgoing.ts'
import {
  fromDockerTransport,
  type ImageSource,
  localName,
  parseName,
  parseSource,
  printName,
  type WholeName,
  wholeName,
} from '../image/reference.ts'
import { type BlobSource, openRegistry, type RegistryClient } from '../image/registry/client.ts'
import { endpointsFor } from '../image/registry/endpoints.ts'
import { saveImages } from '../image/save.ts'
import { blobPath, findImage, type ImageRecord, imageManifest, listImages } from '../image/store.ts'
import { sweepIfAlone } from '../image/sweep.ts'
import type { Host, Settings } from './host.ts'
import { imageHost } from './image-host.ts'
import type { RegistryAccess } from './pull.ts'
import type { BlobProgress, OnTransfer } from './transfer.ts'

export interface PushOptions extends OutgoingOptions {
  readonly access?: RegistryAccess
  readonly onTransfer?: OnTransfer
}

const parallel = 4
/** So many other repositories are asked for a blob before it is sent. */
const mountsMax = 3

/**
 * Sends what a registry does not have of an image. A manifest that came from a registry goes there as it came, so that
 * its digest is the same, unless format or compression are to change.
 *
 * @param source - the image, by name or id
 * @param destination - `docker://NAME` or a name, or where `save` writes (`oci:DIR`, ...); absent: the name that `source` is
 * @returns the digest of the manifest as it was pushed
 * @errors UserError, RegistryError
 */
export async function pushImage(
  host: Host,
  settings: Settings,
  source: string,
  destination: string | undefined,
  options: PushOptions = {},
): Promise<string> {
  const images = imageHost(host, settings)
  const elsewhere = destination?.startsWith('docker://') ? undefined : parseSource(destination ?? '')
  if (elsewhere) return await saveTo(images, source, elsewhere, options)
  // Nothing of it is swept meanwhile, also when somebody removes it.
  const lock = await takeImageLock(images, 'image-import', 'shared')
  try {
    const image = findImage(images, source)
    const to = destinationOf(image, source, destination)
    const [endpoint] = await endpointsFor(host, to, { ...options.access, purpose: 'push' })
    options.onTransfer?.({ kind: 'trying', action: 'push', name: printName(to) })
    const client = openRegistry(host, endpoint!)
    const digest = await send(images, await host.archive(), client, image, to, options)
    await addRepoDigest(images, image.id, `${to.registry}/${to.repository}@${digest}`)
    return digest
  } finally {
    lock.release()
    sweepIfAlone(images)
  }
}

/** What `save` writes too. containers-transports(5). */
async function saveTo(host: ImageHost, source: string, to: ImageSource, options: PushOptions): Promise<string> {
  const { format, compression, level } = options
  if ((format ?? compression ?? level) !== undefined)
    throw new UserError(`push to ${to.path}: --format and --compression-… are for registries; there it goes as it is`)
  const { digest } = findImage(host, source)
  const formats = { oci: 'oci-dir', dir: 'docker-dir', 'oci-archive': 'oci-archive', any: 'oci-archive' } as const
  if (to.kind === 'docker-archive') {
    const calledThere = to.reference === undefined ? undefined : localName(to.reference)
    await saveImages(host, [source], { format: 'docker-archive', to: to.path, calledThere })
  } else {
    const calledThere = 'tag' in to ? to.tag : undefined
    await saveImages(host, [source], { format: formats[to.kind], to: to.path, calledThere: calledThere ?? '' })
  }
  return digest
}

function destinationOf(image: ImageRecord, source: string, destination: string | undefined): WholeName {
  const text = destination ?? nameMeant(image, source)
  if (text === undefined) throw new UserError(`push ${source}: it is named by id or digest: say where it is to go`)
  const to = fromDockerTransport(text) ?? wholeName(parseName(text), 'docker.io')
  if (to.digest !== undefined) throw new UserError(`push to ${text}: give a tag; the digest comes of what is pushed`)
  return to
}

async function send(
  host: ImageHost,
  archive: Archive,
  client: RegistryClient,
  image: ImageRecord,
  to: WholeName,
  options: PushOptions,
): Promise<string> {
  const { onTransfer = () => {} } = options
  const manifest = imageManifest(host, image)
  const bytes = readBytes(host.kernel, blobPath(host.root, hexOf(image.digest)))
  checkOutgoing(options, manifest)
  const format = options.format ?? formatOf(manifest)
  const blobs = distinct([...manifest.layers, manifest.config])
  onTransfer({ kind: 'blobs', blobs: blobs.map(({ digest, size }) => ({ hex: hexOf(digest), totalBytes: size })) })
  const sender = new BlobSender(host, client, to)
  const sent = new Map<string, Descriptor>()
  const act = async (blob: Descriptor) => {
    const hex = hexOf(blob.digest)
    const tell = (state: BlobProgress['state'], doneBytes: number, totalBytes = blob.size) =>
      onTransfer({ kind: 'blob', blob: { hex, state, doneBytes, totalBytes } })
    if (blob === manifest.config) return await sender.send(storedBlob(host, blob.digest), tell)
    const layer = await outgoingLayer(host, archive, blob, format, options)
    try {
      if (layer.source) await sender.send(layer.source, tell)
      else tell('present', 0)
      sent.set(blob.digest, layer.descriptor)
    } finally {
      layer.end()
    }
  }
  await atOnce(blobs, parallel, act)
  const layers = manifest.layers.map((layer) => sent.get(layer.digest)!)
  const out = outgoingManifest(archive, { manifest, bytes }, layers, format)
  onTransfer({ kind: 'manifest' })
  await client.putManifest(to.tag ?? 'latest', out.bytes, out.mediaType)
  return out.digest
}

const hexOf = (digest: string): string => digest.slice('sha256:'.length)
const distinct = (blobs: readonly Descriptor[]): Descriptor[] => [
  ...new Map(blobs.map((blob) => [blob.digest, blob])).values(),
]

/** Sends blobs to one repository, the cheapest way that works. */
class BlobSender {
  readonly #host: ImageHost
  readonly #client: RegistryClient
  readonly #to: WholeName

  constructor(host: ImageHost, client: RegistryClient, to: WholeName) {
    this.#host = host
    this.#client = client
    this.#to = to
  }

  async send(
    blob: BlobSource,
    tell: (state: BlobProgress['state'], doneBytes: number, totalBytes: number) => void,
  ): Promise<void> {
    const { digest, sizeBytes } = blob
    if ((await this.#client.hasBlob(digest)) || (await this.#mounted(digest))) return tell('present', 0, sizeBytes)
    tell('moving', 0, sizeBytes)
    await this.#client.uploadBlob(blob, { onProgress: (doneBytes) => tell('moving', doneBytes, sizeBytes) })
    tell('done', sizeBytes, sizeBytes)
  }

  /** Whether the registry has taken it over from another repository, which an image with the blob is known to be in. */
  async #mounted(digest: string): Promise<boolean> {
    const { registry, repository } = this.#to
    const others = listImages(this.#host)
      .filter(({ blobs }) => blobs.includes(hexOf(digest)))
      .flatMap(({ repoDigests }) => repoDigests)
      .filter((text) => text.startsWith(`${registry}/`))
      .map((text) => text.slice(registry.length + 1, text.indexOf('@')))
      .filter((other) => other !== repository)
    for (const other of [...new Set(others)].slice(0, mountsMax)) {
      if (await this.#client.mountBlob(digest, other)) return true
    }
    return false
  }
}

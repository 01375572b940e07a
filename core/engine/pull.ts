// pull: images from registries, from whichever of their names and mirrors answers, and from layouts. podman-pull(1).

import { RefusedError, UserError } from '../errors.ts'
import { type BringOptions, bringIn, type LayerEvent, withImport } from '../image/bring.ts'
import { nameMeant } from '../image/change.ts'
import { importImage } from '../image/import.ts'
import { machinePlatform, type WantedPlatform } from '../image/platform.ts'
import { parseSource, printName, type WholeName } from '../image/reference.ts'
import { openRegistry, type RegistryClient } from '../image/registry/client.ts'
import { type EndpointOptions, endpointsFor } from '../image/registry/endpoints.ts'
import { type ResolveOptions, resolveName } from '../image/registry/short-names.ts'
import { remoteImage } from '../image/remote.ts'
import type { SourceImage } from '../image/source.ts'
import { type ImageRecord, listImages } from '../image/store.ts'
import type { Host, Settings } from './host.ts'
import { imageHost } from './image-host.ts'
import type { OnTransfer } from './transfer.ts'

/** How registries are spoken to, as flags say it. */
export type RegistryAccess = Pick<EndpointOptions, 'tlsVerify' | 'authfile' | 'credentials' | 'certDir'>

export interface PullOptions {
  readonly access?: RegistryAccess
  /** Absent: the machine's own. */
  readonly platform?: WantedPlatform
  readonly onTransfer?: OnTransfer
  /** Has the user choose what a short name means. */
  readonly choose?: ResolveOptions['choose']
  /** There is something else to do when it fails: a registry is not tried for long. */
  readonly hasty?: boolean
  readonly limits?: BringOptions['limits']
}

/**
 * Brings in the image that a text means: a name of a registry's image, a short name, `docker://NAME`, or a layout or
 * archive with its transport. A name moves here from the image that had it.
 *
 * @errors UserError that tells of every place where it was looked for
 */
export async function pullImage(
  host: Host,
  settings: Settings,
  text: string,
  options: PullOptions = {},
): Promise<ImageRecord> {
  const { onTransfer = () => {} } = options
  const platform = options.platform ?? machinePlatform(host.kernel, host.environment)
  const source = text.startsWith('docker://') ? undefined : parseSource(text)
  if (source) {
    onTransfer({ kind: 'trying', action: 'pull', name: text })
    const onProgress = (event: LayerEvent) => onTransfer(blobEvent(event))
    return await importImage(imageHost(host, settings), source, { platform, limits: options.limits, onProgress })
  }
  const { names, why, remember } = await resolveName(host, text, {
    here: hereAs(host, settings),
    choose: options.choose,
  })
  if (why !== undefined) onTransfer({ kind: 'note', sentence: why })
  const record = await withImport(imageHost(host, settings), () =>
    firstOf(names, (name, last) => {
      onTransfer({ kind: 'trying', action: 'pull', name: printName(name) })
      return pullName(host, settings, name, platform, { ...options, hasty: options.hasty || !last })
    }),
  )
  await remember?.()
  return record
}

/** The whole name of an image that is here. */
export function hereAs({ kernel }: Host, { root }: Settings): (text: string) => string | undefined {
  return (text) => {
    const image = listImages({ kernel, root }).find((image) => nameMeant(image, text) !== undefined)
    return image && nameMeant(image, text)
  }
}

/**
 * All tagged images of a repository: `pull --all-tags`. What is tagged and no image is told of and left out.
 *
 * @errors UserError when there is none, or none can be had
 */
export async function pullAllTags(
  host: Host,
  settings: Settings,
  text: string,
  options: PullOptions = {},
): Promise<ImageRecord[]> {
  const platform = options.platform ?? machinePlatform(host.kernel, host.environment)
  const { names } = await resolveName(host, text, { here: hereAs(host, settings), choose: options.choose })
  if (/[:@][^/]*$/.test(text.replace(/^docker:\/\//, '')))
    throw new UserError(`pull --all-tags ${text}: give the repository alone, without tag or digest`)
  return await withImport(imageHost(host, settings), () =>
    firstOf(names, async (name) => {
      const tags = await firstOf(await clientsFor(host, name, options), (client) => client.tags())
      const records: ImageRecord[] = []
      const failures: UserError[] = []
      for (const tag of tags) {
        const tagged = { ...name, tag, digest: undefined }
        options.onTransfer?.({ kind: 'trying', action: 'pull', name: printName(tagged) })
        try {
          records.push(await pullName(host, settings, tagged, platform, options))
        } catch (error) {
          if (!(error instanceof UserError) || error instanceof RefusedError) throw error
          failures.push(error)
        }
      }
      if (records.length === 0) throw failures[0] ?? new UserError(`pull --all-tags ${text}: the repository has no tag`)
      for (const { message } of failures) host.warn(message)
      return records
    }),
  )
}

async function pullName(
  host: Host,
  settings: Settings,
  name: WholeName,
  platform: WantedPlatform,
  options: PullOptions,
): Promise<ImageRecord> {
  const { onTransfer = () => {}, limits } = options
  const images = imageHost(host, settings)
  const archive = await host.archive()
  // With a digest the tag says nothing.
  const wanted = { repository: `${name.registry}/${name.repository}`, reference: name.digest ?? name.tag ?? 'latest' }
  return await firstOf(await clientsFor(host, name, options), async (client) => {
    const image = await remoteImage(images, archive, client, wanted, platform)
    onTransfer({ kind: 'blobs', blobs: blobsOf(image) })
    const onProgress = (event: LayerEvent) => onTransfer(blobEvent(event))
    const record = await bringIn(images, archive, image, { limits, onProgress })
    onTransfer({ kind: 'manifest' })
    return record
  })
}

async function clientsFor(host: Host, name: WholeName, { access, hasty }: PullOptions): Promise<RegistryClient[]> {
  const endpoints = await endpointsFor(host, name, access)
  // To a client `mirror` says that another place follows.
  return endpoints.map((endpoint) => openRegistry(host, hasty ? { ...endpoint, mirror: true } : endpoint))
}

/**
 * What the first of several places answers.
 *
 * @errors what the only one threw, or a UserError with what each threw; what the kernel refuses ends it at once, as it
 *   would refuse it again
 */
async function firstOf<Place, T>(
  places: readonly Place[],
  act: (place: Place, last: boolean) => Promise<T>,
): Promise<T> {
  const failures: UserError[] = []
  for (const [index, place] of places.entries()) {
    try {
      return await act(place, index === places.length - 1)
    } catch (error) {
      if (!(error instanceof UserError) || error instanceof RefusedError) throw error
      failures.push(error)
    }
  }
  if (failures.length === 1) throw failures[0]
  throw new UserError([...new Set(failures.map(({ message }) => message))].join('; '))
}

const blobsOf = ({ layers }: SourceImage) => {
  const sizes = new Map(layers.map(({ diffId, blob }) => [blob?.hex ?? diffId, blob?.sizeBytes]))
  return [...sizes].map(([hex, totalBytes]) => ({ hex, ...(totalBytes === undefined ? {} : { totalBytes }) }))
}

function blobEvent({ hex, state, doneBytes, totalBytes }: LayerEvent) {
  const total = totalBytes === undefined ? {} : { totalBytes }
  const moving = state === 'downloading' ? 'moving' : state
  return { kind: 'blob', blob: { hex, state: moving, doneBytes, ...total } } as const
}

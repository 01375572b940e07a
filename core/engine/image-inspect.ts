// image inspect: all about an image, under podman's field names. podman-image-inspect(1)

import { mediaTypes } from '../image/manifest.ts'
import { layerStack } from '../image/root.ts'
import { findImage, type ImageRecord, imageConfig, imageManifest } from '../image/store.ts'
import type { ImageConfig, ImageHistory } from '../spec/image-config.ts'
import type { Host, Settings } from './host.ts'
import { imageBytes } from './image-list.ts'

export interface ImageInspection {
  readonly Id: string
  /** Of its manifest. */
  readonly Digest: string
  readonly RepoTags: readonly string[]
  readonly RepoDigests: readonly string[]
  readonly Parent: string
  readonly Comment: string
  readonly Created: string | null
  readonly Config: NonNullable<ImageConfig['config']>
  readonly Version: string
  readonly Author: string
  readonly Architecture: string
  readonly Variant?: string
  readonly Os: string
  /** What its uncompressed layers hold. */
  readonly Size: number
  readonly VirtualSize: number
  /** Where its files are: LowerDir as overlayfs takes it, topmost first, and above it UpperDir. */
  readonly GraphDriver: { readonly Name: 'overlay'; readonly Data: Readonly<Record<string, string>> }
  readonly RootFS: { readonly Type: 'layers'; readonly Layers: readonly string[] }
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Annotations: Readonly<Record<string, string>>
  readonly ManifestType: string
  readonly User: string
  readonly History: readonly ImageHistory[] | null
}

/** @errors UserError when it is not here */
export function inspectImage(host: Pick<Host, 'kernel'>, settings: Settings, nameOrId: string): ImageInspection {
  const reader = { kernel: host.kernel, root: settings.root }
  const image = findImage(reader, nameOrId)
  const config = imageConfig(reader, image)
  const manifest = imageManifest(reader, image)
  const execution = config.config ?? {}
  const history = config.history ?? null
  return {
    Id: image.id,
    Digest: image.digest,
    RepoTags: image.names,
    RepoDigests: repoDigestsOf(image),
    Parent: '',
    Comment: history?.at(-1)?.comment ?? '',
    Created: config.created ?? null,
    Config: execution,
    Version: '',
    Author: config.author ?? '',
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: imageBytes(image),
    VirtualSize: imageBytes(image),
    GraphDriver: { Name: 'overlay', Data: directoriesOf(settings, image) },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Labels: execution.Labels ?? null,
    Annotations: manifest.annotations ?? {},
    ManifestType: manifest.mediaType ?? mediaTypes.ociManifest,
    User: execution.User ?? '',
    History: history,
  }
}

/** `repository@digest`: where it was pulled from, and what each of its names may be written as. */
export function repoDigestsOf({ repoDigests, names, digest }: ImageRecord): readonly string[] {
  const named = names.map((name) => `${name.slice(0, name.lastIndexOf(':'))}@${digest}`)
  return [...new Set([...repoDigests, ...named])]
}

function directoriesOf({ root }: Settings, image: ImageRecord): Record<string, string> {
  const [top = '', ...below] = layerStack(root, image, '').lower
  return { ...(below.length > 0 ? { LowerDir: below.join(':') } : {}), UpperDir: top }
}

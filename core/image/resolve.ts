// From the descriptor of a manifest or an index to the one image that fits a platform, wherever the documents lie: a
// layout, a registry, our own store.

import { UserError } from '../errors.ts'
import type { Archive } from './archive.ts'
import { checkDigest, layerHex, readConfig, readDocument, shaHex } from './documents.ts'
import { type Descriptor, isWasmArtifact } from './manifest.ts'
import { chooseForPlatform, fits, normalPlatform, platformText, type WantedPlatform } from './platform.ts'
import { digestHex } from './reference.ts'
import type { SourceImage, SourceLayer } from './source.ts'

/** Where an image's parts come from. Digests are checked by whoever asks. */
export interface Contents {
  /** For sentences: the image's name, or the layout's path. */
  readonly title: string
  /** A manifest or an index. */
  readonly manifest: (descriptor: Pick<Descriptor, 'digest'>) => Promise<Uint8Array>
  readonly config: (descriptor: Descriptor) => Promise<Uint8Array>
  readonly layer: (descriptor: Descriptor) => AsyncIterable<Uint8Array>
}

/** An index that names an index that names an index is as deep as it goes. */
const depthMax = 3

/**
 * @param top - its bytes are asked of `contents` unless they are at hand
 * @errors UserError when there is no image for the platform, or something is damaged or no image
 */
export async function resolveImage(
  archive: Archive,
  contents: Contents,
  top: Pick<Descriptor, 'digest'> & { readonly mediaType?: string; readonly bytes?: Uint8Array },
  wanted: WantedPlatform,
): Promise<SourceImage> {
  const { title } = contents
  let at: typeof top = top
  let index: SourceImage['index']
  for (let depth = 0; ; depth++) {
    const what = depth === 0 ? title : `${title}: manifest ${at.digest}`
    const hex = digestHex(at.digest, what)
    const bytes = at.bytes ?? (await contents.manifest(at))
    checkDigest(archive, bytes, at.digest, what)
    const document = readDocument(bytes, at.mediaType, what)
    if (document.kind === 'manifest') {
      const { manifest } = document
      if (isWasmArtifact(manifest)) {
        const { artifactImage } = await import('./wasm-artifact.ts')
        return await artifactImage(archive, contents, manifest, wanted)
      }
      return {
        ...(await imageOf(archive, contents, manifest, wanted)),
        manifest: { hex, bytes },
        ...(index && { index }),
      }
    }
    if (depth === depthMax) throw new UserError(`${title}: indexes in indexes, deeper than ${depthMax}`)
    index ??= { hex, bytes }
    at = chooseForPlatform(wanted, document.index.manifests, title)
  }
}

async function imageOf(
  archive: Archive,
  contents: Contents,
  manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] },
  wanted: WantedPlatform,
): Promise<SourceImage> {
  const { title } = contents
  const configBytes = await contents.config(manifest.config)
  checkDigest(archive, configBytes, manifest.config.digest, `${title}: configuration`)
  const config = readConfig(configBytes, manifest.layers.length, title)
  refuseOtherPlatform(config, wanted, title)
  const layers = manifest.layers.map((layer, index): SourceLayer => {
    const what = `${title}: layer ${index + 1}`
    const hex = layerHex(layer, what)
    if (!Number.isSafeInteger(layer.size) || layer.size < 0)
      throw new UserError(`${what}: its size ${layer.size} is none`)
    const blob = { hex, sizeBytes: layer.size, mediaType: layer.mediaType }
    return { diffId: digestHex(config.rootfs.diff_ids[index]!, what), blob, open: () => contents.layer(layer) }
  })
  return { id: shaHex(archive, configBytes), config, configBytes, names: [], layers }
}

/** What is not chosen from an index may be for another machine; that is told when it is run, unless one was asked for. */
export function refuseOtherPlatform(
  config: { readonly os: string; readonly architecture: string; readonly variant?: string },
  wanted: WantedPlatform,
  title: string,
): void {
  if (!wanted.asked || fits(wanted, config)) return
  const [asked, found] = [wanted, config].map((platform) => platformText(normalPlatform(platform)))
  throw new UserError(`${title}: no image for ${asked}; it is for ${found}`)
}

// images: those that are here, which of them a filter means, and what containers are made of each.

import { type FilterFacts, imageFilter } from '../image/filter.ts'
import { type ImageRecord, imageConfig, listImages } from '../image/store.ts'
import type { Host, Settings } from './host.ts'
import { imageUses } from './image-uses.ts'

export interface ListedImage {
  readonly image: ImageRecord
  /** Its names, or of them those that were asked for. */
  readonly names: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Ids. */
  readonly containers: readonly string[]
}

export interface ImageListOptions {
  /** `KEY=VALUE`. */
  readonly filters: readonly string[]
  /** A name, a repository with all its tags, or a pattern. */
  readonly name?: string
  /** A moment as users write it: milliseconds since 1970. */
  readonly moment: (text: string) => number
}

/** What a filter needs to know of the images here. */
export function filterFacts(
  host: Host,
  settings: Settings,
  moment: (text: string) => number,
  images: readonly ImageRecord[],
): FilterFacts {
  const reader = { kernel: host.kernel, root: settings.root }
  return {
    images,
    moment,
    inUse: new Set(imageUses(host, settings).keys()),
    labelsOf: (image) => imageConfig(reader, image).config?.Labels ?? {},
  }
}

/** Size as podman reckons it: what the uncompressed layers hold. */
export const imageBytes = (image: ImageRecord): number => image.layers.reduce((sum, layer) => sum + layer.tarBytes, 0)

/** @errors UserError for a filter that is none */
export function listImagesWith(host: Host, settings: Settings, options: ImageListOptions): readonly ListedImage[] {
  const reader = { kernel: host.kernel, root: settings.root }
  const images = listImages(reader)
  const uses = imageUses(host, settings)
  const facts = filterFacts(host, settings, options.moment, images)
  const asked = imageFilter(options.filters, facts)
  const named = options.name === undefined ? undefined : imageFilter([`reference=${options.name}`], facts)
  return images
    .filter((image) => asked.fits(image) && (named === undefined || named.fits(image)))
    .map((image) => ({
      image,
      names: (named ?? asked).names(image),
      labels: facts.labelsOf(image),
      containers: uses.get(image.id) ?? [],
    }))
}

// image prune: images that nobody needs go, and what only they had on disk.

import { diskBytes } from '../disk.ts'
import { dropImages } from '../image/change.ts'
import { imageFilter } from '../image/filter.ts'
import { blobPath, type ImageRecord, layerDirectory } from '../image/store.ts'
import { sweepIfAlone } from '../image/sweep.ts'
import type { Host, Settings } from './host.ts'
import { imageHost } from './image-host.ts'
import { filterFacts } from './image-list.ts'
import { lookAtAll } from './open.ts'

export interface PruneOptions {
  /** `KEY=VALUE`, among them label and until. */
  readonly filters: readonly string[]
  /** A moment as users write it: milliseconds since 1970. */
  readonly moment: (text: string) => number
}

export interface Pruned {
  /** Whole ids, or names of volumes. */
  readonly removed: readonly string[]
  /** On disk. */
  readonly bytes: number
}

/**
 * Removes images that have no name, or with `all` every one that no container is made of. podman-image-prune(1).
 * A container that is being made of one is waited for, and keeps it.
 *
 * @errors UserError for a filter that is none; then nothing is removed
 */
export async function pruneImages(
  host: Host,
  settings: Settings,
  options: PruneOptions & { readonly all: boolean },
): Promise<Pruned> {
  // Removes the containers with --rm that have ended unseen: what they were made of is free.
  await lookAtAll(host, settings)
  const { dropped, kept } = await dropImages(imageHost(host, settings), (images) => {
    const facts = filterFacts(host, settings, options.moment, images)
    const { fits } = imageFilter(options.filters, facts)
    return images.filter(
      (image) => (options.all || image.names.length === 0) && !facts.inUse.has(image.id) && fits(image),
    )
  })
  const needed = new Set(kept.flatMap((image) => partsOf(settings, image)))
  const free = new Set(dropped.flatMap((image) => partsOf(settings, image)).filter((path) => !needed.has(path)))
  const bytes = [...free].reduce((sum, path) => sum + diskBytes(host.kernel, path), 0)
  // Also when there was nothing: what a killed command has left is what the user is after.
  sweepIfAlone(imageHost(host, settings))
  return { removed: dropped.map((image) => image.id), bytes }
}

/** The paths of all that an image has on disk: its unpacked layers and its blobs. */
export function partsOf({ root }: Pick<Settings, 'root'>, image: ImageRecord): readonly string[] {
  return [
    ...image.layers.map((layer) => layerDirectory(root, layer.diffId)),
    ...image.blobs.map((hex) => blobPath(root, hex)),
  ]
}

// system prune: containers that do not run, then volumes and images that nobody needs any more. podman-system-prune(1)

import { pruneContainers } from './container-prune.ts'
import type { Host, Settings } from './host.ts'
import { type Pruned, type PruneOptions, pruneImages } from './image-prune.ts'
import { pruneVolumes } from './volume-list.ts'

export interface SystemPruneOptions extends PruneOptions {
  /** Also images that have a name. */
  readonly allImages: boolean
  /** Also volumes. */
  readonly volumes: boolean
}

export interface SystemPruned {
  readonly containers: Pruned
  readonly volumes: Pruned
  readonly images: Pruned
  /** On disk. */
  readonly bytes: number
}

const none: Pruned = { removed: [], bytes: 0 }

/**
 * Containers go first, so that what only they needed goes too.
 *
 * @errors UserError for a filter that is none; then nothing is removed
 */
export async function pruneSystem(host: Host, settings: Settings, options: SystemPruneOptions): Promise<SystemPruned> {
  const containers = await pruneContainers(host, settings, options)
  const volumes = options.volumes ? await pruneVolumes(host, settings, options) : none
  const images = await pruneImages(host, settings, { ...options, all: options.allImages })
  return { containers, volumes, images, bytes: containers.bytes + volumes.bytes + images.bytes }
}

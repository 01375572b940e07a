// diff: what a container has changed in its root file system, or an image's topmost layer in those below. podman-diff(1).

import { DamagedError, RefusedError, UserError } from '../errors.ts'
import { layerStack } from '../image/root.ts'
import { findImage, type ImageRecord } from '../image/store.ts'
import { walkTree } from '../image/tree.ts'
import { resolveId } from '../store/names.ts'
import { layersOfContainer, marksOf, mountPlaces } from './container-tree.ts'
import type { Host, Settings } from './host.ts'
import { isOverlay } from './make.ts'
import { lookUp } from './open.ts'

export interface Change {
  readonly kind: 'A' | 'C' | 'D'
  /** From the root, with a slash before. */
  readonly path: string
}

/**
 * The paths that were added, changed or deleted, in the order of their names. Directories in which something changed are
 * changed too; where something is mounted, nothing is.
 *
 * @errors UserError when there is neither a container nor an image of that name, or the container works on its directory
 *   itself, so that nobody knows what was there before
 */
export async function* diff(host: Host, settings: Settings, name: string): AsyncGenerator<Change> {
  const { layers, places } = await whatIs(host, settings, name)
  for (const file of walkTree(host.kernel, layers, { view: 'changes', marks: marksOf(host) })) {
    if (file.path === '' || places.has(file.path)) continue
    if (file.whiteout) {
      if (file.below !== undefined) yield { kind: 'D', path: `/${file.path}` }
    } else yield { kind: file.below === undefined ? 'A' : 'C', path: `/${file.path}` }
  }
}

async function whatIs(host: Host, settings: Settings, name: string) {
  const { kernel } = host
  if (isContainer(host, settings, name)) {
    const stored = await lookUp(host, settings, name)
    if (!isOverlay(stored.record.request))
      throw new UserError(`diff ${name}: it works on the directory of --rootfs itself; use --rootfs=DIRECTORY:O`)
    return { layers: layersOfContainer(stored), places: mountPlaces(kernel, stored) }
  }
  const image = imageCalled(host, settings, name)
  return { layers: layerStack(settings.root, image, '').lower, places: new Set<string>() }
}

function imageCalled(host: Host, settings: Settings, name: string): ImageRecord {
  try {
    return findImage({ kernel: host.kernel, root: settings.root }, name)
  } catch (error) {
    if (!(error instanceof UserError) || error instanceof DamagedError) throw error
    throw new UserError(`diff ${name}: there is neither a container nor an image of that name`)
  }
}

function isContainer(host: Host, settings: Settings, name: string): boolean {
  try {
    resolveId(host.kernel, settings, name)
    return true
  } catch (error) {
    if (error instanceof UserError && !(error instanceof RefusedError)) return false
    throw error
  }
}

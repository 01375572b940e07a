// The directories that overlayfs puts together to a container's root file system. overlayfs (kernel documentation).

import { type ImageRecord, layerTree } from './store.ts'

/** What the mount of a container's root needs to know. */
export interface LayerStack {
  /** Directories of the image, topmost first, as `lowerdir` wants them. */
  readonly lower: readonly string[]
  /** The container's own writable layer. */
  readonly upper: string
  /** overlayfs's scratch directory, on the same file system as `upper`. */
  readonly work: string
}

/**
 * The layers of an image beneath a container's own directory.
 *
 * @param containerDirectory - `ROOT/containers/ID`, with `upper` and `work` in it
 */
export function layerStack(root: string, image: Pick<ImageRecord, 'layers'>, containerDirectory: string): LayerStack {
  const topmostFirst = image.layers.toReversed()
  // overlayfs merges the roots of all layers and takes no opaque mark there, so that what is hidden is left out.
  const hides = topmostFirst.findIndex((layer) => layer.opaque)
  const seen = hides < 0 ? topmostFirst : topmostFirst.slice(0, hides + 1)
  return {
    // overlayfs refuses one directory twice (ELOOP); the upper one of two equal layers decides.
    lower:
      seen.length === 0 ? [`${root}/images/empty`] : [...new Set(seen.map((layer) => layerTree(root, layer.diffId)))],
    upper: `${containerDirectory}/upper`,
    work: `${containerDirectory}/work`,
  }
}

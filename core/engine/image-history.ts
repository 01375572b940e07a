// history and image tree: how an image came about, layer by layer, and who shares them. podman-history(1), podman-image-tree(1)

import { findImage, type ImageRecord, imageConfig, type LayerRecord, listImages } from '../image/store.ts'
import type { ImageHistory } from '../spec/image-config.ts'
import type { Host, Settings } from './host.ts'

/** One step of an image's making. */
export interface HistoryStep {
  /** The image that ends with this step, when it is here. */
  readonly id?: string
  readonly names: readonly string[]
  /** RFC 3339. */
  readonly created?: string
  readonly createdBy: string
  readonly comment: string
  /** What its layer holds, uncompressed; 0 for a step that made none. */
  readonly bytes: number
}

const chain = (layers: readonly LayerRecord[]): string => layers.map((layer) => layer.diffId).join(' ')

/** The steps, last first. An image whose configuration has no history shows its layers. */
export function imageHistory(host: Pick<Host, 'kernel'>, settings: Settings, nameOrId: string): HistoryStep[] {
  const reader = { kernel: host.kernel, root: settings.root }
  const image = findImage(reader, nameOrId)
  const config = imageConfig(reader, image)
  const made: readonly ImageHistory[] = config.history?.length
    ? config.history
    : image.layers.map(() => ({ created: config.created }))
  const others = new Map(
    listImages(reader)
      .filter(({ id }) => id !== image.id)
      .map((other) => [chain(other.layers), other]),
  )
  let layers = 0
  const steps = made.map((step, index): HistoryStep => {
    const layer = step.empty_layer ? undefined : image.layers[layers++]
    const isLast = index === made.length - 1
    const here = isLast ? image : layer && others.get(chain(image.layers.slice(0, layers)))
    return {
      ...(here && { id: here.id }),
      names: here?.names ?? [],
      created: step.created,
      createdBy: step.created_by ?? '',
      comment: step.comment ?? '',
      bytes: layer?.tarBytes ?? 0,
    }
  })
  return steps.reverse()
}

/** A layer in its place upon others. */
export interface LayerNode {
  readonly layer: LayerRecord
  /** Names of the images that end with it; those without a name have their id here. */
  readonly topOf: readonly string[]
  readonly above: readonly LayerNode[]
}

/** An image and its layers, lowest first, each with the images that end there. */
export function imageLayers(host: Pick<Host, 'kernel'>, settings: Settings, nameOrId: string) {
  const reader = { kernel: host.kernel, root: settings.root }
  const image = findImage(reader, nameOrId)
  const images = listImages(reader)
  const layers = image.layers.map((layer, index) => ({
    layer,
    topOf: endingWith(images, image.layers.slice(0, index + 1)),
    above: [],
  }))
  return { image, layers }
}

/** An image's topmost layer, and what other images have upon it. */
export function layersAbove(host: Pick<Host, 'kernel'>, settings: Settings, nameOrId: string) {
  const reader = { kernel: host.kernel, root: settings.root }
  const image = findImage(reader, nameOrId)
  const images = listImages(reader)
  return { image, layers: image.layers.length === 0 ? [] : [nodeOf(images, image.layers)] }
}

function endingWith(images: readonly ImageRecord[], layers: readonly LayerRecord[]): string[] {
  const wanted = chain(layers)
  const ending = images.filter((image) => chain(image.layers) === wanted)
  return ending.flatMap((image) => (image.names.length > 0 ? image.names : [image.id.slice(0, 12)]))
}

function nodeOf(images: readonly ImageRecord[], layers: readonly LayerRecord[]): LayerNode {
  const start = `${chain(layers)} `
  const next = new Map<string, LayerRecord>()
  for (const image of images) {
    const above = image.layers[layers.length]
    if (above !== undefined && chain(image.layers).startsWith(start)) next.set(above.diffId, above)
  }
  return {
    layer: layers.at(-1)!,
    topOf: endingWith(images, layers),
    above: [...next.values()].map((layer) => nodeOf(images, [...layers, layer])),
  }
}

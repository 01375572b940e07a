// Changes to the index of images: names that come and go, images that are removed.

import { UserError } from '../errors.ts'
import { writeAtomically } from '../files.ts'
import type { ImageHost } from './archive.ts'
import { withImageLock } from './lock.ts'
import { candidates, idDigits, localName } from './reference.ts'
import { type ImageRecord, indexPath, listImages, lookUp, type StoreIndex } from './store.ts'
import { sweepIfAlone } from './sweep.ts'

type StoreHost = Pick<ImageHost, 'kernel' | 'root' | 'runroot'>

/** Replaces the index; the caller holds the lock `images` exclusively. */
export function writeIndex(host: Pick<ImageHost, 'kernel' | 'root'>, images: readonly ImageRecord[]): void {
  const index: StoreIndex = { version: 2, images }
  writeAtomically(host.kernel, indexPath(host.root), `${JSON.stringify(index)}\n`)
}

/** Gives an image one more name; an image that had the name loses it. */
export async function tagImage(host: StoreHost, nameOrId: string, newName: string): Promise<ImageRecord> {
  const name = localName(newName)
  return withImageLock(host, 'images', 'exclusive', () => {
    const images = listImages(host)
    const { id } = lookUp(images, nameOrId)
    const tagged = withName(images, id, name)
    writeIndex(host, tagged)
    return tagged.find((image) => image.id === id)!
  })
}

/** The records after a name has moved to an image. */
export function withName(images: readonly ImageRecord[], id: string, name: string): ImageRecord[] {
  return images.map((image) => {
    if (image.id === id && image.names.includes(name)) return image
    const others = image.names.filter((other) => other !== name)
    return { ...image, names: image.id === id ? [...others, name] : others }
  })
}

export interface Removed {
  readonly untagged: readonly string[]
  /** Ids. */
  readonly deleted: readonly string[]
}

export interface RemoveOptions {
  /** The ids of the images that containers are made of; asked while no container can be made. */
  readonly inUse: () => Iterable<string> | Promise<Iterable<string>>
  /** Also an image that has several names. */
  readonly force?: boolean
}

/**
 * Takes a name away from an image, and the image itself when it was the last or the id was given. Layers that other
 * images have stay.
 *
 * @errors UserError when it is not here, has several names and is given by id, or containers use it
 */
export async function removeImage(host: StoreHost, nameOrId: string, options: RemoveOptions): Promise<Removed> {
  const removed = await withImageLock(host, 'images', 'exclusive', () => withoutImage(host, nameOrId, options))
  sweepIfAlone(host)
  return removed
}

async function withoutImage(host: StoreHost, nameOrId: string, options: RemoveOptions): Promise<Removed> {
  const images = listImages(host)
  const image = lookUp(images, nameOrId)
  const digits = idDigits(nameOrId)
  const byId = digits !== undefined && image.id.startsWith(digits)
  const name = byId ? undefined : nameGiven(image, nameOrId)
  if (name !== undefined && image.names.length > 1) {
    const names = image.names.filter((other) => other !== name)
    writeIndex(
      host,
      images.map((other) => (other === image ? { ...image, names } : other)),
    )
    return { untagged: [name], deleted: [] }
  }
  if (byId && image.names.length > 1 && !options.force) {
    throw new UserError(
      `image ${nameOrId}: it has ${image.names.length} names (${image.names.join(', ')}); use --force`,
    )
  }
  if ([...(await options.inUse())].includes(image.id)) {
    throw new UserError(`image ${nameOrId}: containers use it; remove them first`)
  }
  writeIndex(
    host,
    images.filter((other) => other !== image),
  )
  return { untagged: image.names, deleted: [image.id] }
}

function nameGiven(image: ImageRecord, text: string): string | undefined {
  const wanted = candidates(text).map(({ repository, tag }) => `${repository}:${tag}`)
  return image.names.find((name) => wanted.includes(name)) ?? image.names[0]
}

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

/** Writes down that a registry has an image: `repository@digest`. One that was removed meanwhile stays removed. */
export async function addRepoDigest(host: StoreHost, id: string, repoDigest: string): Promise<void> {
  await withImageLock(host, 'images', 'exclusive', () => {
    const images = listImages(host)
    const image = images.find((other) => other.id === id)
    if (image === undefined || image.repoDigests.includes(repoDigest)) return
    const known = { ...image, repoDigests: [...image.repoDigests, repoDigest] }
    writeIndex(
      host,
      images.map((other) => (other === image ? known : other)),
    )
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

/**
 * Takes names away from an image, all of them when none is given. The image stays.
 *
 * @returns the names that went
 * @errors UserError when it is not here, or has no such name: then it keeps all
 */
export async function untagImage(
  host: StoreHost,
  nameOrId: string,
  names: readonly string[],
): Promise<readonly string[]> {
  return withImageLock(host, 'images', 'exclusive', () => {
    const images = listImages(host)
    const image = lookUp(images, nameOrId)
    const gone = names.map((name) => {
      const own = nameMeant(image, name)
      if (own === undefined) throw new UserError(`untag ${nameOrId}: it has no name ${name}`)
      return own
    })
    const rest = names.length === 0 ? [] : image.names.filter((name) => !gone.includes(name))
    writeIndex(
      host,
      images.map((other) => (other === image ? { ...image, names: rest } : other)),
    )
    return names.length === 0 ? image.names : gone
  })
}

/** The one of an image's names that a user's words mean, if it is one of them. */
export function nameMeant(image: ImageRecord, text: string): string | undefined {
  const wanted = candidates(text)
  // What is named by its content has no name that could be meant.
  if (wanted[0]!.digest !== undefined) return undefined
  const whole = wanted.map(({ repository, tag }) => `${repository}:${tag}`)
  // Among several candidates the first is of this machine; under whatever registry it is found, its tail is the same.
  const tail = wanted.length > 1 ? whole[0]!.replace(/^localhost/, '') : undefined
  return (
    image.names.find((name) => whole.includes(name)) ??
    image.names.find((name) => tail !== undefined && name.endsWith(tail))
  )
}

export interface Removed {
  readonly untagged: readonly string[]
  /** Ids. */
  readonly deleted: readonly string[]
}

/** Containers are made of an image that was to go. */
export class ImageInUseError extends UserError {
  readonly imageId: string

  constructor(nameOrId: string, imageId: string) {
    super(`image ${nameOrId}: containers use it; remove them first`, 2)
    this.name = 'ImageInUseError'
    this.imageId = imageId
  }
}

export interface RemoveOptions {
  /** The ids of the images that containers are made of; asked while no container can be made. */
  readonly inUse: () => Iterable<string>
  /** Also an image that has several names. */
  readonly force?: boolean
}

/**
 * Takes a name away from an image, and the image itself when it was the last or the id was given. Layers that other
 * images have stay.
 *
 * @errors UserError when it is not here or has several names and is given by id; ImageInUseError
 */
export async function removeImage(host: StoreHost, nameOrId: string, options: RemoveOptions): Promise<Removed> {
  const removed = await withImageLock(host, 'images', 'exclusive', () => withoutImage(host, nameOrId, options))
  if (removed.deleted.length > 0) sweepIfAlone(host)
  return removed
}

function withoutImage(host: StoreHost, nameOrId: string, options: RemoveOptions): Removed {
  const images = listImages(host)
  const image = lookUp(images, nameOrId)
  const digits = idDigits(nameOrId)
  const byId = digits !== undefined && image.id.startsWith(digits)
  const name = byId ? undefined : nameMeant(image, nameOrId)
  if (name !== undefined && image.names.length > 1) {
    const names = image.names.filter((other) => other !== name)
    writeIndex(
      host,
      images.map((other) => (other === image ? { ...image, names } : other)),
    )
    return { untagged: [name], deleted: [] }
  }
  if (image.names.length > 1 && !options.force) {
    throw new UserError(
      `image ${nameOrId}: it has ${image.names.length} names (${image.names.join(', ')}); use --force`,
    )
  }
  if ([...options.inUse()].includes(image.id)) throw new ImageInUseError(nameOrId, image.id)
  writeIndex(
    host,
    images.filter((other) => other !== image),
  )
  return { untagged: image.names, deleted: [image.id] }
}

/**
 * Takes several images out of the index at once. What only they had is then for `sweepIfAlone`.
 *
 * @param choose - asked while no container can be made and no name moves
 */
export async function dropImages(
  host: StoreHost,
  choose: (images: readonly ImageRecord[]) => readonly ImageRecord[],
): Promise<{ readonly dropped: readonly ImageRecord[]; readonly kept: readonly ImageRecord[] }> {
  return withImageLock(host, 'images', 'exclusive', () => {
    const images = listImages(host)
    const dropped = choose(images)
    const kept = images.filter((image) => !dropped.includes(image))
    if (dropped.length > 0) writeIndex(host, kept)
    return { dropped, kept }
  })
}

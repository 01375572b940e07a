// Removes what no image has: what a killed process left, and the layers and blobs of removed images.

import { RefusedError } from '../errors.ts'
import { ask, list, removeFile, renamed, stat } from '../files.ts'
import type { ImageHost } from './archive.ts'
import { locksDirectory, tryImageLock } from './lock.ts'
import { removeUnpacked } from './remove.ts'
import { blobPath, draftsDirectory, layersDirectory, listImages } from './store.ts'

type StoreHost = Pick<ImageHost, 'kernel' | 'root' | 'runroot'>

/** The caller holds the lock `image-import` exclusively: nothing is on its way in. */
export function sweep({ kernel, root, runroot }: StoreHost): void {
  const pid = ask(kernel, { name: 'getpid' }, 'getpid').value
  const drafts = draftsDirectory(root)
  if (stat(kernel, drafts) === undefined) return
  const images = listImages({ kernel, root })
  const layers = new Set(images.flatMap((image) => image.layers.map(({ diffId }) => diffId)))
  const blobs = new Set(images.flatMap((image) => image.blobs))
  for (const name of list(kernel, layersDirectory(root))) {
    // Renamed first, so that a removal that is interrupted leaves no half of a layer under its name.
    if (!layers.has(name)) renamed(kernel, `${layersDirectory(root)}/${name}`, `${drafts}/${name}.${pid}.gone`)
  }
  for (const name of list(kernel, drafts)) removeOurs(() => removeUnpacked(kernel, `${drafts}/${name}`))
  for (const name of list(kernel, blobPath(root, '').slice(0, -1))) {
    if (!blobs.has(name)) removeFile(kernel, blobPath(root, name))
  }
  for (const name of list(kernel, locksDirectory(runroot))) {
    if (name.startsWith('layer-')) removeFile(kernel, `${locksDirectory(runroot)}/${name}`)
  }
}

/** Files of ids that are lent to the caller are left where those are others' (`push`, or lent no more): no reason to fail. */
function removeOurs(remove: () => void): void {
  try {
    remove()
  } catch (error) {
    if (!(error instanceof RefusedError && (error.errno === 'EACCES' || error.errno === 'EPERM'))) throw error
  }
}

/** Sweeps when nobody is bringing anything in; otherwise the last of those who are does it. */
export function sweepIfAlone(host: StoreHost): void {
  const lock = tryImageLock(host, 'image-import', 'exclusive')
  if (lock === undefined) return
  try {
    sweep(host)
  } finally {
    lock.release()
  }
}

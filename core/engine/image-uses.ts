// Which containers are made of which image.

import { allIds } from '../store/names.ts'
import { containerPaths } from '../store/paths.ts'
import { readRemains } from '../store/record.ts'
import type { Host, Settings } from './host.ts'

/**
 * The ids of containers by the id of their image, read from their records alone: nothing is locked or recovered, so that
 * it may be asked under the lock on the images.
 */
export function imageUses(
  { kernel }: Pick<Host, 'kernel'>,
  settings: Pick<Settings, 'root'>,
): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, string[]>()
  for (const id of allIds(kernel, settings)) {
    const image = readRemains(kernel, containerPaths(settings, id), id).record?.image?.id
    if (image !== undefined) uses.set(image, [...(uses.get(image) ?? []), id])
  }
  return uses
}

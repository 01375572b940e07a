// Volumes: named ones shared below ROOT/volumes, unnamed ones in the container's own directory.

import { makeDirectories, removeTree, stat } from '../files.ts'
import { cleanPath, volumesOf } from '../spec/mounts.ts'
import { volumesDirectory } from '../store/paths.ts'
import type { Stored } from '../store/record.ts'
import { copyUp } from './copy-up.ts'
import type { Host, Settings } from './host.ts'

/**
 * Directories by the name of a volume, or by destination for those without. One that is not there is made, with what the
 * image has at its place.
 */
export async function volumePaths(host: Host, settings: Settings, stored: Stored): Promise<Record<string, string>> {
  const paths = plannedVolumes(settings, stored)
  for (const [key, path] of Object.entries(paths)) {
    if (stat(host.kernel, path) !== undefined) continue
    makeDirectories(host.kernel, path, 0o755)
    const volumes = volumesOf(stored.record.request, stored.record.image?.config)
    const volume = volumes.find((each) => each.kind !== 'bind' && (each.source ?? cleanPath(each.destination)) === key)
    if (volume === undefined) continue
    try {
      await copyUp(host, stored, cleanPath(volume.destination), path)
    } catch (error) {
      // Half of it would be taken for a whole one the next time.
      removeTree(host.kernel, path)
      throw error
    }
  }
  return paths
}

/** Where they are, or would be. */
export function plannedVolumes(settings: Settings, stored: Stored): Record<string, string> {
  const paths: Record<string, string> = {}
  let count = 0
  for (const volume of volumesOf(stored.record.request, stored.record.image?.config)) {
    if (volume.kind === 'bind') continue
    const path =
      volume.kind === 'named'
        ? `${volumesDirectory(settings)}/${volume.source}/_data`
        : `${stored.paths.volumes}/${count++}`
    paths[volume.kind === 'named' ? volume.source! : cleanPath(volume.destination)] = path
  }
  return paths
}

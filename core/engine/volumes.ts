// Volumes: named ones shared below ROOT/volumes, unnamed ones in the container's own directory.

import { makeDirectories } from '../files.ts'
import { cleanPath, volumesOf } from '../spec/mounts.ts'
import { volumesDirectory } from '../store/paths.ts'
import type { Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'

/** Directories by the name of a volume, or by destination for those without; made when they are not there. */
export function volumePaths(host: Host, settings: Settings, stored: Stored): Record<string, string> {
  const paths = plannedVolumes(settings, stored)
  for (const path of Object.values(paths)) makeDirectories(host.kernel, path, 0o755)
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

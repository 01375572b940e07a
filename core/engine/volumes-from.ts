// `--volumes-from`: the volumes of another container, as they are there. podman-run(1)

import { UserError } from '../errors.ts'
import { volumesOf } from '../spec/mounts.ts'
import type { Volume, VolumesFrom } from '../spec/request.ts'
import type { Host, Settings } from './host.ts'
import { lookUp } from './open.ts'

const isAccess = (option: string): boolean => option === 'ro' || option === 'rw'

/**
 * The volumes of another container, running or not, with the access that it has or that the options say.
 *
 * @errors UserError for a container that is not there, or whose volumes have no names yet
 */
export async function volumesOfAnother(
  host: Host,
  settings: Settings,
  { container, options }: VolumesFrom,
): Promise<readonly Volume[]> {
  const { record } = await lookUp(host, settings, container)
  const access = options.find(isAccess)
  return volumesOf(record.request, record.image?.config).map(({ ofImage: _, ...volume }) => {
    if (volume.source === undefined)
      throw new UserError(
        `--volumes-from=${container}: its volume on ${volume.destination} has no name, as it is older than such names: make the container again`,
      )
    const kept = volume.options.filter((option) => option !== 'U' && (access === undefined || !isAccess(option)))
    const labels = options.filter((option) => !isAccess(option))
    return { ...volume, options: [...kept, ...(access === undefined ? [] : [access]), ...labels] }
  })
}

// rmi: a name of an image, or an image, and with force the containers that are made of it.

import { UserError } from '../errors.ts'
import { ImageInUseError, type Removed, removeImage as removeFromStore } from '../image/change.ts'
import type { Host, Settings } from './host.ts'
import { imageHost } from './image-host.ts'
import { imageUses } from './image-uses.ts'
import { list } from './list.ts'
import { remove } from './remove.ts'

const attemptsMax = 10

/**
 * Takes a name away from an image, and the image itself with its last one. podman-rmi(1).
 *
 * @param options - with `force` an id takes all names with it; with `containers` those that are made of the image are ended
 * and removed first
 * @errors UserError with exit code 1 when it is not here, 2 when containers use it
 */
export async function removeImage(
  host: Host,
  settings: Settings,
  nameOrId: string,
  options: { readonly force: boolean; readonly containers: boolean },
): Promise<Removed> {
  const inUse = () => imageUses(host, settings).keys()
  for (let attempt = 1; ; attempt++) {
    try {
      return await removeFromStore(imageHost(host, settings), nameOrId, { inUse, force: options.force })
    } catch (error) {
      if (isMissing(error)) throw new UserError((error as UserError).message, 1)
      if (!(error instanceof ImageInUseError) || attempt === attemptsMax) throw error
      // Looking at containers also removes those with --rm that have ended unseen.
      const rows = await list(host, settings, { all: true, filters: {} })
      const users = rows.filter((row) => row.imageId === error.imageId)
      if (users.length > 0 && !options.containers) throw inUseBy(nameOrId, users)
      for (const { id } of users) await remove(host, settings, id, { force: true, volumes: false })
    }
  }
}

const isMissing = (error: unknown): boolean => error instanceof UserError && /^image .*: not here;/.test(error.message)

function inUseBy(image: string, users: readonly { readonly name: string }[]): UserError {
  const names = users.map((row) => row.name).join(', ')
  const them = users.length === 1 ? `container ${names} uses it; remove it` : `containers ${names} use it; remove them`
  return new UserError(`image ${image}: ${them} first, or use --force`, 2)
}

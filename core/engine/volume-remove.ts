// The end of volumes: one by name, those that nobody uses, and a container's anonymous ones. podman-volume-rm(1)

import { UserError } from '../errors.ts'
import { list, removeTree, renamed, stat } from '../files.ts'
import { lockDirectory, tryLockDirectory } from '../store/lock.ts'
import { volumesDirectory } from '../store/paths.ts'
import type { Stored } from '../store/record.ts'
import { passingName, volumeNames, volumePaths } from '../store/volumes.ts'
import type { Host, Settings } from './host.ts'
import { remove } from './remove.ts'
import { removeRootless } from './rootless.ts'
import { type VolumeUser, volumeUsers } from './volume-users.ts'

/** The name that a whole name, or the unambiguous start of one, stands for. @errors UserError (1) when there is none */
export function resolveVolume({ kernel }: Pick<Host, 'kernel'>, settings: Settings, word: string): string {
  const names = volumeNames(kernel, settings)
  if (names.includes(word)) return word
  const found = word === '' ? [] : names.filter((name) => name.startsWith(word))
  if (found.length > 1) throw new UserError(`volume ${word}: ${found.length} names start with it; give more of it`)
  if (found[0] === undefined) throw new UserError(`no volume with name "${word}" found: no such volume`, 1)
  return found[0]
}

/**
 * Removes a volume with all that is in it; with `force` the containers that use it first.
 *
 * @returns its name
 * @errors UserError with 1 when there is none, and with 2, naming the containers, when it is used
 */
export async function removeVolume(
  host: Host,
  settings: Settings,
  word: string,
  options: { readonly force: boolean; readonly timeoutSeconds?: number },
): Promise<string> {
  const name = resolveVolume(host, settings, word)
  for (;;) {
    const users = await removeUnused(host, settings, name)
    if (users === undefined) throw new UserError(`no volume with name "${word}" found: no such volume`, 1)
    if (users.length === 0) return name
    if (!options.force) {
      const who = users.map((user) => `${user.name} (${user.id.slice(0, 12)})`).join(', ')
      throw new UserError(
        `cannot remove volume ${name}: it is used by ${users.length === 1 ? 'container' : 'containers'} ${who}; remove ${users.length === 1 ? 'it' : 'them'} first, or use --force`,
        2,
      )
    }
    const { timeoutSeconds = 10 } = options
    for (const { id } of users) await remove(host, settings, id, { force: true, volumes: false, timeoutSeconds })
  }
}

/**
 * Removes a volume unless somebody uses it: under its lock, so that who comes later makes a new one.
 *
 * @param except - a container that is being removed itself
 * @returns who uses it; undefined when there is no such volume
 */
export async function removeUnused(
  host: Host,
  settings: Settings,
  name: string,
  except?: string,
): Promise<readonly VolumeUser[] | undefined> {
  const { kernel } = host
  const { directory } = volumePaths(settings, name)
  const lock = await lockDirectory(kernel, directory)
  if (lock === undefined) return undefined
  try {
    const users = (volumeUsers(host, settings).get(name) ?? []).filter(({ id }) => id !== except)
    if (users.length > 0) return users
    // Gone at once; who is killed over the rest leaves it to the next sweep.
    const gone = `${volumesDirectory(settings)}/${passingName(host.randomBytes)}`
    renamed(kernel, directory, gone)
    await removeFiles(host, gone)
    return []
  } finally {
    lock.release()
  }
}

async function removeFiles(host: Host, directory: string): Promise<void> {
  if (host.environment.uid === 0) removeTree(host.kernel, directory)
  else await removeRootless(host, directory)
}

/** Removes a container's anonymous volumes but those that others use too; the container is still written down, and locked. */
export async function removeAnonymous(
  host: Host,
  settings: Settings,
  record: Partial<Stored['record']>,
): Promise<void> {
  for (const { kind, source } of record.request?.volumes ?? [])
    if (kind === 'anonymous' && source !== undefined) await removeUnused(host, settings, source, record.id)
}

/** Removes what killed commands have left of volumes that were not yet, or no longer, there. */
export async function sweepVolumes(host: Host, settings: Settings): Promise<void> {
  const { kernel } = host
  const above = volumesDirectory(settings)
  if (stat(kernel, above) === undefined) return
  for (const name of list(kernel, above)) {
    if (!name.startsWith('.')) continue
    const lock = tryLockDirectory(kernel, `${above}/${name}`)
    if (lock === undefined || lock === 'busy') continue
    try {
      await removeFiles(host, `${above}/${name}`)
    } finally {
      lock.release()
    }
  }
}

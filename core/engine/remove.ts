// remove: a container and everything that was its own.

import { DamagedError, UserError } from '../errors.ts'
import { moved } from '../lifecycle/table.ts'
import { lockDirectory } from '../store/lock.ts'
import { resolveId } from '../store/names.ts'
import { containerPaths } from '../store/paths.ts'
import { newState, phaseOf, readRemains, type Stored } from '../store/record.ts'
import { likelyPlace } from './cgroup-place.ts'
import type { Host, Settings } from './host.ts'
import { isGone, lookUp, withContainer } from './open.ts'
import { nameOf } from './recover.ts'
import { clearHost, discard } from './settle.ts'
import { endRun, going } from './stop.ts'
import type { Created, RemoveOptions, Verbs } from './types.ts'

/**
 * Removes a container, and with `volumes` its anonymous volumes; named ones stay. podman-rm(1).
 *
 * @errors UserError `cannot remove container web: it is running; stop it first, or use --force`
 */
export async function remove(
  host: Host,
  settings: Settings,
  container: string,
  options: RemoveOptions,
): Promise<Created | undefined> {
  let known: Stored | undefined
  try {
    known = await lookUp(host, settings, container)
    const { id, name } = known.record
    for (let at: Stored | undefined = known; at !== undefined; ) {
      if (options.force && phaseOf(at.state) === 'paused')
        at = await withContainer(host, settings, id, (stored) => going(host, stored))
      if (options.force && runs(at)) await endRun(host, at, options.timeoutSeconds ?? 0)
      // Once more when it has been started since we looked.
      at = await withContainer(host, settings, id, (stored) => removeNow(host, settings, stored, options))
    }
    return { id, name }
  } catch (error) {
    if (options.force && error instanceof DamagedError) return removeDamaged(host, settings, container, options)
    if (!isGone(error)) throw error
    // Removed by itself (--rm) or by somebody else while we were at it: that is what was asked for.
    if (known !== undefined) return { id: known.record.id, name: known.record.name }
    if (options.force) return undefined
    throw new UserError((error as UserError).message, 1)
  }
}

const runs = ({ state }: Stored) => ['running', 'paused'].includes(phaseOf(state))

/** Under its lock; answers it when it runs and has to be ended first. */
async function removeNow(
  host: Host,
  settings: Settings,
  stored: Stored,
  { force, volumes }: RemoveOptions,
): Promise<Stored | undefined> {
  const { name } = stored.record
  const phase = phaseOf(stored.state)
  if (runs(stored)) {
    if (force) return stored
    throw new UserError(`cannot remove container ${name}: it is ${phase}; stop it first, or use --force`, 2)
  }
  moved(phase, 'delete', name)
  await clearHost(host, settings, stored)
  await discard(host, settings, stored, volumes)
  return undefined
}

/** Removes a container by what its files still tell; for the rest it is taken to be as most are. */
async function removeDamaged(
  host: Host,
  settings: Settings,
  container: string,
  { volumes }: RemoveOptions,
): Promise<Created | undefined> {
  const { kernel } = host
  const id = resolveId(kernel, settings, container)
  const paths = containerPaths(settings, id)
  const lock = await lockDirectory(kernel, paths.directory)
  if (lock === undefined) return undefined
  try {
    const name = nameOf(kernel, settings, id) ?? id
    const stored = {
      state: newState('stopped'),
      record: { id, name, ...likelyPlace(kernel, settings, id) } as Stored['record'],
      ...readRemains(kernel, paths, id),
      paths,
    }
    await endRun(host, stored, 0)
    await clearHost(host, settings, stored)
    await discard(host, settings, stored, volumes)
    return { id, name: stored.record.name }
  } finally {
    lock.release()
  }
}

remove satisfies Verbs['remove']

// A container opened for a verb: found by name or id, locked, and in order.

import { DamagedError, UserError } from '../errors.ts'
import { lockDirectory, tryLockDirectory } from '../store/lock.ts'
import { allIds, resolveId } from '../store/names.ts'
import { containerPaths } from '../store/paths.ts'
import { readStored, type Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { inOrder, recover, removeHalf } from './recover.ts'

/** What somebody else removed while we waited for it is as if it had never been there. */
export function noSuchContainer(container: string): UserError {
  return new UserError(`no container with name or ID "${container}" found: no such container`)
}

/** Whether it says that there is no such container. */
export function isGone(error: unknown): boolean {
  return error instanceof UserError && error.message.endsWith('no such container')
}

/**
 * Runs an action on a container under its lock.
 *
 * @errors UserError when there is no such container, or a prefix of an id is ambiguous
 */
export async function withContainer<T>(
  host: Host,
  settings: Settings,
  container: string,
  act: (stored: Stored) => T | Promise<T>,
): Promise<T> {
  const id = resolveId(host.kernel, settings, container)
  const { directory } = containerPaths(settings, id)
  const lock = await lockDirectory(host.kernel, directory)
  if (lock === undefined) throw noSuchContainer(container)
  try {
    const found = readStored(host.kernel, settings, id)
    if (found === undefined) await removeHalf(host, settings, id)
    const stored = found && (await recover(host, settings, found))
    if (stored === undefined) throw noSuchContainer(container)
    return await act(stored)
  } finally {
    lock.release()
  }
}

/** A container as it stands, without its lock unless it is out of order and nobody is at work on it. */
export async function look(host: Host, settings: Settings, id: string): Promise<Stored | undefined> {
  const { kernel } = host
  const stored = readStored(kernel, settings, id)
  if (stored !== undefined && inOrder(kernel, stored)) return stored
  const lock = tryLockDirectory(kernel, containerPaths(settings, id).directory)
  if (lock === undefined) return undefined
  if (lock === 'busy') return stored
  try {
    // Read again: whoever had the lock a moment ago may have finished its work.
    const now = readStored(kernel, settings, id)
    if (now === undefined) await removeHalf(host, settings, id)
    return now && (await recover(host, settings, now))
  } finally {
    lock.release()
  }
}

/** Looks at one container by name, id or prefix. */
export async function lookUp(host: Host, settings: Settings, container: string): Promise<Stored> {
  const stored = await look(host, settings, resolveId(host.kernel, settings, container))
  if (stored === undefined) throw noSuchContainer(container)
  return stored
}

/** Looks at all containers. One whose files are damaged is told of, and keeps nobody from looking at the others. */
export async function lookAtAll(host: Host, settings: Settings): Promise<Stored[]> {
  const found: Stored[] = []
  for (const id of allIds(host.kernel, settings)) {
    try {
      const stored = await look(host, settings, id)
      if (stored !== undefined) found.push(stored)
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      const own = error.message.includes(containerPaths(settings, id).directory)
      host.warn(`container ${id.slice(0, 12)}: ${error.message}${own ? '; rm --force removes it' : ''}`)
    }
  }
  return found
}

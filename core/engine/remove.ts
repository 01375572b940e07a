// remove: a container and everything that was its own.

import { UserError } from '../errors.ts'
import { moved } from '../lifecycle/table.ts'
import { phaseOf, type Stored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { lookUp, withContainer } from './open.ts'
import { clearHost, discard } from './settle.ts'
import { endRun } from './stop.ts'
import type { Created, RemoveOptions, Verbs } from './types.ts'

/**
 * Removes a container. Its unnamed volumes are in its directory and go with it; named ones stay. podman-rm(1).
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
    if (options.force && ['running', 'paused'].includes(phaseOf(known.state)))
      await endRun(host, known, options.timeoutSeconds ?? 0)
    return await withContainer(host, settings, known.record.id, async (stored) => {
      const { record, state } = stored
      const phase = phaseOf(state)
      if (phase === 'running' || phase === 'paused')
        throw new UserError(`cannot remove container ${record.name}: it is ${phase}; stop it first, or use --force`, 2)
      moved(phase, 'delete', record.name)
      await clearHost(host, settings, stored)
      await discard(host, settings, stored)
      return { id: record.id, name: record.name }
    })
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.endsWith('no such container')) throw error
    // Removed by itself (--rm) or by somebody else while we were at it: that is what was asked for.
    if (known !== undefined) return { id: known.record.id, name: known.record.name }
    if (options.force) return undefined
    throw new UserError(error.message, 1)
  }
}

remove satisfies Verbs['remove']

// cleanup: what the monitor has done after its container's end, when no command is there to do it.

import { lockDirectory } from '../store/lock.ts'
import { containerPaths } from '../store/paths.ts'
import { readStored } from '../store/record.ts'
import type { Host, Settings } from './host.ts'
import { recover } from './recover.ts'
import type { Verbs } from './types.ts'

/**
 * Brings a container in order: a dead one is recorded as stopped, or removed with --rm, and the host is cleared of it.
 * One that is gone, or runs again, is left alone.
 *
 * @param id - the whole id, since the name may be another container's by now
 */
export async function cleanup(host: Host, settings: Settings, id: string): Promise<void> {
  const lock = await lockDirectory(host.kernel, containerPaths(settings, id).directory)
  if (lock === undefined) return
  try {
    const stored = readStored(host.kernel, settings, id)
    if (stored !== undefined) await recover(host, settings, stored)
  } finally {
    lock.release()
  }
}

cleanup satisfies Verbs['cleanup']

// A verb run again as root of a user namespace, for somebody who is not root: files of images have many owners.

import type { Host, Settings } from './host.ts'
import { idMappings, runAsLentRoot } from './rootless.ts'

/**
 * Runs this program again with other words, as root of a user namespace that has the ids lent to the caller.
 *
 * @param started - told the pid; signals of the caller's terminal do not reach it, as it is in a session of its own
 * @returns its exit code; undefined for root, and for somebody to whom no ids are lent: nothing would be gained
 * @errors UserError when newuidmap refuses
 */
export async function asLentRoot(
  host: Host,
  settings: Settings,
  words: readonly string[],
  started: (pid: number) => void,
): Promise<number | undefined> {
  if (host.environment.uid === 0) return undefined
  const mappings = idMappings(host)
  if (mappings.single) return undefined
  const [program, ...rest] = settings.selfArgv
  return await runAsLentRoot(host, [program!, ...rest, ...words], mappings, started)
}

// A verb run again as root of a user namespace, for somebody who is not root: files of images have many owners, and some
// forbid to be read.

import { UserError } from '../errors.ts'
import { AT_FDCWD, O } from '../files.ts'
import type { Step } from '../launch/plan.ts'
import type { Host, Settings } from './host.ts'
import { idMappings, runAsLentRoot } from './rootless.ts'

const noOutput: readonly Step[] = [
  {
    in: 'child',
    call: { name: 'openat', dirfd: AT_FDCWD, pathname: '/dev/null', flags: O.WRONLY | O.CLOEXEC, mode: 0 },
    why: 'open what takes everything',
    as: 'nowhere',
  },
  {
    in: 'child',
    call: { name: 'dup3', oldfd: { from: 'nowhere' }, newfd: 1, flags: 0 },
    why: 'have it as standard output',
  },
]

/**
 * Runs this program again with other words, as root of a user namespace that has the ids lent to the caller. Without any
 * it is root over the caller's own files at least: in some images nobody else may read `/etc/shadow`.
 *
 * @param started - told the pid; signals of the caller's terminal do not reach it, as it is in a session of its own
 * @param silent - its standard output goes nowhere
 * @returns its exit code; undefined for root, and where no ids are lent and no user namespace can be made
 * @errors UserError when newuidmap refuses
 */
export async function asLentRoot(
  host: Host,
  settings: Settings,
  words: readonly string[],
  started: (pid: number) => void,
  silent = false,
): Promise<number | undefined> {
  if (host.environment.uid === 0) return undefined
  const mappings = idMappings(host)
  const [program, ...rest] = settings.selfArgv
  // Some files of the caller's are found by the user id, which is root's there.
  const variables = { ...host.environment.variables, VITRINE_CALLER_UID: String(host.environment.uid) }
  const environment = { ...host.environment, variables }
  const argv = [program!, ...rest, ...words] as const
  try {
    return await runAsLentRoot({ ...host, environment }, argv, mappings, started, silent ? noOutput : [])
  } catch (error) {
    // Once it runs, nothing is thrown.
    if (mappings.single && error instanceof UserError) return undefined
    throw error
  }
}

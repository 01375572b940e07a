// A verb run again as root of a user namespace, for somebody who is not root: files of images have many owners.

import { AT_FDCWD, O, stat } from '../files.ts'
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
 * Runs this program again with other words, as root of a user namespace that has the ids lent to the caller.
 *
 * @param started - told the pid; signals of the caller's terminal do not reach it, as it is in a session of its own
 * @param silent - its standard output goes nowhere
 * @returns its exit code; undefined for root, and for somebody to whom no ids are lent: nothing would be gained
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
  if (mappings.single) return undefined
  const [program, ...rest] = settings.selfArgv
  const { variables } = host.environment
  // Where logins are is found by the user id, if by nothing else; there it is another one.
  const session = `/run/user/${host.environment.uid}`
  const known = variables.XDG_RUNTIME_DIR || stat(host.kernel, session) === undefined
  const environment = known
    ? host.environment
    : { ...host.environment, variables: { ...variables, XDG_RUNTIME_DIR: session } }
  return await runAsLentRoot(
    { ...host, environment },
    [program!, ...rest, ...words],
    mappings,
    started,
    silent ? noOutput : [],
  )
}

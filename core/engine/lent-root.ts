// A verb run again as root of a user namespace, for somebody who is not root: files of images have many owners.

import { stat } from '../files.ts'
import type { Step } from '../launch/plan.ts'
import type { Host, Settings } from './host.ts'
import { idMappings, runAsLentRoot } from './rootless.ts'

/**
 * Runs this program again with other words, as root of a user namespace that has the ids lent to the caller.
 *
 * @param outputFd - what the program has as standard output, if not the caller's
 * @param started - told the pid; signals of the caller's terminal do not reach it, as it is in a session of its own
 * @returns its exit code; undefined for root, and for somebody to whom no ids are lent: nothing would be gained
 * @errors UserError when newuidmap refuses
 */
export async function asLentRoot(
  host: Host,
  settings: Settings,
  words: readonly string[],
  started: (pid: number) => void,
  outputFd?: number,
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
  const output: Step[] =
    outputFd === undefined
      ? []
      : [{ in: 'child', call: { name: 'dup3', oldfd: outputFd, newfd: 1, flags: 0 }, why: 'have another output' }]
  return await runAsLentRoot({ ...host, environment }, [program!, ...rest, ...words], mappings, started, output)
}

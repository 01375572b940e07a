// User namespaces that are made before the container they are for: root of the host needs one to map owners by it.

import { UserError } from '../errors.ts'
import type { Launched } from '../kernel.ts'
import { type LaunchPlan, startFd } from '../launch/plan.ts'
import type { Host } from './host.ts'
import { type IdMappings, writeMappings } from './rootless.ts'

const CLONE_NEWUSER = 0x10000000
const SIGCHLD = 17

/** A process that does nothing but be in a new user namespace, until it is told to end or nobody is left to tell it. */
const holder: LaunchPlan = {
  program: 'the process that holds a user namespace',
  steps: [
    {
      in: 'parent',
      call: { name: 'clone3', cl_args: { flags: CLONE_NEWUSER, exit_signal: SIGCHLD } },
      why: 'start a process in a new user namespace',
    },
    {
      in: 'child',
      call: { name: 'read', fd: startFd, buf: 1 },
      why: 'wait until the namespace is in use',
      waits: true,
      as: 'used',
    },
    { in: 'child', call: { name: 'exit_group', status: 0 }, why: 'leave it to those who have it' },
  ],
}

export interface HeldNamespace {
  readonly path: string
  /** Ends the holder. The namespace lives as long as somebody is in it, or has a mount that is mapped by it. */
  readonly release: () => void
}

/** Where a user namespace is that is only thought of. */
export const plannedNamespace = '/proc/HOLDER/ns/user'

/**
 * Makes a user namespace with these ids.
 *
 * @errors UserError when none can be made (sysctl user.max_user_namespaces); RefusedError when its ids cannot be set
 */
export async function holdUserNamespace(host: Host, mappings: IdMappings): Promise<HeldNamespace> {
  const launched = host.kernel.launch(holder)
  if ('step' in launched) throw new UserError(launched.message)
  try {
    await writeMappings(host, launched.pid, mappings)
  } catch (error) {
    end(launched)
    throw error
  }
  return { path: `/proc/${launched.pid}/ns/user`, release: () => end(launched) }
}

/** Not waited for by whoever starts the container. */
function end(launched: Launched): void {
  launched.release()
  void launched.exited.then(() => {
    launched.cleaned()
    launched.close()
  })
}

// User namespaces that are made before the container they are for: root of the host needs one to map owners by it.

import { RefusedError, UserError } from '../errors.ts'
import type { Launched } from '../kernel.ts'
import { type LaunchPlan, startFd } from '../launch/plan.ts'
import type { Host } from './host.ts'
import { type IdMappings, writeMappings } from './rootless.ts'
import type { NamespacesToMake } from './user-mode.ts'

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

/** By path. */
export interface MadeNamespaces {
  /** The container's own. */
  readonly user?: string
  /** By destination, those that volumes are mapped by. */
  readonly mounts: Readonly<Record<string, string>>
}

const plannedPath = '/proc/HOLDER/ns/user'

/** How those come about, in sentences. */
export function plannedHolders({ user, mounts }: NamespacesToMake): string[] {
  const text = (list: IdMappings['uid']) =>
    list.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join(', ')
  return [...(user === undefined ? [] : [['the container', user] as const]), ...Object.entries(mounts)].map(
    ([what, { uid, gid }]) =>
      `for ${what}: HOLDER is a process in a new user namespace (CLONE_NEWUSER) with uid_map ${text(uid)}, gid_map ${text(gid)}`,
  )
}

/** Where they would be, for a container that is only thought of. */
export function plannedNamespaces({ user, mounts }: NamespacesToMake): MadeNamespaces {
  const paths = Object.fromEntries(Object.keys(mounts).map((destination) => [destination, plannedPath]))
  return { ...(user === undefined ? {} : { user: plannedPath }), mounts: paths }
}

/**
 * Makes user namespaces, lets `act` use them, and lets go of them.
 *
 * @errors as `holdUserNamespace`
 */
export async function withNamespaces<T>(
  host: Host,
  { user, mounts }: NamespacesToMake,
  act: (made: MadeNamespaces) => Promise<T>,
): Promise<T> {
  const held: HeldNamespace[] = []
  const hold = async (mappings: IdMappings) => {
    const namespace = await holdUserNamespace(host, mappings)
    held.push(namespace)
    return namespace.path
  }
  try {
    const own = user === undefined ? {} : { user: await hold(user) }
    const paths: Record<string, string> = {}
    for (const [destination, mappings] of Object.entries(mounts)) paths[destination] = await hold(mappings)
    return await act({ ...own, mounts: paths })
  } finally {
    for (const { release } of held) release()
  }
}

/**
 * Makes a user namespace with these ids.
 *
 * @errors UserError when none can be made (sysctl user.max_user_namespaces); RefusedError when its ids cannot be set
 */
export async function holdUserNamespace(host: Host, mappings: IdMappings): Promise<HeldNamespace> {
  const launched = host.kernel.launch(holder)
  if ('step' in launched) throw new UserError(`--userns: ${launched.message}; see /proc/sys/user/max_user_namespaces`)
  try {
    await writeMappings(host, launched.pid, mappings)
  } catch (error) {
    end(launched)
    if (error instanceof RefusedError && error.errno === 'EPERM')
      throw new UserError(`--userns: ${error.message}: the ids are not there to give, see /proc/self/uid_map`)
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

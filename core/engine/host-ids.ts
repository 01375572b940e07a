// The ids of a container's users as the host counts them, by the mappings of its user namespace. user_namespaces(7)

import { UserError } from '../errors.ts'
import { readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { LinuxIDMapping, Spec } from '../spec/types.ts'

/** A user and a group. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

export interface HostIds {
  /** The host's ids; undefined when the namespace has no such user. */
  readonly ofHost: (owner: Owner) => Owner | undefined
  /** The container's ids; undefined when they cannot be seen in the namespace. */
  readonly ofContainer: (owner: Owner) => Owner | undefined
  /** Whether the two are the same for everybody. */
  readonly same: boolean
}

/** On a mount with mapped owners the ids on disk are those that the container counts by. */
export const idsOnDisk: HostIds = { ofHost: (owner) => owner, ofContainer: (owner) => owner, same: true }

/** By the mappings of a spec: those of a new user namespace, or of the process whose namespace is joined. */
export function hostIds(kernel: Kernel, { linux }: Pick<Spec, 'linux'>): HostIds {
  const path = linux?.namespaces?.find(({ type }) => type === 'user')?.path
  const uids = linux?.uidMappings ?? joinedMappings(kernel, path, 'uid')
  const gids = linux?.gidMappings ?? joinedMappings(kernel, path, 'gid')
  return {
    ofHost: both(uids, gids, 'containerID', 'hostID'),
    ofContainer: both(uids, gids, 'hostID', 'containerID'),
    same: uids.length === 0 && gids.length === 0,
  }
}

/** @errors UserError when the container's user is nobody on the host */
export function hostOwner(ids: HostIds, { uid, gid }: Owner): Owner {
  const owner = ids.ofHost({ uid, gid })
  if (owner === undefined)
    throw new UserError(`the container's user ${uid}:${gid} is nobody on the host: its user namespace does not map it`)
  return owner
}

function joinedMappings(kernel: Kernel, path: string | undefined, kind: 'uid' | 'gid'): readonly LinuxIDMapping[] {
  const pid = /^\/proc\/(\d+)\/ns\/user$/.exec(path ?? '')?.[1]
  const text = pid === undefined ? '' : (readTextIfThere(kernel, `/proc/${pid}/${kind}_map`) ?? '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number)
      return { containerID, hostID, size }
    })
}

type Side = 'containerID' | 'hostID'

function both(uids: readonly LinuxIDMapping[], gids: readonly LinuxIDMapping[], from: Side, to: Side) {
  const mapped = (id: number, mappings: readonly LinuxIDMapping[]): number | undefined => {
    if (mappings.length === 0) return id
    const range = mappings.find((each) => id >= each[from] && id < each[from] + each.size)
    return range && range[to] + (id - range[from])
  }
  return (owner: Owner): Owner | undefined => {
    const uid = mapped(owner.uid, uids)
    const gid = mapped(owner.gid, gids)
    return uid === undefined || gid === undefined ? undefined : { uid, gid }
  }
}

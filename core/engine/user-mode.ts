// Which user namespace a container is in, and what that means for its start: a new one, one that is joined, or the caller's.

import { UserError } from '../errors.ts'
import { list, readLink, readTextIfThere, stat } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { LaunchFacts } from '../launch/facts.ts'
import { checkOverlaps, hostIdOf, readIdMap } from '../spec/id-maps.ts'
import { ownIdmap, resolveIdmap } from '../spec/idmap-option.ts'
import { cleanPath } from '../spec/mounts.ts'
import type { ContainerRequest } from '../spec/request.ts'
import type { Spec } from '../spec/types.ts'
import type { ResolvedUser } from '../spec/user.ts'
import type { ContainerRecord } from '../store/record.ts'
import type { Host } from './host.ts'
import type { Joined } from './joined.ts'
import { type IdMappings, idMappings } from './rootless.ts'

export interface UserNamespace {
  readonly isNew: boolean
  /** Of a new one, and of one that is joined when a process tells. */
  readonly mappings?: IdMappings
  /** Its root filesystem is shown to it as its own: by root of the host alone. */
  readonly entered?: LaunchFacts['userNamespace']
  /** The files of processes in it say that setgroups(2) is not allowed. */
  readonly setgroupsDenied: boolean
}

/** A user namespace to join that is the caller's own already is none: it cannot be joined. setns(2), EINVAL. */
export function withoutOwnUser(kernel: Kernel, request: ContainerRequest, joined: Joined): ContainerRequest {
  const path = joinedPath(request, joined)
  if (path === undefined) return request
  const { target } = readLink(kernel, path)
  if (target === undefined || target !== readLink(kernel, '/proc/self/ns/user').target) return request
  return { ...request, userns: { kind: 'host' } }
}

const joinedPath = ({ userns }: ContainerRequest, joined: Joined): string | undefined =>
  userns?.kind === 'path' ? userns.path : userns?.kind === 'container' ? joined.paths.user : undefined

/** @param made - by path, the namespace that was made for a container of root's with ids of its own */
export function userNamespaceOf(
  host: Host,
  record: ContainerRecord,
  request: ContainerRequest,
  joined: Joined,
  made: string | undefined,
): UserNamespace {
  const { kernel, environment } = host
  if (environment.uid !== 0) {
    refuseForUsers(request)
    if ((request.userns?.kind ?? 'private') === 'private') {
      const mappings = idMappings(host)
      return { isNew: true, mappings, setgroupsDenied: mappings.single }
    }
  } else if (record.mappings !== undefined) {
    const mappings = { ...record.mappings, single: false }
    return { isNew: true, mappings, ...enteredBy(made!, mappings), setgroupsDenied: false }
  }
  const path = joinedPath(request, joined)
  const pid = path === undefined ? undefined : processIn(kernel, path)
  if (path === undefined || pid === undefined) return { isNew: false, setgroupsDenied: false }
  const read = (name: string) => readTextIfThere(kernel, `/proc/${pid}/${name}`) ?? ''
  const mappings = { uid: readIdMap(read('uid_map')), gid: readIdMap(read('gid_map')), single: false }
  return {
    isNew: false,
    mappings,
    ...(environment.uid === 0 ? enteredBy(path, mappings) : {}),
    setgroupsDenied: read('setgroups').trim() === 'deny',
  }
}

/** A process in a user namespace, whose files tell of it: by its path, or looked for. namespaces(7). */
function processIn(kernel: Kernel, path: string): string | undefined {
  const pid = /^\/proc\/(\d+)\/ns\/user$/.exec(path)?.[1]
  if (pid !== undefined) return pid
  const wanted = stat(kernel, path)?.ino
  return list(kernel, '/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false
    const { target } = readLink(kernel, `/proc/${name}/ns/user`)
    return target === `user:[${wanted}]`
  })
}

/**
 * On disk an image's files are those of the user who brought it in, and of the ids lent to that user: in a namespace that
 * maps otherwise they would be somebody else's, and only root of the host can show them as what they are.
 */
function refuseForUsers({ userns, idMappings, subordinates }: ContainerRequest): void {
  const flag =
    userns?.kind === 'auto' || userns?.kind === 'keep-id'
      ? `--userns=${userns.kind}`
      : idMappings !== undefined
        ? '--uidmap'
        : subordinates !== undefined
          ? '--subuidname'
          : undefined
  if (flag !== undefined)
    throw new UserError(
      `${flag}: only root of the host can show an image's files to other ids; leave it out: a container of yours has the ids that /etc/subuid lends you`,
    )
}

function enteredBy(path: string, { uid, gid }: IdMappings): Pick<UserNamespace, 'entered'> {
  const rootUid = hostIdOf(uid, 0)
  const rootGid = hostIdOf(gid, 0)
  return rootUid === undefined || rootGid === undefined ? {} : { entered: { path, rootUid, rootGid } }
}

/** @errors UserError for a program of a user that its user namespace does not have */
export function checkMapped({ isNew, mappings }: UserNamespace, user: ResolvedUser): void {
  if (!isNew || mappings === undefined) return
  const why = mappings.single
    ? 'only the caller is mapped into its user namespace; have ids lent (/etc/subuid, /etc/subgid) for others'
    : 'its user namespace has no such id'
  if (hostIdOf(mappings.uid, user.uid) === undefined) throw new UserError(`--user: user ${user.uid}: ${why}`)
  if (hostIdOf(mappings.gid, user.gid) === undefined) throw new UserError(`--user: group ${user.gid}: ${why}`)
}

/** gid 5 is tty in every distribution. */
const terminals = 5

export const hasTerminalGroup = ({ mappings }: UserNamespace): boolean =>
  mappings === undefined || hostIdOf(mappings.gid, terminals) !== undefined

/**
 * Which user namespace says how the owners of a mount are mapped: by destination, for mounts with the option.
 *
 * @param own - those of volumes with a mapping of their own
 * @errors UserError for a mount whose container has no user namespace to map by
 */
export function idmapNamespaces(
  host: Host,
  spec: Spec,
  { entered }: UserNamespace,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const paths: Record<string, string> = {}
  for (const { destination, options } of spec.mounts ?? []) {
    if (!options?.includes('idmap')) continue
    const path = own[destination] ?? entered?.path
    if (host.environment.uid !== 0)
      throw new UserError(`-v …:${destination}:idmap: only root of the host can show files as owned by others`)
    if (path === undefined)
      throw new UserError(
        `-v …:${destination}:idmap: the container's users are those of the host: give --userns=auto, or idmap=uids=…;gids=…`,
      )
    paths[destination] = path
  }
  return paths
}

/** The user namespaces that are made before a container is: its own, and those that volumes are mapped by. */
export interface NamespacesToMake {
  readonly user?: IdMappings
  /** By destination. */
  readonly mounts: Readonly<Record<string, IdMappings>>
}

/** @errors UserError for a volume that is mapped by what is not there */
export function namespacesToMake(host: Host, { mappings, request }: ContainerRecord): NamespacesToMake {
  const mounts: Record<string, IdMappings> = {}
  for (const volume of host.environment.uid === 0 ? request.volumes : []) {
    const idmap = ownIdmap(volume)
    if (idmap === undefined) continue
    const lists = resolveIdmap(idmap, mappings ?? {})
    checkOverlaps(`-v …:${volume.destination}:idmap uids`, lists.uid)
    checkOverlaps(`-v …:${volume.destination}:idmap gids`, lists.gid)
    mounts[cleanPath(volume.destination)] = { ...lists, single: false }
  }
  return { ...(mappings === undefined ? {} : { user: { ...mappings, single: false } }), mounts }
}

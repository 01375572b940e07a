// Which ids of the host a container of root's gets in a user namespace of its own. subuid(5); podman-run(1), --userns.

import { UserError } from '../errors.ts'
import { readTextIfThere } from '../files.ts'
import { checkIdMap, hostRanges, type IdRange, mappedAround, mappedFrom } from '../spec/id-maps.ts'
import type { ContainerRequest, UserMode } from '../spec/request.ts'
import type { LinuxIDMapping } from '../spec/types.ts'
import { lockDirectory } from '../store/lock.ts'
import { type ContainerPaths, containersDirectory } from '../store/paths.ts'
import { builtInRange, type Claim, freeRange, readClaims, writeClaim } from '../store/ranges.ts'
import type { Host, Settings } from './host.ts'
import { type IdMappings, subordinateIds } from './rootless.ts'

/** As many as a 16-bit id can tell apart, `nobody` (65534) among them. */
const autoSize = 65536

/** Who in subuid(5) lends ids to root's containers, as with podman. */
const lender = 'containers'

/**
 * The ids of a new container, claimed: no other container of this root directory gets them while it is there.
 *
 * @errors UserError when there are none, or they contradict each other
 */
export async function claimIds(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  paths: ContainerPaths,
): Promise<IdMappings> {
  const lock = await lockDirectory(host.kernel, containersDirectory(settings))
  try {
    const mappings = chooseIds(host, settings, request)
    writeClaim(host.kernel, paths, { uid: hostRanges(mappings.uid), gid: hostRanges(mappings.gid) })
    return mappings
  } finally {
    lock?.release()
  }
}

/** The ids that a new container would get now. @errors as `claimIds` */
export function chooseIds(host: Host, settings: Settings, request: ContainerRequest): IdMappings {
  const { userns, idMappings, subordinates } = request
  let uid: readonly LinuxIDMapping[]
  let gid: readonly LinuxIDMapping[]
  if (userns?.kind === 'auto') {
    const taken = readClaims(host.kernel, settings)
    uid = automatic(host, '/etc/subuid', userns, 'uid', taken)
    gid = automatic(host, '/etc/subgid', userns, 'gid', taken)
  } else if (idMappings !== undefined) {
    uid = idMappings.uid ?? idMappings.gid ?? []
    gid = idMappings.gid ?? uid
  } else if (subordinates !== undefined) {
    uid = mappedFrom(0, lentTo(host, '--subuidname', '/etc/subuid', subordinates.uidName))
    gid = mappedFrom(0, lentTo(host, '--subgidname', '/etc/subgid', subordinates.gidName))
  } else if (userns?.kind === 'keep-id')
    throw new UserError('--userns=keep-id: is for users other than root, whose id could be kept; use --userns=auto')
  else
    throw new UserError(
      '--userns=private: root has no subordinate ids of its own; give --uidmap or --subuidname, or --userns=auto',
    )
  const flag = userns?.kind === 'auto' ? '--userns=auto' : idMappings === undefined ? '--subuidname' : undefined
  checkIdMap(flag ?? '--uidmap', uid)
  checkIdMap(flag ?? '--gidmap', gid)
  return { uid, gid, single: false }
}

function lentTo(host: Host, flag: string, path: string, name: string): IdRange[] {
  const ranges = subordinateIds(readTextIfThere(host.kernel, path) ?? '', [name])
  if (ranges.length === 0) throw new UserError(`${flag}=${name}: ${path} lends no ids to ${name}`)
  return ranges
}

function automatic(
  host: Host,
  path: string,
  { size = autoSize, forced }: Extract<UserMode, { kind: 'auto' }>,
  kind: keyof Claim,
  taken: Claim,
): LinuxIDMapping[] {
  const lines = forced[kind] ?? []
  const lent = subordinateIds(readTextIfThere(host.kernel, path) ?? '', [lender])
  const pools = lent.length === 0 ? [builtInRange] : lent
  const range = freeRange(pools, [...taken[kind], ...hostRanges(lines)], size)
  if (range === undefined)
    throw new UserError(
      `--userns=auto: no ${size} ${kind}s in a row are free of those ${
        lent.length === 0 ? 'that are there' : `that ${path} lends to ${lender}`
      }; remove containers, or give a smaller size`,
    )
  return mappedAround(range, lines)
}

// The option `idmap` of a volume: whose the files are that lie there on disk. podman-run(1), --volume; mount_setattr(2).

import { UserError } from '../errors.ts'
import { hostIdOf } from './id-maps.ts'
import type { IdLists, Volume } from './request.ts'
import type { LinuxIDMapping } from './types.ts'

/** Ids of files on disk, and who they are to be: ids of the host, or of the container. */
export interface IdmapLine extends LinuxIDMapping {
  readonly ofContainer: boolean
}

export interface Idmap {
  readonly uid?: readonly IdmapLine[]
  readonly gid?: readonly IdmapLine[]
}

/**
 * `idmap`: as the container's users, by its user namespace. `idmap=uids=0-1000-1#5-@5-10;gids=…`: as is said, each part
 * being first id on disk, first id to be, and how many; with a @ before it the second is the container's.
 *
 * @errors UserError for what is neither, without the flag
 */
export function readIdmap(option: string): Idmap {
  if (option === 'idmap') return {}
  const lists: { uid?: IdmapLine[]; gid?: IdmapLine[] } = {}
  for (const word of option.slice('idmap='.length).split(';')) {
    const [, key, text] = /^(uid|gid)s=(.+)$/.exec(word) ?? []
    if (key === undefined || text === undefined) throw new UserError(`${option}: give idmap, or idmap=uids=…;gids=…`)
    lists[key as 'uid' | 'gid'] = text.split('#').map((part) => {
      const [, at, from, to, count] = /^(@?)(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(part) ?? []
      if (count === undefined || Number(count) === 0)
        throw new UserError(`${option}: "${part}" is not three numbers, as in 0-1000-1`)
      return { containerID: Number(from), hostID: Number(to), size: Number(count), ofContainer: at === '@' }
    })
  }
  return lists
}

export const isIdmap = (option: string): boolean => option === 'idmap' || option.startsWith('idmap=')

/** The mapping that a volume asks for by itself; undefined when that of the user namespace will do. */
export function ownIdmap({ options }: Volume): Idmap | undefined {
  const option = options.find((each) => each.startsWith('idmap='))
  return option === undefined ? undefined : readIdmap(option)
}

/**
 * A volume's mapping in ids of the host.
 *
 * @param container - the ids of the container's user namespace; a list that is not given is like its
 * @errors UserError when that is needed and is not there
 */
export function resolveIdmap({ uid, gid }: Idmap, container: IdLists): Required<IdLists> {
  return { uid: resolved('uid', uid, container.uid), gid: resolved('gid', gid, container.gid) }
}

function resolved(
  kind: 'uid' | 'gid',
  lines: readonly IdmapLine[] | undefined,
  container: readonly LinuxIDMapping[] | undefined,
): readonly LinuxIDMapping[] {
  const needed = (why: string): readonly LinuxIDMapping[] => {
    if (container === undefined)
      throw new UserError(`idmap: ${why}, and it has none of its own: give --userns=auto or --uidmap`)
    return container
  }
  if (lines === undefined) return needed(`without ${kind}s they are those of the container's user namespace`)
  return lines.map(({ ofContainer, hostID, ...line }) => {
    if (!ofContainer) return { ...line, hostID }
    const of = needed("ids with a @ are those of the container's user namespace")
    const first = hostIdOf(of, hostID)
    const last = hostIdOf(of, hostID + line.size - 1)
    if (first === undefined || last !== first + line.size - 1)
      throw new UserError(`idmap: the container's ${kind}s ${hostID} to ${hostID + line.size - 1} are not in a row`)
    return { ...line, hostID: first }
  })
}

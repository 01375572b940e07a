// Values of --userns, --uidmap and --gidmap: whose ids the container's users have on the host. podman-run(1).

import { UserError } from '../../core/errors.ts'
import type { IdLists, UserMode } from '../../core/spec/request.ts'
import type { LinuxIDMapping } from '../../core/spec/types.ts'
import { namespaceMode } from './network-values.ts'
import { wholeNumber } from './values.ts'

function refuse(flag: string, value: string, sentence: string): never {
  throw new UserError(`${flag}=${value}: ${sentence}`)
}

const idMax = 0xffff_fffe

/** `CONTAINER:HOST[:NUMBER]`: so many ids, one unless said. */
export function idMapping(flag: string, value: string): LinuxIDMapping {
  if (/[@+ug]/.test(value))
    refuse(flag, value, 'the signs @, +, u and g of podman are not known; give CONTAINER:HOST[:NUMBER]')
  const parts = value.split(':')
  if (parts.length < 2 || parts.length > 3) refuse(flag, value, 'give CONTAINER:HOST[:NUMBER]')
  const [containerID = 0, hostID = 0, size = 1] = parts.map((part, i) =>
    wholeNumber(flag, part, i === 2 ? 1 : 0, idMax),
  )
  return { containerID, hostID, size }
}

/** `KEY=VALUE,KEY=VALUE` after the mode. */
function options(flag: string, value: string, known: readonly string[]): readonly (readonly [string, string])[] {
  const colon = value.indexOf(':')
  if (colon < 0) return []
  return value
    .slice(colon + 1)
    .split(',')
    .map((word) => {
      const equals = word.indexOf('=')
      const key = word.slice(0, Math.max(equals, 0))
      if (!known.includes(key))
        refuse(flag, value, `"${word}" is none of ${known.map((each) => `${each}=`).join(', ')}`)
      return [key, word.slice(equals + 1)]
    })
}

/** As namespaceMode, and `auto[:size=,uidmapping=,gidmapping=]` and `keep-id[:uid=,gid=]`. */
export function userMode(flag: string, value: string): UserMode {
  const kind = value.split(':')[0]
  if (kind === 'nomap')
    refuse(
      flag,
      value,
      "is podman's, and vitrine does not have it; give auto, private, host, container:NAME or ns:/PATH",
    )
  if (kind === 'keep-id') {
    const given = options(flag, value, ['uid', 'gid'])
    return {
      kind: 'keep-id',
      ...Object.fromEntries(given.map(([key, number]) => [key, wholeNumber(flag, number, 0, idMax)])),
    }
  }
  if (kind !== 'auto') return namespaceMode(flag, value)
  const given = options(flag, value, ['size', 'uidmapping', 'gidmapping'])
  const size = given.findLast(([key]) => key === 'size')?.[1]
  const forced = (word: string) => given.filter(([key]) => key === word).map(([, text]) => idMapping(flag, text))
  return {
    kind: 'auto',
    ...(size === undefined ? {} : { size: wholeNumber(flag, size, 1, idMax) }),
    forced: { uid: forced('uidmapping'), gid: forced('gidmapping') },
  }
}

/** The maps that --uidmap and --gidmap make; undefined when neither is given. */
export function idMappings(uids: readonly string[], gids: readonly string[]): IdLists | undefined {
  if (uids.length === 0 && gids.length === 0) return undefined
  return {
    ...(uids.length === 0 ? {} : { uid: uids.map((value) => idMapping('--uidmap', value)) }),
    ...(gids.length === 0 ? {} : { gid: gids.map((value) => idMapping('--gidmap', value)) }),
  }
}

// Which capabilities(7) a container's process gets.

import { UserError } from '../errors.ts'
import { defaultCapabilities } from './defaults.ts'
import { type CapabilityName, capabilityNames } from './names.ts'
import type { ContainerRequest } from './request.ts'
import type { LinuxCapabilities } from './types.ts'

/** What the choice depends on. */
export interface CapabilityFacts {
  /** Who the process is. */
  readonly uid: number
  /**
   * What the container's processes could have at most: the caller's bounding set, or every capability of the kernel when
   * they get a user namespace of their own (user_namespaces(7): its first process has them all).
   */
  readonly boundingCapabilities: readonly string[]
}

const known = new Set<string>(capabilityNames)

/**
 * A capability as users write it: `NET_ADMIN`, `cap_net_admin`, `all`.
 *
 * @errors UserError when there is none of that name
 */
export function capabilityName(word: string, flag: string): CapabilityName | 'all' {
  const upper = word.toUpperCase()
  if (upper === 'ALL' || upper === 'CAP_ALL') return 'all'
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
  if (!known.has(name)) throw new UserError(`${flag}=${word}: unknown capability`)
  return name as CapabilityName
}

/** The bounding set: the defaults (or, privileged, all), with what was added and without what was dropped. */
function boundingSet(request: ContainerRequest, bounding: readonly string[]): readonly string[] {
  const { capAdd, capDrop, privileged } = request
  const both = capAdd.find((name) => capDrop.includes(name))
  if (both !== undefined) throw new UserError(`--cap-add=${both} and --cap-drop=${both}: one of them, not both`)
  const absent = capAdd.find((name) => name !== 'all' && !bounding.includes(name))
  if (absent !== undefined)
    throw new UserError(`--cap-add=${absent}: cannot give what the caller does not have (its bounding set lacks it)`)
  const everything = privileged || capAdd.includes('all')
  const nothing = capDrop.includes('all')
  const wanted = new Set<string>(everything ? bounding : nothing ? [] : defaultCapabilities)
  for (const name of capAdd) wanted.add(name)
  for (const name of capDrop) wanted.delete(name)
  // The kernel's order, whatever was asked for first, so that the same request gives the same spec.
  return capabilityNames.filter((name) => wanted.has(name) && bounding.includes(name))
}

/**
 * The five sets.
 *
 * Root has all of the bounding set. Another user has what was added by name, also as ambient, so that it survives execve;
 * the rest stays in the bounding set for set-user-ID programs and files with capabilities.
 *
 * @errors UserError for a capability that the caller lacks, or that is both added and dropped
 */
export function capabilitiesOf(request: ContainerRequest, facts: CapabilityFacts): LinuxCapabilities {
  const bounding = boundingSet(request, facts.boundingCapabilities)
  if (facts.uid === 0) return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] }
  const named = bounding.filter((name) => request.capAdd.includes(name as CapabilityName))
  const added = request.capAdd.includes('all') ? bounding : named
  return { bounding, effective: added, permitted: added, inheritable: added, ambient: added }
}

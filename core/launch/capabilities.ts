// The five capability sets of a process, from names to bits, and the calls that make them so. capabilities(7).

import { UserError } from '../errors.ts'
import { capabilityNames } from '../spec/names.ts'
import type { LinuxCapabilities, Spec } from '../spec/types.ts'
import { PR, PR_CAP_AMBIENT } from './constants.ts'
import type { CallerCapabilities, LaunchFacts } from './facts.ts'
import type { PlanWriter } from './writer.ts'

const numbers = new Map<string, bigint>(capabilityNames.map((name, number) => [name, BigInt(number)]))

/** Names as bits. */
function setOf(names: readonly string[] | undefined, where: string): bigint {
  let set = 0n
  for (const name of names ?? []) {
    const number = numbers.get(name)
    if (number === undefined)
      throw new UserError(`process.capabilities.${where}: ${name}: Linux has no such capability`)
    set |= 1n << number
  }
  return set
}

/** What there is to give: the caller's own, or everything in a user namespace, whose first process has all. */
export function grantable(facts: LaunchFacts, inUserNamespace: boolean): CallerCapabilities {
  const all = (1n << BigInt(facts.lastCapability + 1)) - 1n
  return inUserNamespace ? { permitted: all, bounding: all } : facts.capabilities
}

export interface CapabilitySets {
  readonly bounding: bigint
  readonly permitted: bigint
  readonly effective: bigint
  readonly inheritable: bigint
  readonly ambient: bigint
}

/**
 * The sets to have. The spec (config.md, "capabilities") asks not to fail for what cannot be granted, but to warn:
 * `ungrantable` names those. Absent sets are empty.
 */
export function capabilitySets(
  wanted: LinuxCapabilities | undefined,
  have: CallerCapabilities,
): CapabilitySets & { readonly ungrantable: readonly string[] } {
  const asked = {
    bounding: setOf(wanted?.bounding, 'bounding'),
    permitted: setOf(wanted?.permitted, 'permitted'),
    effective: setOf(wanted?.effective, 'effective'),
    inheritable: setOf(wanted?.inheritable, 'inheritable'),
    ambient: setOf(wanted?.ambient, 'ambient'),
  }
  const bounding = asked.bounding & have.bounding
  const permitted = asked.permitted & have.permitted
  const effective = asked.effective & permitted
  const inheritable = asked.inheritable & have.permitted & have.bounding
  const ambient = asked.ambient & permitted & inheritable
  const missing =
    (asked.bounding & ~bounding) |
    (asked.permitted & ~permitted) |
    (asked.effective & ~effective) |
    (asked.inheritable & ~inheritable) |
    (asked.ambient & ~ambient)
  const ungrantable = capabilityNames.filter((_, number) => (missing >> BigInt(number)) % 2n === 1n)
  return { bounding, permitted, effective, inheritable, ambient, ungrantable }
}

/**
 * The capabilities of the spec that nobody here can give: to warn of, not to fail for. OCI config.md, "capabilities".
 */
export function ungrantableCapabilities(spec: Spec, facts: LaunchFacts): readonly string[] {
  const inUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false
  return capabilitySets(spec.process?.capabilities, grantable(facts, inUserNamespace)).ungrantable
}

function* bits(set: bigint, last: number): Generator<number> {
  for (let number = 0; number <= last; number++) if ((set >> BigInt(number)) % 2n === 1n) yield number
}

const capabilityName = (number: number): string => capabilityNames[number] ?? `capability ${number}`

/** Drops what no program of the container may ever gain. Needs CAP_SETPCAP, so it comes before the user changes. */
export function planBoundingSet(
  writer: PlanWriter,
  sets: CapabilitySets,
  have: CallerCapabilities,
  last: number,
): void {
  for (const arg2 of bits(have.bounding & ~sets.bounding, last))
    writer.child(
      { name: 'prctl', option: PR.CAPBSET_DROP, arg2, arg3: 0, arg4: 0, arg5: 0 },
      `put ${capabilityName(arg2)} out of reach`,
    )
}

/** Sets the other four, after the user has changed. */
export function planCapabilitySets(
  writer: PlanWriter,
  sets: CapabilitySets,
  have: CallerCapabilities,
  last: number,
): void {
  const { effective, permitted, inheritable } = sets
  writer.child(
    { name: 'capset', sets: { effective, permitted, inheritable } },
    permitted === 0n ? 'keep no capability' : 'keep only the capabilities of the container',
  )
  if (have.ambient)
    writer.child(
      { name: 'prctl', option: PR.CAP_AMBIENT, arg2: PR_CAP_AMBIENT.CLEAR_ALL, arg3: 0, arg4: 0, arg5: 0 },
      'hand on none of the ambient capabilities of the caller',
    )
  for (const arg3 of bits(sets.ambient, last))
    writer.child(
      { name: 'prctl', option: PR.CAP_AMBIENT, arg2: PR_CAP_AMBIENT.RAISE, arg3, arg4: 0, arg5: 0 },
      `let programs without privilege have ${capabilityName(arg3)}`,
    )
}

// From which memory nodes a container gets its memory. OCI config-linux.md, "Memory policy"; set_mempolicy(2).

import { UserError } from '../errors.ts'
import type { LinuxMemoryPolicy } from '../spec/types.ts'
import { listMask } from './scheduling.ts'
import type { PlanWriter } from './writer.ts'

/** linux/mempolicy.h */
const modes: Readonly<Record<string, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
}
const flagBits: Readonly<Record<string, number>> = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
}
const withoutNodes = new Set(['MPOL_DEFAULT', 'MPOL_LOCAL'])

/** What `features` tells. features-linux.md, "MemoryPolicy". */
export const memoryPolicyWords = { modes: Object.keys(modes), flags: Object.keys(flagBits) }

/**
 * In the child, once it is in its cgroup, whose cpuset says which nodes there are; programs inherit it.
 *
 * @errors UserError naming the field: a mode or flag that Linux does not have, nodes that are none or are not asked for
 */
export function planMemoryPolicy(writer: PlanWriter, policy: LinuxMemoryPolicy | undefined): void {
  if (policy === undefined) return
  const field = 'linux.memoryPolicy'
  const mode = modes[policy.mode]
  if (mode === undefined) throw new UserError(`${field}.mode: ${policy.mode}: Linux has no such policy`)
  let bits = 0
  for (const flag of policy.flags ?? []) {
    const bit = flagBits[flag]
    if (bit === undefined) throw new UserError(`${field}.flags: ${flag}: Linux has no such flag`)
    bits |= bit
  }
  const nodes = policy.nodes?.trim() ? policy.nodes.trim() : undefined
  if (nodes !== undefined && withoutNodes.has(policy.mode))
    throw new UserError(`${field}.nodes: ${policy.mode} takes no nodes; leave them out`)
  // MPOL_PREFERRED without nodes is that of the processor.
  if (nodes === undefined && !withoutNodes.has(policy.mode) && policy.mode !== 'MPOL_PREFERRED')
    throw new UserError(`${field}.nodes: ${policy.mode} needs memory nodes, such as 0-3,7`)
  const nodemask = nodes === undefined ? null : listMask(nodes, `${field}.nodes`, 'memory nodes')
  // The kernel takes one bit less than it is told of. mm/mempolicy.c, get_nodes
  const maxnode = nodemask === null ? 0 : 8 * nodemask.length + 1
  writer.child(
    { name: 'set_mempolicy', mode: mode | bits, nodemask, maxnode },
    `take memory by ${policy.mode}${nodes === undefined ? '' : ` from the nodes ${nodes}`} (${field})`,
  )
}

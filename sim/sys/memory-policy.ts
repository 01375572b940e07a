// Policies of memory nodes, checked and not kept: there is one node, 0. set_mempolicy(2); mm/mempolicy.c

import { type Denied, deny } from '../outcome.ts'

const MPOL = { DEFAULT: 0, PREFERRED: 1, BIND: 2, LOCAL: 4, PREFERRED_MANY: 5, WEIGHTED_INTERLEAVE: 6 }
const FLAG = { NUMA_BALANCING: 0x2000, RELATIVE_NODES: 0x4000, STATIC_NODES: 0x8000 }
/** A mask is a page at most: get_nodes. */
const maskBitsMost = 4096 * 8

/** The nodes of a mask of which the last bit is not looked at. */
function nodesIn(nodemask: Uint8Array, maxnode: number): number[] {
  const nodes: number[] = []
  for (let node = 0; node < Math.min(maxnode - 1, 8 * nodemask.length); node++)
    if ((nodemask[node >> 3]! >> (node & 7)) & 1) nodes.push(node)
  return nodes
}

/** @errors EINVAL a mode or flags that are none or do not go together, nodes where there may be none, or none that is there */
export function setMemoryPolicy(flagged: number, nodemask: Uint8Array | null, maxnode: number): 0 | Denied {
  const wrong = (why: string) => deny('EINVAL', 'set_mempolicy(2)', `set_mempolicy(2): ${why}`)
  const flags = flagged & (FLAG.NUMA_BALANCING | FLAG.RELATIVE_NODES | FLAG.STATIC_NODES)
  const mode = flagged & ~flags
  if (mode > MPOL.WEIGHTED_INTERLEAVE) return wrong('there is no such policy')
  const shifting = flags & (FLAG.RELATIVE_NODES | FLAG.STATIC_NODES)
  if (shifting === (FLAG.RELATIVE_NODES | FLAG.STATIC_NODES)) return wrong('nodes are relative, or as they are')
  if (flags & FLAG.NUMA_BALANCING && mode !== MPOL.BIND && mode !== MPOL.PREFERRED_MANY)
    return wrong('only MPOL_BIND and MPOL_PREFERRED_MANY are balanced')
  if (nodemask !== null && maxnode > maskBitsMost) return wrong('the mask is larger than a page')
  const nodes = nodemask === null ? [] : nodesIn(nodemask, maxnode)
  if (mode === MPOL.DEFAULT) return nodes.length > 0 ? wrong('the default takes no nodes') : 0
  if (mode === MPOL.LOCAL || (mode === MPOL.PREFERRED && nodes.length === 0))
    return nodes.length > 0 || shifting ? wrong('what is local takes no nodes') : 0
  if (nodes.length === 0) return wrong('the policy needs nodes')
  // Relative ones are counted round those that are there.
  return nodes.includes(0) || flags & FLAG.RELATIVE_NODES ? 0 : wrong('none of the nodes is there')
}

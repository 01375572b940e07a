// Who gets how much of the processors right now: each in proportion to its weight, nobody more than one processor or than
// its set of processors has, and what one cannot use goes to the others.

import type { CpuMask } from './mask.ts'

/** One task that wants a processor. */
export interface Claim {
  readonly weight: number
  /** Where it may run. */
  readonly cpus: CpuMask
  /** Answer: processors' worth of time, 0 to 1. */
  rate: number
}

/** Sets of processors whose size bounds the sum of those who may run nowhere else. */
interface Bound {
  readonly cpus: CpuMask
  readonly claims: Claim[]
  left: number
}

const setsMax = 8
const tiny = 1e-12

/** Sets the rate of every claim. Progressive filling: all grow by weight, until a bound holds some of them. */
export function share(claims: readonly Claim[]): void {
  for (const claim of claims) claim.rate = 0
  const bounds = boundsOf(claims)
  let open = new Set(claims)
  while (open.size > 0) {
    let step = Number.POSITIVE_INFINITY
    for (const claim of open) step = Math.min(step, (1 - claim.rate) / claim.weight)
    for (const bound of bounds) {
      const weight = bound.claims.reduce((sum, claim) => sum + (open.has(claim) ? claim.weight : 0), 0)
      if (weight > 0) step = Math.min(step, bound.left / weight)
    }
    for (const bound of bounds) for (const claim of bound.claims) if (open.has(claim)) bound.left -= claim.weight * step
    for (const claim of open) claim.rate = Math.min(1, claim.rate + claim.weight * step)
    const held = new Set<Claim>()
    for (const claim of open) if (claim.rate >= 1 - tiny) held.add(claim)
    for (const bound of bounds) if (bound.left <= tiny) for (const claim of bound.claims) held.add(claim)
    const next = new Set([...open].filter((claim) => !held.has(claim)))
    if (next.size === open.size) return
    open = next
  }
}

/** A bound for every union of the sets that there are, as long as they are few; otherwise for each set, and for all. */
function boundsOf(claims: readonly Claim[]): readonly Bound[] {
  const sets = new Map<string, CpuMask>()
  for (const { cpus } of claims) sets.set(cpus.toString(16), cpus)
  const masks = [...sets.values()]
  let unions = masks
  if (masks.length <= setsMax) {
    const all = new Set<CpuMask>()
    for (const mask of masks) for (const known of [0n, ...all]) all.add(known | mask)
    unions = [...all]
  } else unions = [...masks, masks.reduce((sum, mask) => sum | mask, 0n)]
  return unions.map((cpus) => ({
    cpus,
    claims: claims.filter((claim) => (claim.cpus & ~cpus) === 0n),
    left: countOf(cpus),
  }))
}

function countOf(mask: CpuMask): number {
  let count = 0
  for (let left = mask; left > 0n; left &= left - 1n) count += 1
  return count
}

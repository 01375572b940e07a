// Numbers of the OCI runtime spec, which were made for cgroup v1, as numbers of cgroup v2.

/** cpu.shares of v1: the kernel's bounds (sched/core.c, MIN_SHARES and MAX_SHARES). */
export const sharesBounds = { least: 2, most: 262144 } as const

/**
 * cpu.shares (2..262144, 1024 is normal) as cpu.weight (1..10000, 100 is normal).
 * The curve 10^((L² + 125 L)/612 - 7/34) with L = log2(shares) goes through 2 -> 1, 1024 -> 100 and 262144 -> 10000, so
 * that a container with normal shares has the normal weight. The straight line that runtimes used before (1024 -> 39)
 * gave such a container less than half the weight of its neighbours without shares. Same as runc since 1.3.2 and crun
 * since 1.23.
 */
export function weightFromShares(shares: number): number {
  if (shares <= sharesBounds.least) return 1
  if (shares >= sharesBounds.most) return 10000
  const logarithm = Math.log2(shares)
  return Math.ceil(10 ** ((logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34))
}

/** A block I/O weight of 10..1000 on io.weight's scale of 1..10000, in a straight line. Same as runc and crun. */
export function ioWeightFromBlockIOWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990)
}

/** A limit as v2 writes it: -1 (and any negative number) is `max`. */
export function limitText(limit: number): string {
  return limit < 0 ? 'max' : String(limit)
}

/**
 * memory.swap.max from the spec's memory+swap limit: v2 counts swap alone.
 * @returns undefined when swap is not to be limited anew
 */
export function swapMax(limit: number | undefined, swap: number | undefined): string | undefined {
  if (swap === undefined || swap === 0) return limit !== undefined && limit < 0 ? 'max' : undefined
  if (swap < 0) return 'max'
  return limit === undefined || limit < 0 ? String(swap) : String(swap - limit)
}

// Weights: of nice values, of cgroups on version 2 (1 to 10000) and version 1 (shares). kernel/sched/core.c

/** sched_prio_to_weight, from nice -20 to 19. */
const weights = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991,
  1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
] as const

/** Weight of a SCHED_IDLE task or cgroup. WEIGHT_IDLEPRIO */
export const idleWeight = 3
export const niceLowest = -20
export const niceHighest = 19

/** Of a task, in units in which nice 0 is 1024. */
export const weightOfNice = (nice: number): number => weights[nice + 20]!

const closest = (value: number, divisor: number): number => Math.floor((value + divisor / 2) / divisor)

/** cpu.weight to shares, and back: 100 is 1024. sched_weight_from_cgroup() */
export const sharesOfWeight = (weight: number): number => closest(weight * 1024, 100)
export const weightOfShares = (shares: number): number => Math.min(10000, Math.max(1, closest(shares * 100, 1024)))

/** The nice value whose weight is nearest. cpu_weight_nice_read_s64() */
export function niceOfShares(shares: number): number {
  let last = Number.POSITIVE_INFINITY
  for (let at = 0; at < weights.length; at++) {
    const difference = Math.abs(weights[at]! - shares)
    if (difference >= last) return at - 1 - 20
    last = difference
  }
  return niceHighest
}

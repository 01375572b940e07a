// What it costs to be above memory.high: time, on the way back to user space. mm/memcontrol.c calculate_high_delay()

/** Pages after which a task is made to wait even inside of a call. MEMCG_CHARGE_BATCH */
const batchPages = 64
const longestNs = 2e9
/** Shorter waits are left out. HZ / 100 */
const shortestNs = 10e6

/**
 * Virtual time that a charge above memory.high is slowed down by: the square of the part by which usage is above, up to two
 * seconds for each 64 pages.
 *
 * @param usage - pages afterwards
 * @param pages - pages of this charge that are above
 */
export function throttleNs(usage: number, high: number, pages: number): number {
  let sum = 0
  for (let left = pages; left > 0; left -= batchPages) {
    const overage = (usage - (left - Math.min(left, batchPages)) - high) / Math.max(high, 1)
    // (overage * 2^20)^2 / 2^20 / 2^14, in seconds
    const ns = Math.min(longestNs, overage * overage * 2 ** 6 * 1e9)
    if (ns > shortestNs) sum += ns
  }
  return Math.floor(sum)
}

// Limits that no kernel would take, or that contradict each other, refused with a sentence before anything is made.

import { UserError } from '../errors.ts'
import type { LinuxBlockIO, LinuxCPU, LinuxMemory, LinuxResources } from '../spec/types.ts'

function refuseUnless(holds: boolean, sentence: string): void {
  if (!holds) throw new UserError(sentence)
}

/** Absent and 0 both mean that nothing is asked for, as in the runtime spec's Go structures. */
export function asked(value: number | undefined): value is number {
  return value !== undefined && value !== 0
}

/**
 * Checks limits that are wrong on every host. Sources: config-linux.md "Control groups"; cgroup-v2.rst;
 * cgroup-v1/memory.rst; scheduler/sched-bwc.rst.
 * @param now - when limits of an existing cgroup change: its memory limit in bytes, -1 for none
 * @throws UserError that names the limit
 */
export function checkResources(resources: LinuxResources, now?: { readonly memoryLimit: number }): void {
  if (resources.memory) checkMemory(resources.memory, now?.memoryLimit)
  if (resources.cpu) checkCPU(resources.cpu, now !== undefined)
  if (resources.blockIO) checkBlockIO(resources.blockIO)
  const pids = resources.pids?.limit
  refuseUnless(
    pids === undefined || (Number.isInteger(pids) && pids <= 4194304),
    `pids limit ${pids}: must be a whole number up to 4194304, or -1 for none`,
  )
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    refuseUnless(/^[1-9][0-9]*[KMG]B$/.test(pageSize), `huge page size ${pageSize}: must look like 64KB, 2MB or 1GB`)
    checkBytes(limit, `limit of ${pageSize} huge pages`, 0)
  }
}

function checkBytes(value: number | undefined, what: string, least: number): void {
  if (!asked(value)) return
  refuseUnless(
    Number.isSafeInteger(value) && (value === -1 || value >= least),
    `${what} ${value}: must be a whole number of bytes, ${least === 0 ? '' : `at least ${least}, `}or -1 for none`,
  )
}

function checkMemory(memory: LinuxMemory, limitNow?: number): void {
  checkBytes(memory.limit, 'memory limit', 4096)
  checkBytes(memory.swap, 'memory+swap limit', 0)
  checkBytes(memory.reservation, 'memory reservation', 0)
  checkBytes(memory.kernelTCP, 'kernel TCP memory limit', 0)
  const limit = asked(memory.limit) ? memory.limit : limitNow
  const { swap, reservation, swappiness } = memory
  if (asked(swap) && swap > 0) {
    refuseUnless(limit !== undefined, `memory+swap limit ${swap}: needs a memory limit too, since it includes memory`)
    refuseUnless(
      limit! <= swap,
      `memory+swap limit ${swap}: is below the memory limit ${limit}, which it includes; give at least ${limit}, or -1`,
    )
  }
  if (asked(reservation) && limit !== undefined && limit > 0)
    refuseUnless(reservation <= limit, `memory reservation ${reservation}: is above the memory limit ${limit}`)
  if (swappiness !== undefined)
    refuseUnless(
      Number.isInteger(swappiness) && swappiness >= 0 && swappiness <= 100,
      `memory swappiness ${swappiness}: must be 0 to 100`,
    )
  refuseUnless(
    !asked(memory.kernel) || memory.kernel === -1,
    'kernel memory limit: Linux has none any more (memory.kmem.limit_in_bytes ended with 5.16); use the memory limit, which includes kernel memory',
  )
  refuseUnless(memory.useHierarchy !== false, 'memory useHierarchy false: Linux counts memory hierarchically only')
}

function checkCPU(cpu: LinuxCPU, existing: boolean): void {
  const { shares, quota, period, burst, idle } = cpu
  refuseUnless(
    shares === undefined || (Number.isInteger(shares) && shares >= 0),
    `cpu shares ${shares}: must be a whole number of 2 to 262144`,
  )
  if (asked(quota) && quota > 0)
    refuseUnless(
      Number.isInteger(quota) && quota >= 1000,
      `cpu quota ${quota}: must be at least 1000 microseconds, or -1 for none`,
    )
  if (asked(period))
    refuseUnless(
      Number.isInteger(period) && period >= 1000 && period <= 1000000,
      `cpu period ${period}: must be 1000 to 1000000 microseconds`,
    )
  if (asked(burst)) {
    refuseUnless(Number.isInteger(burst) && burst > 0, `cpu burst ${burst}: must be a whole number of microseconds`)
    if (!existing || asked(quota))
      refuseUnless(
        asked(quota) && (quota < 0 || burst <= quota),
        `cpu burst ${burst}: needs a cpu quota that is at least as large`,
      )
  }
  refuseUnless(idle === undefined || idle === 0 || idle === 1, `cpu idle ${idle}: must be 0 or 1`)
  for (const [what, text] of [
    ['cpuset cpus', cpu.cpus],
    ['cpuset mems', cpu.mems],
  ] as const)
    refuseUnless(!text || /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text), `${what} ${text}: must be a list like 0-3,8`)
}

function checkBlockIO(blockIO: LinuxBlockIO): void {
  const checkWeight = (weight: number | undefined, what: string) =>
    refuseUnless(
      !asked(weight) || (Number.isInteger(weight) && weight >= 10 && weight <= 1000),
      `${what} ${weight}: must be 10 to 1000`,
    )
  checkWeight(blockIO.weight, 'block I/O weight')
  for (const { major, minor, weight, leafWeight } of blockIO.weightDevice ?? []) {
    checkWeight(weight, `block I/O weight of device ${major}:${minor}`)
    refuseUnless(!asked(leafWeight), leafWeightSentence)
  }
  refuseUnless(!asked(blockIO.leafWeight), leafWeightSentence)
  for (const { major, minor, rate } of [
    ...(blockIO.throttleReadBpsDevice ?? []),
    ...(blockIO.throttleWriteBpsDevice ?? []),
    ...(blockIO.throttleReadIOPSDevice ?? []),
    ...(blockIO.throttleWriteIOPSDevice ?? []),
  ])
    refuseUnless(
      Number.isSafeInteger(rate) && rate >= 0,
      `throttle rate ${rate} of device ${major}:${minor}: must be a whole number, or 0 for none`,
    )
}

const leafWeightSentence =
  'block I/O leaf weight: Linux has none any more (it went with the cfq scheduler in 5.0); use the weight'

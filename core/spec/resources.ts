// Limits as users give them, as OCI resources: podman's rules of which go together.

import { UserError } from '../errors.ts'
import { cpuPeriodUsec, defaultPidsLimit } from './defaults.ts'
import type { RequestedResources } from './request.ts'
import type { LinuxCPU, LinuxMemory, LinuxResources } from './types.ts'

const pageBytes = 4096

function refuse(sentence: string): never {
  throw new UserError(sentence)
}

/** @param before - the limits that the container has already, when it is being updated */
function memoryOf(asked: RequestedResources, before: LinuxMemory | undefined, swapAccounting: boolean): LinuxMemory {
  const { memoryBytes, memorySwapBytes, memoryReservationBytes } = asked
  const limit = memoryBytes ?? before?.limit
  if (memoryBytes !== undefined && memoryBytes < pageBytes)
    refuse(`--memory=${memoryBytes}: less than a page, ${pageBytes} bytes`)
  if (memorySwapBytes !== undefined && limit === undefined)
    refuse('--memory-swap: is memory and swap together, and needs --memory beside it')
  if (memorySwapBytes !== undefined && memorySwapBytes !== -1 && limit !== undefined && memorySwapBytes < limit)
    refuse(`--memory-swap=${memorySwapBytes}: is memory and swap together, and cannot be less than --memory=${limit}`)
  if (memoryReservationBytes !== undefined && limit !== undefined && memoryReservationBytes > limit)
    refuse(`--memory-reservation=${memoryReservationBytes}: cannot be more than --memory=${limit}`)
  // Memory alone gets as much swap again; a kernel that counts no swap cannot be asked to.
  const swap = memorySwapBytes ?? (memoryBytes !== undefined && swapAccounting ? memoryBytes * 2 : undefined)
  return {
    ...(memoryBytes === undefined ? {} : { limit: memoryBytes }),
    ...(swap === undefined ? {} : { swap }),
    ...(memoryReservationBytes === undefined ? {} : { reservation: memoryReservationBytes }),
  }
}

function cpuOf(asked: RequestedResources): LinuxCPU {
  const { cpus, cpuQuotaUsec, cpuPeriodUsec: period, cpuShares } = asked
  if (cpus !== undefined && period !== undefined) refuse('--cpus and --cpu-period: one of them, not both')
  if (cpus !== undefined && cpuQuotaUsec !== undefined) refuse('--cpus and --cpu-quota: one of them, not both')
  if (cpus !== undefined && !(cpus >= 0.01)) refuse(`--cpus=${cpus}: must be at least 0.01`)
  if (period !== undefined && (period < 1000 || period > 1_000_000))
    refuse(`--cpu-period=${period}: must be from 1000 to 1000000 microseconds`)
  if (cpuQuotaUsec !== undefined && cpuQuotaUsec !== -1 && cpuQuotaUsec < 1000)
    refuse(`--cpu-quota=${cpuQuotaUsec}: must be at least 1000 microseconds, or -1 for no limit`)
  if (cpuShares !== undefined && (cpuShares < 2 || cpuShares > 262_144))
    refuse(`--cpu-shares=${cpuShares}: must be from 2 to 262144`)
  const quota = cpus === undefined ? cpuQuotaUsec : Math.round(cpus * cpuPeriodUsec)
  const chosenPeriod = cpus === undefined ? period : cpuPeriodUsec
  return {
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(quota === undefined ? {} : { quota }),
    ...(chosenPeriod === undefined ? {} : { period: chosenPeriod }),
    ...(asked.cpusetCpus === undefined ? {} : { cpus: asked.cpusetCpus }),
    ...(asked.cpusetMems === undefined ? {} : { mems: asked.cpusetMems }),
  }
}

/**
 * The limits of an update: only what was asked for. podman-update(1).
 *
 * @param before - what the container has now, since a swap limit is judged beside the memory limit
 * @param swapAccounting - whether the kernel limits swap
 * @errors UserError for values that do not go together, naming the flags
 */
export function resourcesFromRequest(
  asked: RequestedResources,
  swapAccounting = true,
  before?: LinuxResources,
): LinuxResources {
  const memory = memoryOf(asked, before?.memory, swapAccounting)
  const cpu = cpuOf(asked)
  const { blkioWeight, pidsLimit } = asked
  if (blkioWeight !== undefined && (blkioWeight < 10 || blkioWeight > 1000))
    refuse(`--blkio-weight=${blkioWeight}: must be from 10 to 1000`)
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit > 0 ? pidsLimit : -1 } }),
    ...(blkioWeight === undefined ? {} : { blockIO: { weight: blkioWeight } }),
  }
}

/** The limits of a new container: what was asked for, and podman's default of 2048 processes. */
export function initialResources(
  asked: RequestedResources,
  kernel: { readonly swapAccounting: boolean; readonly pidsController: boolean },
): LinuxResources {
  const pids = asked.pidsLimit === undefined && kernel.pidsController ? { pids: { limit: defaultPidsLimit } } : {}
  return { ...pids, ...resourcesFromRequest(asked, kernel.swapAccounting) }
}

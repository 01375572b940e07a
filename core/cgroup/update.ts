// New limits for a cgroup that is in use: the same writes as for a new one, in an order that the kernel takes.

import { UserError } from '../errors.ts'
import { readText, readTextIfThere, sentence, writeInto } from '../files.ts'
import { type Kernel, type Refusal, refused } from '../kernel.ts'
import type { LinuxResources } from '../spec/types.ts'
import { asked, checkResources } from './check.ts'
import { type CgroupHost, whereIs } from './detect.ts'
import { limitWrites } from './limits.ts'
import type { CgroupPaths } from './paths.ts'
import type { FileWrite } from './write.ts'

/** The limits in force that decide the order, or that stay because they are not named. */
export interface LimitsNow {
  /** Bytes; -1 for none. */
  readonly memoryLimit?: number
  /** Microseconds; -1 for none. */
  readonly quota?: number
  readonly period?: number
}

/**
 * The writes that change the limits, in order. Device rules stay as they are.
 * - v1 keeps memory.memsw.limit_in_bytes >= memory.limit_in_bytes at every moment: what grows is written first.
 * - v1 compares quota/period with the parent's: what makes the ratio smaller is written first.
 * - a burst must not exceed the quota in force.
 * @throws UserError as planCgroup
 */
export function updateWrites(resources: LinuxResources, host: CgroupHost, now: LimitsNow): FileWrite[] {
  checkResources(resources, { memoryLimit: now.memoryLimit ?? -1 })
  const { devices: _, ...limits } = withoutLoss(resources, host, now)
  const writes = limitWrites(limits, host, now.memoryLimit)
  const { memory = {}, cpu = {} } = limits
  const swapFirst =
    asked(memory.swap) && (memory.swap < 0 || (now.memoryLimit !== undefined && inOrder(now.memoryLimit, memory.swap)))
  if (swapFirst) before(writes, 'memory.memsw.limit_in_bytes', 'memory.limit_in_bytes')
  const { quota = -1, period = 100000 } = now
  if (asked(cpu.quota) && asked(cpu.period) && ratio(cpu.quota, period) < ratio(quota, cpu.period))
    before(writes, 'cpu.cfs_quota_us', 'cpu.cfs_period_us')
  if (asked(cpu.burst) && inOrder(cpu.burst, quota)) {
    before(writes, 'cpu.cfs_burst_us', 'cpu.cfs_quota_us')
    before(writes, 'cpu.max.burst', 'cpu.max')
  }
  return writes
}

/**
 * Changes the limits of a container's cgroups. When the kernel refuses a write, those before it are taken back.
 * @returns takes them all back
 * @throws UserError that names the file and why
 */
export function updateCgroup(
  kernel: Kernel,
  paths: CgroupPaths,
  resources: LinuxResources,
  host: CgroupHost,
): () => void {
  const now = limitsNow(kernel, paths)
  const writes = updateWrites(resources, host, now)
  if (resources.memory?.checkBeforeUpdate) checkUsage(kernel, paths, resources.memory.limit)
  const before: { path: string; content: string | undefined }[] = []
  const takeBack = () => {
    for (const { path, content } of before.splice(0).reverse())
      for (const line of content?.split('\n') ?? []) if (line !== '') writeInto(kernel, path, line)
  }
  for (const write of writes) {
    let failed: Refusal | undefined
    try {
      failed = writeNow(kernel, paths, host, write, before)
    } catch (error) {
      takeBack()
      throw error
    }
    if (failed === undefined) continue
    takeBack()
    const busy = failed.errno === 'EBUSY' && write.controller === 'memory'
    const usage = busy && paths.v1.memory && readText(kernel, `${paths.v1.memory}/memory.usage_in_bytes`).trim()
    throw new UserError(
      `cannot ${write.why}: write ${write.file}: ${failed.errno} (${sentence(failed.errno)})${usage ? `; ${usage} bytes are in use and could not be reclaimed` : ''}`,
    )
  }
  return takeBack
}

/** The limits in force, as the files say. */
export function limitsNow(kernel: Kernel, { v1, unified }: CgroupPaths): LimitsNow {
  const read = (directory: string | undefined, file: string) =>
    directory === undefined ? undefined : readTextIfThere(kernel, `${directory}/${file}`)?.trim()
  // v1 says "none" with the largest number of pages
  const limit = read(v1.memory, 'memory.limit_in_bytes') ?? read(unified, 'memory.max')
  const memoryLimit = limit === 'max' || Number(limit) > Number.MAX_SAFE_INTEGER ? -1 : Number(limit)
  const [quota, period] = v1.cpu
    ? [read(v1.cpu, 'cpu.cfs_quota_us'), read(v1.cpu, 'cpu.cfs_period_us')]
    : (read(unified, 'cpu.max')?.split(' ') ?? [])
  return {
    ...(limit === undefined ? {} : { memoryLimit }),
    ...(quota === undefined ? {} : { quota: quota === 'max' ? -1 : Number(quota), period: Number(period) }),
  }
}

/** cpu.max of v2 holds quota and period: the one that is not named stays. */
function withoutLoss(resources: LinuxResources, host: CgroupHost, now: LimitsNow): LinuxResources {
  const { cpu } = resources
  if (whereIs(host, 'cpu') !== 'unified' || !(asked(cpu?.quota) || asked(cpu?.period))) return resources
  const quota = asked(cpu.quota) ? cpu.quota : now.quota
  const period = asked(cpu.period) ? cpu.period : now.period
  return { ...resources, cpu: { ...cpu, quota, period } }
}

function checkUsage(kernel: Kernel, { v1, unified }: CgroupPaths, limit: number | undefined): void {
  if (!asked(limit) || limit < 0) return
  const path = v1.memory ? `${v1.memory}/memory.usage_in_bytes` : `${unified}/memory.current`
  const usage = Number(readText(kernel, path))
  if (limit < usage) throw new UserError(`memory limit ${limit}: is below the ${usage} bytes in use`)
}

/** Does one write; gives the refusal. What was in the file before goes to `before`. */
function writeNow(
  kernel: Kernel,
  paths: CgroupPaths,
  host: CgroupHost,
  write: FileWrite,
  before: { path: string; content: string | undefined }[],
): Refusal | undefined {
  const directory = whereIs(host, write.controller) === 'unified' ? paths.unified : paths.v1[write.controller]
  const path = `${directory ?? paths.unified}/${write.file}`
  const content = readTextIfThere(kernel, path, ['ENOENT', 'EINVAL', 'EACCES', 'EPERM', 'EOPNOTSUPP'])
  before.push({ path, content })
  for (const line of write.lines) {
    const outcome = writeInto(kernel, path, line)
    if (!refused(outcome)) continue
    if (outcome.errno === 'ENOENT' && write.otherwise) return writeNow(kernel, paths, host, write.otherwise, before)
    if (outcome.errno === 'ENOENT' && write.optional) return undefined
    return outcome
  }
  return undefined
}

/** Whether `one` is at most `other`, with -1 as no limit. */
function inOrder(one: number, other: number): boolean {
  return other < 0 || (one >= 0 && one <= other)
}

function ratio(quota: number, period: number): number {
  return quota < 0 ? Number.POSITIVE_INFINITY : quota / period
}

/** Moves the write of one file right before that of another, if both are there. */
function before(writes: FileWrite[], file: string, other: string): void {
  const from = writes.findIndex((write) => write.file === file)
  const to = writes.findIndex((write) => write.file === other)
  if (from < 0 || to < 0 || from < to) return
  writes.splice(to, 0, ...writes.splice(from, 1))
}

// Effective processors and nodes from what is asked for, top down; and which partitions hold. kernel/cgroup/cpuset.c

import type { CpuMask } from '../../cpu/mask.ts'
import type { CpusetGroup } from './group.ts'

/** Why a partition is none, in the kernel's own words, which cpuset.cpus.partition shows. perr_strings */
export const reasons = {
  cpus: 'Invalid cpu list in cpuset.cpus.exclusive',
  parentInvalid: 'Parent is an invalid partition root',
  notPartition: 'Parent is not a partition root',
  notExclusive: 'Cpu list in cpuset.cpus not exclusive',
  noCpus: 'Parent unable to distribute cpu downstream',
  empty: 'cpuset.cpus and cpuset.cpus.exclusive are empty',
} as const

/**
 * Everything below a group anew; its own effective sets are there, partitions below not yet taken off.
 *
 * @param cause - who has changed: partitions that are none are looked at again below it alone
 */
export function recompute(top: CpusetGroup, legacy: boolean, cause?: CpusetGroup): void {
  const { parent } = top
  if (parent) compute(top, parent, legacy)
  if (!legacy && top.isPartition) takePartitions(top, cause)
  for (const child of top.children) if (legacy || !child.isPartition) recompute(child, legacy, cause)
}

function isConcerned(group: CpusetGroup, cause: CpusetGroup | undefined): boolean {
  if (cause === undefined) return true
  for (let at: CpusetGroup | undefined = group; at; at = at.parent) if (at === cause) return true
  return false
}

function compute(group: CpusetGroup, parent: CpusetGroup, legacy: boolean): void {
  if (legacy) {
    group.effectiveCpus = group.cpus
    group.effectiveMems = group.mems
    return
  }
  group.effectiveMems = group.mems & parent.effectiveMems || parent.effectiveMems
  group.effectiveExclusive = group.exclusive & parent.effectiveExclusive
  group.effectiveCpus = group.cpus & parent.effectiveCpus || parent.effectiveCpus
}

/** Children that are to be partitions get their processors, which their parent has no longer (CST-107). */
function takePartitions(group: CpusetGroup, cause: CpusetGroup | undefined): void {
  // Those that are partitions already come before those that would like to be.
  const asking = [...partitionsBelow(group)]
  const order = [...asking.filter((each) => each.isPartition), ...asking.filter((each) => !each.isPartition)]
  for (const child of order) {
    if (child.invalid === undefined || isConcerned(child, cause)) child.invalid = refusalOf(child, group, cause)
    if (child.invalid !== undefined) {
      compute(child, child.parent!, false)
      continue
    }
    const taken = child.claimed & group.effectiveCpus
    group.effectiveCpus &= ~taken
    child.effectiveCpus = taken
    child.effectiveExclusive = taken
    child.effectiveMems = child.mems & child.parent!.effectiveMems || child.parent!.effectiveMems
    takePartitions(child, cause)
    for (const below of child.children) if (!below.isPartition) recompute(below, false, cause)
  }
}

/** Partitions whose processors come from a group: its children, and remote ones below members. */
function* partitionsBelow(group: CpusetGroup): Generator<CpusetGroup> {
  for (const child of group.children)
    if (child.partition !== 'member') yield child
    else {
      child.effectiveExclusive = child.exclusive & group.effectiveExclusive
      child.effectiveMems = child.mems & group.effectiveMems || group.effectiveMems
      yield* partitionsBelow(child)
    }
}

function refusalOf(group: CpusetGroup, giver: CpusetGroup, cause: CpusetGroup | undefined): string | undefined {
  const parent = group.parent!
  if (group.claimed === 0n) return reasons.empty
  const local = parent === giver
  // Who asks itself becomes a remote partition or none; others lose what their parent has lost.
  const asksItself = cause === group
  if (!local && !asksItself && parent.partition !== 'member') return reasons.parentInvalid
  for (const sibling of parent.children)
    if (sibling !== group && overlaps(group, sibling))
      // A sibling that takes from a partition ends it, for which Linux has no word.
      return isConcerned(group, cause) ? reasons.notExclusive : ''
  // A remote partition needs all above to have claimed its processors, too (CST-108).
  const claimed = group.claimed & (local ? giver.effectiveCpus : parent.effectiveExclusive & giver.effectiveCpus)
  if (claimed === 0n) return local || asksItself ? reasons.cpus : reasons.notPartition
  const nothingLeft = (giver.effectiveCpus & ~claimed) === 0n
  if (nothingLeft && !local) return reasons.cpus
  return nothingLeft && needsCpus(giver, group) ? reasons.noCpus : undefined
}

/** Siblings that both mean to have a processor: where one is a partition, or has claimed it. */
function overlaps(group: CpusetGroup, sibling: CpusetGroup): boolean {
  if (sibling.isPartition || sibling.exclusive !== 0n) return (group.claimed & sibling.claimed) !== 0n
  return group.exclusive === 0n && (group.claimed & sibling.cpus) !== 0n
}

/** Tasks outside of partitions depend on what is left. partition_is_populated() */
function needsCpus(group: CpusetGroup, except: CpusetGroup): boolean {
  if (group.cgroup.tasks.size > 0) return true
  for (const child of group.children) if (child !== except && !child.isPartition && child.cgroup.populated) return true
  return false
}

/** Processors of isolated partitions: cpuset.cpus.isolated of the root. */
export function isolatedCpus(group: CpusetGroup): CpuMask {
  let mask = group.partition === 'isolated' && group.isPartition ? group.effectiveCpus : 0n
  for (const child of group.children) mask |= isolatedCpus(child)
  return mask
}

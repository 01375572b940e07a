// Out of memory: who is killed, and who with it. mm/oom_kill.c

import { residentPages, swappedPages } from '../../address-space.ts'
import type { Process } from '../../process.ts'
import { type Cgroup, preOrder } from '../cgroup.ts'
import type { MemoryControl } from './control.ts'
import type { MemoryGroup } from './group.ts'

const neverKilled = -1000
const SIGKILL = 9

/**
 * Kills the worst process of a group that has no room left, with its memory.oom.group (MEM-005, MEM-006, MEM-102). Answers
 * whether there was one that may be killed.
 *
 * @param pages - what the group may have, which oom_score_adj is a part of
 */
export function killFor(control: MemoryControl, domain: MemoryGroup, pages: number): boolean {
  const victim = choose(control, domain.cgroup, pages)
  if (victim === undefined) return false
  const whole = groupToKill(control, victim, domain)
  const members = whole ? processesOf(whole.cgroup) : []
  kill(control, victim)
  if (whole === undefined) return true
  control.event(whole, 'oom_group_kill')
  // The victim is counted again, as Linux does: it is still a member.
  for (const process of members)
    if (process.oomScoreAdj !== neverKilled && !unkillable(control, process)) kill(control, process)
  return true
}

/** Badness of a process in pages; undefined: never. oom_badness() */
export function badness(control: MemoryControl, process: Process, totalPages: number): number | undefined {
  if (process.oomScoreAdj === neverKilled || unkillable(control, process)) return undefined
  const space = process.image.space
  const used = space ? residentPages(space) + swappedPages(space) : 0
  return used + process.oomScoreAdj * Math.floor(totalPages / 1000)
}

function choose(control: MemoryControl, top: Cgroup, totalPages: number): Process | undefined {
  let worst: Process | undefined
  let points = Number.NEGATIVE_INFINITY
  for (const process of processesOf(top)) {
    if (process.oomVictim || process.ending !== undefined) continue
    const its = badness(control, process, totalPages)
    // Of equals the one with the higher number.
    if (its === undefined || its < points) continue
    if (its === points && worst && numberOf(process) < numberOf(worst)) continue
    worst = process
    points = its
  }
  return worst
}

const numberOf = (process: Process): number => process.leader.entry.numbers[0]!

const unkillable = (control: MemoryControl, process: Process): boolean => process === control.kernel.init.process

/** The highest group with memory.oom.group between the victim and the domain. mem_cgroup_get_oom_group() */
function groupToKill(control: MemoryControl, victim: Process, domain: MemoryGroup): MemoryGroup | undefined {
  let found: MemoryGroup | undefined
  for (let at: MemoryGroup | undefined = control.groupOf(victim.leader); at?.parent; at = at.parent) {
    if (at.oomGroup) found = at
    if (at === domain) break
  }
  return found
}

function kill(control: MemoryControl, process: Process): void {
  const { leader } = process
  control.event(control.groupOf(leader), 'oom_kill')
  if (process.oomVictim) return
  process.oomVictim = true
  control.oomKills += 1
  // Its memory is free at once, before it has ended (MEM-106).
  process.image.space?.reap()
  for (const task of process.tasks) {
    control.kernel.sendSignal(task, SIGKILL)
    break
  }
}

function processesOf(top: Cgroup): ReadonlySet<Process> {
  const processes = new Set<Process>()
  for (const cgroup of preOrder(top)) for (const { process } of cgroup.tasks) processes.add(process)
  return processes
}

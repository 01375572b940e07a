// Freezing tasks: cgroup.freeze of version 2, where a fatal signal still kills, and freezer.state of version 1, where
// nothing does (CG-011, CG-112, V1-007).

import type { Task } from '../task.ts'
import type { Cgroup } from './cgroup.ts'
import { changed } from './tree.ts'

/** A task stands still; a call that it waits in does not end. */
export function freezeTask(task: Task, version: 1 | 2): void {
  if (task.state === 'zombie' || task.state === 'dead') return
  task.frozen = version
  task.kernel.cpu?.changed(task)
}

/** It goes on: what has come meanwhile is looked at now. */
export function thawTask(task: Task): void {
  task.frozen = undefined
  task.kernel.taskThawed(task)
}

/** Writes cgroup.freeze: what is below stands still as long as something above does (CG-012). */
export function setFreeze(cgroup: Cgroup, freeze: boolean): void {
  if (cgroup.freeze === freeze) return
  cgroup.freeze = freeze
  const frozen = freeze || cgroup.parent!.frozen
  // Whoever waits for the change is told that there is nothing to wait for.
  if (frozen === cgroup.frozen) changed(cgroup, 'cgroup.events')
  else spread(cgroup, frozen)
}

/** Since 6.18 cgroup.stat.local tells how long, however often. In nanoseconds. */
export function frozenNs({ frozen, frozenBeforeNs, frozenSinceNs }: Cgroup, nowNs: number): number {
  return frozen ? frozenBeforeNs + nowNs - frozenSinceNs : frozenBeforeNs
}

function spread(cgroup: Cgroup, frozen: boolean): void {
  const { nowNs } = cgroup.hierarchy.superblock!.kernel.clock
  if (frozen) cgroup.frozenSinceNs = nowNs
  else cgroup.frozenBeforeNs = frozenNs(cgroup, nowNs)
  cgroup.frozen = frozen
  for (const task of cgroup.tasks)
    if (frozen) freezeTask(task, 2)
    else thawTask(task)
  for (const child of cgroup.children.values()) {
    const below = child.freeze || frozen
    if (below !== child.frozen) spread(child, below)
  }
  changed(cgroup, 'cgroup.events')
}

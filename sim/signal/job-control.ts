// Stopping and going on, and what becomes of process groups that nobody controls any more. setpgid(2), wait(2), credentials(7)

import { tellParent } from '../life/parents.ts'
import type { PidEntry } from '../ns/pid.ts'
import type { Process } from '../process.ts'
import { CLD, fromKernel } from './info.ts'
import { SIG } from './numbers.ts'
import { sendToProcess } from './send.ts'

export function stop(process: Process, signal: number): void {
  if (process.stopSignal !== 0) return
  process.stopSignal = signal
  process.stopSeen = false
  process.continued = false
  for (const task of process.tasks) {
    if (task.alive) task.state = 'stopped'
    task.kernel.cpu?.changed(task)
  }
  tellParent(process, CLD.STOPPED, signal)
}

/** SIGCONT does so even when it is blocked or ignored. */
export function goOn(process: Process): void {
  if (process.stopSignal === 0) return
  process.stopSignal = 0
  process.continued = true
  for (const task of process.tasks) {
    if (task.state !== 'stopped') continue
    task.state = task.blocked ? 'waiting' : 'running'
    task.kernel.scheduler.resume(task)
  }
  tellParent(process, CLD.CONTINUED, SIG.CONT)
}

/**
 * Whether no member of a process group has a parent in another group of the same session, who could let it go on (PID-104).
 *
 * @param without - a member that is ending
 */
export function isOrphaned(group: PidEntry, without: Process | undefined): boolean {
  for (const process of group.group) {
    const { parent } = process
    if (process === without || process.zombie || parent === undefined || parent.parent === undefined) continue
    if (parent.group !== group && parent.session === process.session) return false
  }
  return true
}

/**
 * A process ends, or loses its parent: if with it the last link of a stopped group to its session goes, the group gets
 * SIGHUP and SIGCONT. kill_orphaned_pgrp() in kernel/exit.c
 */
export function releaseOrphans(process: Process, parent: Process | undefined, isEnding: boolean): void {
  const { group } = process
  if (parent === undefined || parent.group === group || parent.session !== process.session) return
  if (!isOrphaned(group, isEnding ? process : undefined)) return
  const members = [...group.group]
  if (!members.some(({ stopSignal }) => stopSignal !== 0)) return
  for (const signal of [SIG.HUP, SIG.CONT])
    for (const member of members) sendToProcess(member, fromKernel(signal), true)
}

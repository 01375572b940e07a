// Whether a recorded process still is the one that was recorded: boot id, and start time against reused pids.

import { readText, readTextIfThere } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { ContainerState, ProcessMark } from './record.ts'

/** Changes with every boot. proc_sys_kernel(5), random/boot_id. */
export function bootId(kernel: Kernel): string {
  return readText(kernel, '/proc/sys/kernel/random/boot_id').trim()
}

/** State and start time of a process. The name in field 2 may contain anything, so fields are counted after its `)`. */
export function statOf(
  kernel: Kernel,
  pid: number,
): { readonly state: string; readonly parent: number; readonly startTicks: string } | undefined {
  const text = readTextIfThere(kernel, `/proc/${pid}/stat`, ['ENOENT', 'ESRCH'])
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0]!, parent: Number(fields[1]), startTicks: fields[19]! }
}

/** Marks a process that runs now; undefined when it is gone already. */
export function markOf(kernel: Kernel, pid: number): ProcessMark | undefined {
  const stat = statOf(kernel, pid)
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks }
}

/** A zombie is no more alive than one that has been reaped. */
export function isAlive(kernel: Kernel, mark: ProcessMark | undefined): boolean {
  if (mark === undefined) return false
  const stat = statOf(kernel, mark.pid)
  return stat !== undefined && stat.startTicks === mark.startTicks && stat.state !== 'Z' && stat.state !== 'X'
}

function onThisBoot(kernel: Kernel, state: ContainerState): boolean {
  return state.bootId === undefined || state.bootId === bootId(kernel)
}

/** Whether the container's process is there, on this boot. */
export function processAlive(kernel: Kernel, state: ContainerState): boolean {
  return isAlive(kernel, state.process) && onThisBoot(kernel, state)
}

/** Whether its monitor is. */
export function monitorAlive(kernel: Kernel, state: ContainerState): boolean {
  return isAlive(kernel, state.monitor) && onThisBoot(kernel, state)
}

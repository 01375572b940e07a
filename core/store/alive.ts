// Whether a recorded process still is the one that was recorded: boot id, and start time against reused pids.

import { RefusedError } from '../errors.ts'
import { AT_FDCWD, close, O } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { ContainerState, ProcessMark } from './record.ts'

const decoder = new TextDecoder()

/** A file of /proc that is one short line, which one read(2) gives whole; undefined when its process is gone. */
function readLine(kernel: Kernel, path: string): string | undefined {
  const flags = O.RDONLY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode: 0 })
  const read = refused(opened) ? opened : kernel.call({ name: 'read', fd: opened.value, buf: 4096 })
  if (!refused(opened)) close(kernel, opened.value)
  if (!refused(read)) return decoder.decode(read.data)
  if (read.errno === 'ENOENT' || read.errno === 'ESRCH') return undefined
  throw new RefusedError(`read ${path}`, read.errno)
}

/** Changes with every boot. proc_sys_kernel(5), random/boot_id. */
export function bootId(kernel: Kernel): string {
  const id = readLine(kernel, '/proc/sys/kernel/random/boot_id')
  if (id === undefined) throw new RefusedError('open /proc/sys/kernel/random/boot_id', 'ENOENT')
  return id.trim()
}

/** State and start time of a process. The name in field 2 may contain anything, so fields are counted after its `)`. */
export function statOf(
  kernel: Kernel,
  pid: number,
): { readonly state: string; readonly parent: number; readonly startTicks: string } | undefined {
  const text = readLine(kernel, `/proc/${pid}/stat`)
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

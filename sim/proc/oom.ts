// oom_score, oom_score_adj and oom_adj of a process. proc_pid_oom_score(5), proc_pid_oom_score_adj(5)

import { badness } from '../cgroup/memory/oom.ts'
import { capable } from '../credentials.ts'
import { pageBytes } from '../memory.ts'
import { type Denied, deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import { decode } from '../vfs/utf8.ts'

/** From 0 to about 1333; 666 for one that has nothing. */
export function oomScore(of: Task): number {
  const { kernel, process } = of
  const pages = Math.floor(((kernel.config.memoryBytes + (kernel.config.swapBytes ?? 0)) / pageBytes) | 0)
  if (process.oomScoreAdj === -1000) return 0
  const points = kernel.memory
    ? badness(kernel.memory, process, pages)
    : Math.trunc((process.oomScoreAdj * pages) / 1000)
  if (points === undefined) return 0
  return Math.max(0, Math.trunc(((1000 + Math.trunc((points * 1000) / pages)) * 2) / 3))
}

function numberIn(bytes: Uint8Array): number | undefined {
  const match = bytes.length < 13 ? /^\s*([+-]?\d+)\s*\0?$/.exec(decode(bytes)) : null
  return match ? Number(match[1]) : undefined
}

const bad = (): Denied => deny('EINVAL', 'PID-038', 'write to oom_score_adj: it takes a number from -1000 to 1000')

const outside = (bytes: Uint8Array, least: number, most: number): Denied | undefined => {
  const value = numberIn(bytes)
  return value === undefined || value < least || value > most ? bad() : undefined
}

export const wrongOomScoreAdj = (bytes: Uint8Array): Denied | undefined => outside(bytes, -1000, 1000)
export const wrongOomAdj = (bytes: Uint8Array): Denied | undefined => outside(bytes, -17, 15)

/** PID-038. __set_oom_adj() in fs/proc/base.c. @param bytes - that wrongOomScoreAdj() has nothing against */
export function writeOomScoreAdj(writer: Task, of: Task, bytes: Uint8Array): number | Denied {
  return set(writer, of, numberIn(bytes)!, of.process.oomScoreAdjMin, bytes)
}

/** The file of old: from -16 to 15, and -17 for never. */
export function writeOomAdj(writer: Task, of: Task, bytes: Uint8Array): number | Denied {
  const value = numberIn(bytes)!
  const scaled = value === 15 ? 1000 : Math.trunc((value * 1000) / 17)
  return set(writer, of, scaled, of.process.oomScoreAdj, bytes)
}

function set(writer: Task, { process }: Task, value: number, least: number, bytes: Uint8Array): number | Denied {
  const privileged = capable(writer.credentials, 'SYS_RESOURCE', writer.kernel.initial.user)
  if (value < least && !privileged)
    return deny('EACCES', 'PID-038', 'write to oom_score_adj: less than before needs CAP_SYS_RESOURCE')
  process.oomScoreAdj = value
  if (privileged) process.oomScoreAdjMin = value
  return bytes.length
}

// Maps between the ids of a user namespace and those of the host: made, checked and looked up. user_namespaces(7).

import { UserError } from '../errors.ts'
import type { LinuxIDMapping } from './types.ts'

export interface IdRange {
  readonly first: number
  readonly count: number
}

/** The kernel's UID_GID_MAP_MAX_EXTENTS. */
const linesMax = 340

const byContainer = (a: LinuxIDMapping, b: LinuxIDMapping) => a.containerID - b.containerID

/** Ranges of the host one after the other, from a container's id on. */
export function mappedFrom(containerId: number, ranges: readonly IdRange[]): LinuxIDMapping[] {
  let next = containerId
  return ranges.map(({ first, count }) => {
    const containerID = next
    next += count
    return { containerID, hostID: first, size: count }
  })
}

/** A range of the host for the ids from 0 on, but for those that are mapped otherwise. */
export function mappedAround(range: IdRange, forced: readonly LinuxIDMapping[]): LinuxIDMapping[] {
  const mapped: LinuxIDMapping[] = []
  let next = 0
  const upTo = (end: number) => {
    if (end > next) mapped.push({ containerID: next, hostID: range.first + next, size: end - next })
  }
  for (const line of forced.toSorted(byContainer)) {
    upTo(Math.min(line.containerID, range.count))
    mapped.push(line)
    next = Math.max(next, line.containerID + line.size)
  }
  upTo(range.count)
  return mapped
}

/** The ids of the host in a map. */
export function hostRanges(mappings: readonly LinuxIDMapping[]): IdRange[] {
  return mappings.map(({ hostID, size }) => ({ first: hostID, count: size }))
}

/** The host's id, or undefined for one that is not mapped. */
export function hostIdOf(mappings: readonly LinuxIDMapping[], id: number): number | undefined {
  const line = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size)
  return line && line.hostID + id - line.containerID
}

/** @errors UserError for a map that the kernel would refuse, or without a root, who makes the container; it names the flag */
export function checkIdMap(flag: string, mappings: readonly LinuxIDMapping[]): void {
  checkOverlaps(flag, mappings)
  if (hostIdOf(mappings, 0) === undefined)
    throw new UserError(`${flag}: the container's id 0 must be mapped: its root makes the container`)
}

/** @errors UserError for a map that the kernel would refuse */
export function checkOverlaps(flag: string, mappings: readonly LinuxIDMapping[]): void {
  const refuse = (sentence: string): never => {
    throw new UserError(`${flag}: ${sentence}`)
  }
  if (mappings.length > linesMax) refuse(`has ${mappings.length} ranges, and Linux takes ${linesMax} at most`)
  for (const [side, who] of [
    ['containerID', "container's"],
    ['hostID', "host's"],
  ] as const) {
    const sorted = mappings.toSorted((a, b) => a[side] - b[side])
    for (const [i, line] of sorted.entries()) {
      const before = sorted[i - 1]
      if (before !== undefined && before[side] + before.size > line[side])
        refuse(`the ${who} id ${line[side]} is mapped twice`)
      if (line[side] + line.size > 0xffff_ffff) refuse(`the ${who} id ${line[side] + line.size - 1} is too large`)
    }
  }
}

/** The lines of a uid_map or gid_map. user_namespaces(7). */
export function readIdMap(text: string): LinuxIDMapping[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number)
      return { containerID, hostID, size }
    })
}

/** Whether a uid_map or gid_map is that of the first user namespace, which maps every id to itself. user_namespaces(7) */
export const mapsAllIds = (text: string): boolean => /^\s*0\s+0\s+4294967295\s*$/.test(text)

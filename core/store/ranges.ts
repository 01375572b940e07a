// Ranges of the host's ids that containers have. A container's claim is a symbolic link in its own directory: it is there
// whole or not at all, and goes with the directory.

import type { Settings } from '../engine/host.ts'
import { DamagedError, RefusedError } from '../errors.ts'
import { AT_FDCWD, readLink } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { IdRange } from '../spec/id-maps.ts'
import { allIds } from './names.ts'
import { type ContainerPaths, containerPaths } from './paths.ts'

export interface Claim {
  readonly uid: readonly IdRange[]
  readonly gid: readonly IdRange[]
}

/**
 * Where ranges are taken from when subuid(5) has none for `containers`: from 1,879,048,192 on, above what useradd(8) lends
 * and what systemd-nspawn(1) picks, and below 2^31 - 1, where some programs' ids end.
 */
export const builtInRange: IdRange = { first: 0x7000_0000, count: 0x0fff_ffff }

/** The first range of so many ids in the pools that overlaps nothing taken; undefined when there is none. */
export function freeRange(pools: readonly IdRange[], taken: readonly IdRange[], count: number): IdRange | undefined {
  const sorted = taken.toSorted((a, b) => a.first - b.first)
  for (const pool of pools) {
    let first = pool.first
    for (const range of sorted) {
      if (range.first >= first + count) break
      first = Math.max(first, range.first + range.count)
    }
    if (first + count <= pool.first + pool.count) return { first, count }
  }
  return undefined
}

const textOf = (ranges: readonly IdRange[]) => ranges.map(({ first, count }) => `${first}:${count}`).join(',')

/** Claims ranges for a container. The caller has locked the directory of all containers. symlink(2). */
export function writeClaim(kernel: Kernel, paths: ContainerPaths, claim: Claim): void {
  const target = `uid=${textOf(claim.uid)} gid=${textOf(claim.gid)}`
  const made = kernel.call({ name: 'symlinkat', target, newdirfd: AT_FDCWD, linkpath: paths.ids })
  if (refused(made)) throw new RefusedError(`claim ids in ${paths.ids}`, made.errno)
}

/** What all containers have claimed. @errors DamagedError */
export function readClaims(kernel: Kernel, settings: Pick<Settings, 'root'>): Claim {
  const uid: IdRange[] = []
  const gid: IdRange[] = []
  for (const id of allIds(kernel, settings)) {
    const path = containerPaths(settings, id).ids
    const { target } = readLink(kernel, path)
    if (target === undefined) continue
    const [, uids, gids] = /^uid=([\d:,]+) gid=([\d:,]+)$/.exec(target) ?? []
    if (uids === undefined || gids === undefined) throw new DamagedError(path, 'this is no claim of ids')
    uid.push(...rangesIn(uids))
    gid.push(...rangesIn(gids))
  }
  return { uid, gid }
}

function rangesIn(text: string): IdRange[] {
  return text.split(',').map((word) => {
    const [first = 0, count = 0] = word.split(':').map(Number)
    return { first, count }
  })
}

// The pids controller: how many tasks may be born. Only a fork is refused, never a move (PDS-003). kernel/cgroup/pids.c

import { type Denied, deny, isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import type { Cgroup } from '../cgroup.ts'
import type { CgroupFile, Controller } from '../controller.ts'
import { longLongRange, parseInteger, shown, strip } from '../numbers.ts'
import { changed } from '../tree.ts'

/** PID_MAX_LIMIT on 64 bits. */
const pidsMax = 4_194_304

/** Of the root nothing is counted. */
class Pids {
  readonly cgroup: Cgroup
  readonly parent: Pids | undefined
  /** undefined is `max`. */
  max: number | undefined
  current = 0
  peak = 0
  /** Forks that the limit here has refused, and those of everything below with them. */
  refusedHere = 0
  refused = 0

  constructor(cgroup: Cgroup, parent: Pids | undefined) {
    this.cgroup = cgroup
    this.parent = parent
  }

  add(tasks: number): void {
    for (let at: Pids = this; at.parent; at = at.parent) {
      at.current += tasks
      if (at.current > at.peak) at.peak = at.current
    }
  }

  remove(tasks: number): void {
    for (let at: Pids = this; at.parent; at = at.parent) at.current -= tasks
  }

  /** One more, where every limit up to the root allows it; answers whose limit does not. */
  tryAdd(): Pids | undefined {
    for (let at: Pids = this; at.parent; at = at.parent) {
      if (at.max !== undefined && at.current + 1 > at.max) return at
      // Linux adds before it knows about those above: a fork that is refused there was a peak here (PDS-101).
      at.peak = Math.max(at.peak, at.current + 1)
    }
    this.add(1)
    return undefined
  }
}

/** Before 6.11 a refusal counts where the fork was tried; since then where the limit is, and above (PDS-005). */
function countRefusal(task: Task, forking: Pids, limiting: Pids): void {
  const { kernel } = task
  const hierarchy = limiting.cgroup.hierarchy
  if (!kernel.since(6, 11)) {
    forking.refusedHere += 1
    changed(forking.cgroup, 'pids.events')
    return
  }
  limiting.refusedHere += 1
  changed(limiting.cgroup, hierarchy.version === 2 ? 'pids.events.local' : 'pids.events')
  if (hierarchy.version === 1) return
  for (let at: Pids | undefined = limiting; at?.parent; at = at.parent) {
    at.refused += 1
    changed(at.cgroup, 'pids.events')
    if (hierarchy.options.has('pids_localevents')) return
  }
}

function parseMax(text: string): number | undefined | Denied {
  const word = strip(text)
  if (word === 'max') return undefined
  const value = parseInteger(word, longLongRange)
  if (isDenied(value)) return deny('EINVAL', 'PDS-001', 'pids.max: max, or a number')
  if (value < 0 || value > pidsMax) return deny('EINVAL', 'PDS-001', `pids.max: max, or 0 to ${pidsMax}`)
  return value
}

const since = (major: number, minor: number) => (cgroup: Cgroup) =>
  cgroup.hierarchy.superblock?.kernel.since(major, minor) === true

const files: readonly CgroupFile<Pids>[] = [
  {
    name: 'pids.max',
    where: 'notRoot',
    read: ({ state }) => `${shown(state.max)}\n`,
    write: ({ state }, text) => {
      const max = parseMax(text)
      if (isDenied(max)) return max
      state.max = max
      return undefined
    },
  },
  { name: 'pids.current', where: 'notRoot', read: ({ state }) => `${state.current}\n` },
  { name: 'pids.peak', where: 'notRoot', exists: since(6, 1), read: ({ state }) => `${state.peak}\n` },
]

const events: CgroupFile<Pids> = {
  name: 'pids.events',
  where: 'notRoot',
  read: ({ state, cgroup }) => {
    const { version, options } = cgroup.hierarchy
    const local = version === 1 || !since(6, 11)(cgroup) || options.has('pids_localevents')
    return `max ${local ? state.refusedHere : state.refused}\n`
  },
}

const localEvents: CgroupFile<Pids> = {
  name: 'pids.events.local',
  where: 'notRoot',
  exists: since(6, 11),
  read: ({ state }) => `max ${state.refusedHere}\n`,
}

export const makePids = (): Controller<Pids> => ({
  name: 'pids',
  threaded: true,
  files: [...files, events, localEvents],
  legacyFiles: [...files, events],
  online: (cgroup, parent) => new Pids(cgroup, parent),
  canFork(state, parent, parentState) {
    const limiting = state.tryAdd()
    if (limiting === undefined) return undefined
    countRefusal(parent, parentState, limiting)
    return deny('EAGAIN', 'PDS-002', 'fork(2): pids.max, here or above, allows no task more')
  },
  cancelFork: (state) => state.remove(1),
  attach(from, to, tasks) {
    to.add(tasks.length)
    from.remove(tasks.length)
  },
  released: (state) => state.remove(1),
})

// Watches a simulated machine: after each call its invariants have to hold, and a call that was denied has to leave the
// machine as it was.

import type { Syscall } from '../../core/syscall.ts'
import { CgroupFileInode } from '../../sim/cgroup/file.ts'
import { MemoryGroup } from '../../sim/cgroup/memory/group.ts'
import type { Fields } from '../../sim/digest.ts'
import { HugeGroup } from '../../sim/huge-pages.ts'
import type { Kernel } from '../../sim/kernel.ts'
import { Link } from '../../sim/net/link.ts'
import { Socket } from '../../sim/net/socket.ts'
import { PidNamespace } from '../../sim/ns/pid.ts'
import { TimeNamespace } from '../../sim/ns/time.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import { print } from '../../sim/scenario/print.ts'
import { Mount } from '../../sim/vfs/mount.ts'
import { brokenIn, type Everything, everything } from './invariants.ts'
import { type Places, peerFaults, places } from './invariants-mounts.ts'

export interface Fault {
  /** How many calls the machine had made before. */
  readonly at: number
  readonly call: Syscall
  readonly outcome: Outcome | undefined
  readonly what: string
}

export interface Watching {
  /** Looks at what has to be true, too; absent: only whether calls that were denied change anything. */
  readonly invariants?: boolean
  /** Says what a denied call changed, not just that it did: of the call of this number. */
  readonly explain?: number
}

/** What a refusal may leave: counts of refusals, how high something had been meanwhile, marks of having looked. */
const traces: readonly Fields[] = [
  [MemoryGroup, ['peak', 'memswPeak', 'swapPeak', 'events', 'localEvents', 'swapEvents', 'faults', 'scanned']],
  [MemoryGroup, ['failures', 'memswFailures', 'kernelFailures']],
  [HugeGroup, ['failures', 'events', 'localEvents']],
  [CgroupFileInode, ['changeCount']],
  [Mount, ['expiring']],
  // The first task of a pid namespace was refused: no other follows it (PID-010).
  [PidNamespace, ['dying']],
  // Offsets are settled before it is known whether the child can be born (TIM-005). timens_on_fork()
  [TimeNamespace, ['fixed']],
  // An error that waited is told once, and an attempt is over then.
  [Socket, ['error', 'attempt']],
  [Link, ['sentBytes', 'sentPackets', 'receivedBytes', 'receivedPackets']],
  // Of pids, and of an open file of a cgroup.
  [Object, ['peak', 'refused', 'refusedHere', 'seen']],
]

/** Looks at a machine after each call from now on; the list of what was wrong grows meanwhile. */
export function watch(kernel: Kernel, { invariants, explain }: Watching = {}): readonly Fault[] {
  const faults: Fault[] = []
  const make = kernel.call.bind(kernel)
  let count = 0
  kernel.call = (task, call) => {
    const at = count++
    // Anew each time: between two calls time passes, outcomes are fetched, chance is drawn.
    const before = look(kernel, at === explain)
    const last = kernel.lastBorn
    const outcome = make(task, call)
    const after = look(kernel, at === explain)
    const blame = (what: string) => faults.push({ at, call, outcome, what })
    if (
      isDenied(outcome) &&
      after.machine.digest !== before.machine.digest &&
      !comesWithMore(call, outcome.errno, before, after)
    )
      blame(`it is denied, and changes ${difference(before.fields, after.fields).join('; ') || 'the machine'}`)
    if (invariants) {
      for (const what of brokenIn(after.machine, kernel.lastBorn === last ? undefined : kernel.lastBorn)) blame(what)
      if (outcome && !isDenied(outcome)) for (const what of peerFaults(before.places, after.places, call)) blame(what)
    }
    return outcome
  }
  return faults
}

interface Look {
  readonly machine: Everything
  readonly places: Places
  readonly kills: number
  readonly fields: ReadonlyMap<string, string>
}

function look(kernel: Kernel, closely = false): Look {
  const fields = new Map<string, string>()
  const machine = everything(kernel, {
    without: traces,
    ...(closely ? { note: (path: string, value: string) => fields.set(path, value) } : {}),
  })
  return {
    machine,
    places: places(machine),
    kills: kernel.memory?.oomKills ?? 0,
    fields,
  }
}

const sends = new Set(['write', 'writev', 'sendto', 'sendmsg'])

/**
 * What goes on (EINPROGRESS) or is told by a signal as well (SIGPIPE); refusals after the OOM killer has been there, those of
 * mounts that come when the work directory of an overlay was prepared already, those of flock(2), which gives a lock up to
 * convert it, those of what a datagram socket was to send, which has got it a port or told it that its receiver is gone, those of
 * mlock(2), which locks first and then finds that it cannot have the pages, and those of setpriority(2) for some of several.
 */
function comesWithMore(call: Syscall, errno: string, before: Look, after: Look): boolean {
  if (errno === 'EINPROGRESS' || errno === 'EPIPE' || (errno === 'ENOMEM' && before.kills !== after.kills)) return true
  if (call.name === 'flock' && errno === 'EAGAIN') return true
  if (/^mlock2?$/.test(call.name) && errno === 'ENOMEM') return true
  if (call.name === 'setpriority' && call.which !== 0 && /^(EPERM|EACCES)$/.test(errno)) return true
  if (sends.has(call.name) && /^(EDESTADDRREQ|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|EINVAL|EACCES)$/.test(errno))
    return true
  return call.name === 'mount' && call.filesystemtype === 'overlay' && /^(ENOTDIR|EBUSY|ENOSPC|EACCES)$/.test(errno)
}

function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const changes: string[] = []
  for (const [path, value] of after)
    if (before.get(path) !== value) changes.push(`${path}: ${before.get(path) ?? 'absent'} → ${value}`)
  for (const [path, value] of before) if (!after.has(path)) changes.push(`${path}: ${value} → absent`)
  return changes.slice(0, 6)
}

/** The first of what was wrong, with the call that it came with, in strace's words. */
export function told(faults: readonly Fault[]): string {
  const [first] = faults
  if (first === undefined) return ''
  const { call, outcome, at } = first
  const together = faults.filter((fault) => fault.at === at).map(({ what }) => `  ${what}`)
  return [`call ${at + 1} of the machine: ${print(call, outcome)}`, ...together].join('\n')
}

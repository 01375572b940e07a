// Moments of a machine: whatever it is doing, it goes on from its snapshot as it would have gone on without one.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the shell's own

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { bootMachine, type Machine, machineConfig, stateDigest } from '../../../backends/sim/machine.ts'
import { readTaken, type Snapshot, Snapshots, writeTaken } from '../../../backends/sim/snapshot.ts'
import type { GuestRunner } from '../../../backends/sim/wasm/process.ts'
import { type OwnParts, readOwnParts } from '../../../cli/simulated/guests.ts'
import { runUntil } from '../../../sim/run.ts'
import { Trace } from '../../../sim/trace.ts'
import { shellCommand } from '../../support/random-scripts.ts'

let parts: OwnParts & { seed: number }
let snapshots: Snapshots
beforeAll(() => {
  parts = { ...readOwnParts(), images: new Map(), seed: 7 }
  snapshots = new Snapshots({ box: parts.box.program as GuestRunner })
})

/** A machine on which a shell runs some scripts, one after another. */
function machineOf(scripts: readonly string[]): Machine {
  const machine = bootMachine(parts)
  machine.call(machine.init, { name: 'fork' })
  const argv = ['sh', '-c', scripts.join('\n')]
  machine.call(machine.lastBorn!, { name: 'execve', pathname: '/bin/sh', argv, envp: ['PATH=/bin'] })
  return machine
}

function take(machine: Machine): Snapshot {
  const taken = snapshots.take(machine)
  if ('refused' in taken) throw new Error(taken.refused)
  return taken
}

/** How it is after some time, and all that its processes have called on the way. */
function goOn(snapshot: Snapshot, untilNs: number): { digest: string; trace: string } {
  const trace = new Trace()
  const machine = snapshots.restore(snapshot, machineConfig({ ...parts, traced: trace.traced }))
  runUntil(machine, () => false, untilNs)
  return { digest: stateDigest(machine), trace: trace.hash }
}

/** As it comes back from a disk. */
function stored({ taken, atNs }: Snapshot): Snapshot {
  const known = [parts.box.content]
  return { taken: readTaken(writeTaken(taken, known), known), atNs }
}

const whole = fc.constantFrom(
  'sleep 0.05',
  'seq 200 | sort -r | head -3 >>f & sleep 0.01',
  'trap "echo told >>f" USR1; (sleep 0.02; kill -USR1 $$) & wait',
  'mkfifo p; cat <p >>f & sleep 0.03; echo through >p; rm p',
  'i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; echo $i >>f',
  'mount -t tmpfs none /mnt; echo in >/mnt/x; umount /mnt',
  'mkdir -p /sys/fs/cgroup/some; echo $$ >/sys/fs/cgroup/some/cgroup.procs; echo 20000000 >/sys/fs/cgroup/some/memory.max',
  'unshare -pf --mount-proc sh -c "sleep 0.02; ps >>f"',
  'truncate -s 20000 g; printf x | dd of=g bs=1 seek=9000 conv=notrunc; cksum g >>f',
  'nc -l -p 80 >>f & sleep 0.01; echo hi | nc -w 1 127.0.0.1 80; wait',
)
const tool = fc.constantFrom('cat f', 'seq 3', 'sort f', 'tr a-c A-C', 'wc -l', 'grep o f', 'ls', 'head -1 f')
const script = fc.oneof(
  { weight: 3, arbitrary: whole },
  { weight: 2, arbitrary: shellCommand(tool).map((text) => `( ${text}\n) </dev/null >>f 2>&1`) },
)

describe('a snapshot of a machine', () => {
  it('leads to the same calls and the same state, wherever it is taken, from a disk as well, and again', () => {
    // More with VITRINE_RUNS.
    const numRuns = Number(process.env.VITRINE_RUNS ?? 25)
    const scripts = fc.array(script, { minLength: 1, maxLength: 6 })
    const property = fc.property(scripts, fc.integer({ min: 0, max: 300 }), (scripts, afterMs) => {
      const machine = machineOf(scripts)
      const atNs = machine.clock.nowNs + afterMs * 1e6
      runUntil(machine, () => false, atNs)
      const before = stateDigest(machine)
      const snapshot = take(machine)
      expect(stateDigest(machine)).toBe(before)
      const endNs = atNs + 2e9
      const first = goOn(snapshot, endNs)
      runUntil(machine, () => false, endNs)
      expect(first.digest).toBe(stateDigest(machine))
      // Neither the machine nor the one that was made of it has changed the snapshot by going on.
      expect(goOn(snapshot, endNs)).toEqual(first)
      expect(stateDigest(snapshots.restore(snapshot, machineConfig(parts)))).toBe(before)
      const back = stored(snapshot)
      expect(goOn(back, endNs)).toEqual(first)
      expect(stateDigest(snapshots.restore(back, machineConfig(parts)))).toBe(before)
    })
    fc.assert(property, { numRuns })
  }, 600_000)
})

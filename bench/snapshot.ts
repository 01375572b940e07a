// What a moment of a machine costs: its state taken, made a machine again, written and read, as the processes become more.
//
//     node --import ./scripts/telling/hook.mjs bench/snapshot.ts

import { bootMachine, machineConfig } from '../backends/sim/machine.ts'
import { readTaken, type Snapshot, Snapshots, writeTaken } from '../backends/sim/snapshot.ts'
import type { GuestRunner } from '../backends/sim/wasm/process.ts'
import { readOwnParts } from '../cli/simulated/guests.ts'
import { isDenied } from '../sim/outcome.ts'
import { runUntil } from '../sim/run.ts'
import { median } from './support/measure.ts'

const rounds = 15
if (!Snapshots.isPossible) throw new Error('run this with --import ./scripts/telling/hook.mjs')

const parts = { ...readOwnParts(), seed: 1 }
const { box } = parts
const known = [box.content, ...parts.images.values()]

function machineOf(processes: number) {
  const machine = bootMachine(parts)
  const shell = `i=0; while [ $i -lt ${processes} ]; do sleep 100000 & i=$((i+1)); done; wait`
  if (processes > 0) {
    machine.call(machine.init, { name: 'fork' })
    const task = machine.lastBorn!
    const answer = machine.call(task, {
      name: 'execve',
      pathname: '/bin/sh',
      argv: ['sh', '-c', shell],
      envp: ['PATH=/bin'],
    })
    if (answer && isDenied(answer)) throw new Error(answer.errno)
    runUntil(machine, () => machine.tasks.size >= processes + 2, 60e9)
    runUntil(machine, () => false, 1e9)
  }
  return machine
}

function timed<Result>(act: () => Result): { ms: number; result: Result } {
  const times: number[] = []
  let result: Result | undefined
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    result = act()
    times.push(performance.now() - begun)
  }
  return { ms: median(times), result: result as Result }
}

for (const processes of [0, 100, 1000]) {
  const machine = machineOf(processes)
  const snapshots = new Snapshots({ box: box.program as GuestRunner })
  const taken = timed(() => snapshots.take(machine))
  if ('refused' in taken.result) throw new Error(taken.result.refused)
  const snapshot: Snapshot = taken.result
  const restored = timed(() => snapshots.restore(snapshot, machineConfig(parts)))
  const written = timed(() => writeTaken(snapshot.taken, known))
  const read = timed(() => readTaken(written.result, known))
  const show = ({ ms }: { ms: number }) => `${ms.toFixed(2).padStart(8)} ms`
  console.log(
    `${String(machine.tasks.size).padStart(5)} processes: ${snapshot.taken.cells.length} objects; take ${show(taken)}, restore ${show(restored)}, write ${show(written)}, read ${show(read)}`,
  )
}
const m = machineOf(100)
const s = new Snapshots({ box: box.program as GuestRunner })
const t = s.take(m) as Snapshot
const k: Record<string, number> = {}
let bytes = 0,
  shared = 0
for (const c of t.taken.cells) {
  k[c.kind === 'object' ? c.shape.className : c.kind] = (k[c.kind === 'object' ? c.shape.className : c.kind] ?? 0) + 1
  if (c.kind === 'bytes') {
    if (c.isShared) shared += c.bytes.length
    else bytes += c.bytes.length
  }
}
console.log(
  bytes,
  shared,
  Object.entries(k)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 40),
)
const e = performance.now()
for (let i = 0; i < 300; i++) s.take(m)
console.log((performance.now() - e) / 300)

// The speed of guests: system calls through the whole kernel, births and programs executed, forks beside the memory that they
// leave alone, a crowd of processes on few instances, and what metering and suspension cost. Each beside its goal and its floor.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepare } from '../backends/sim/wasm/prepare.ts'
import { guest } from '../backends/sim/wasm/process.ts'
import { load } from '../backends/sim/wasm/program.ts'
import { componentOf, guestSources, moduleOf } from '../scripts/guests/component.ts'
import type { Program } from '../sim/program.ts'
import { builtGuest, type GuestMachine, guestMachine } from '../test/support/guests.ts'
import { repository } from '../test/support/source.ts'
import { measureKernels } from './guests/kernels.ts'
import { median } from './support/measure.ts'

const rounds = 7
/** How many processes have an instance at a time. */
const liveMost = 16

/** Of this process, so that a machine with other work tells the same. */
function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function acts(): Promise<Program> {
  const text = readFileSync(join(import.meta.dirname, 'guests/acts.c'), 'utf8')
  const component = await componentOf(await moduleOf({ ...guestSources(repository, []), 'acts.c': text }))
  return guest(load(prepare(component)), { liveMost })
}

function withSmallFile(machine: GuestMachine): GuestMachine {
  const fd = machine.call({ name: 'openat', dirfd: -100, pathname: '/small', flags: 0o1101, mode: 0o644 }).value
  machine.call({ name: 'write', fd, buf: 'small\n' })
  machine.call({ name: 'close', fd })
  return machine
}

/** Milliseconds of one of many, without what the run costs beside them. */
function eachMs(machine: GuestMachine, argvOf: (count: number) => readonly string[], count: number): number {
  const run = (many: number) => {
    const start = cpuMilliseconds()
    const { code, signal } = machine.run(argvOf(many))
    if (code !== 0 || signal !== 0) throw new Error(`${argvOf(many).join(' ')}: ${code}, signal ${signal}`)
    return cpuMilliseconds() - start
  }
  return median(Array.from({ length: rounds }, () => (run(count) - run(1)) / (count - 1)))
}

const show = (what: string, reached: string, goal: string, floor: string) =>
  console.log(`${what.padEnd(52)} ${reached.padStart(14)}   goal ${goal.padEnd(12)} floor ${floor}`)
const perSecond = (ms: number) => `${Math.round(1000 / ms).toLocaleString('en')}/s`

const machine = withSmallFile(guestMachine(await acts(), ['acts', 'true']))
const act = (name: string, count: number) => eachMs(machine, (many) => ['acts', name, String(many)], count)
for (const [what, name] of [
  ['system calls: getpid', 'ids'],
  ['system calls: pread of a small file', 'reads'],
  ['system calls: write to a pipe, read from it', 'pipes'],
] as const)
  show(what, perSecond(act(name, 100_000)), '500,000/s', '166,667/s')
show('fork, execve of a small program, wait', perSecond(act('spawns', 500)), '2,000/s', '667/s')
const box = guestMachine(await builtGuest('box'), ['sh', 'true'])
const script = (many: number) => `i=0; while [ $i -lt ${many} ]; do /bin/true; i=$((i+1)); done`
const ofShell = eachMs(box, (many) => ['sh', '-c', script(many)], 300)
show('fork, execve of /bin/true, wait, by the shell', perSecond(ofShell), '2,000/s', '667/s')
show('fork of 1 MiB, exit, wait', `${act('small-forks', 500).toFixed(3)} ms`, '0.5 ms', '1.5 ms')
show('fork of 64 MiB that are left alone, exit, wait', `${act('large-forks', 50).toFixed(3)} ms`, '-', '-')
show(`one of 1,000 processes that wait, ${liveMost} instances`, `${act('crowd', 1000).toFixed(3)} ms`, '-', '-')
console.log(`memory of it all, at most: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)

const directory = mkdtempSync(join(tmpdir(), 'vitrine-kernels-'))
try {
  const { each, metered, suspendable } = await measureKernels(directory)
  console.log('\nagainst the plain module     gcc -O2   metered   with suspension')
  for (const kernel of each) {
    const figures = [kernel.native, kernel.metered, kernel.suspendable].map((value) => value.toFixed(2).padStart(9))
    console.log(`  ${kernel.name.padEnd(25)} ${figures.join(' ')}`)
  }
  show('metering, geometric mean', `${metered.toFixed(2)}x`, '1.3x', '1.95x')
  show('metering and suspension, geometric mean', `${suspendable.toFixed(2)}x`, '1.6x', '2.4x')
} finally {
  rmSync(directory, { recursive: true, force: true })
}

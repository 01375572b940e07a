// Run as a user who is not root: a container of a single mapping, and an exec with a terminal in it. Prints what they print.
//   node rootless-container.ts DIRECTORY

import { mkdirSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { planContainer } from '../../core/launch/container.ts'
import { type ExecTarget, planExec } from '../../core/launch/exec.ts'
import type { LaunchFacts } from '../../core/launch/facts.ts'
import { terminalMaster } from '../../core/launch/plan.ts'
import { realKernel, runPlan, shellSpec, started, usualNamespaces } from './containers.ts'

const directory = process.argv[2]!
const [upperDirectory, workDirectory, mountPoint] = ['upper', 'work', 'merged'].map((name) => `${directory}/${name}`)
for (const path of [upperDirectory!, workDirectory!, mountPoint!]) mkdirSync(path)

const facts: LaunchFacts = {
  release: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
  euid: process.geteuid!(),
  capabilities: { permitted: 0n, bounding: 0n },
  lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
  overlay: { lowerDirectories: ['/usr'], upperDirectory, workDirectory, mountPoint: mountPoint! },
  sources: {},
  waitsForStart: true,
  setgroupsDenied: true,
}
const types = ['user', ...usualNamespaces] as const
const whole = shellSpec({ script: 'exec sleep 60', linux: { namespaces: types.map((type) => ({ type })) } })
/** The group of terminals is not mapped. */
const mounts = whole.mounts!.map((mount) => ({ ...mount, options: mount.options!.filter((each) => each !== 'gid=5') }))

const container = started(
  realKernel().launch(planContainer({ ...whole, mounts }, facts), { detached: false, title: 'vitrine-test' }),
)
for (;;) {
  const progress = await container.progress()
  if (progress.state === 'refused') throw new Error(progress.failure.message)
  if (progress.state === 'executed') break
  if (progress.at === 'maps') {
    writeFileSync(`/proc/${container.pid}/setgroups`, 'deny')
    writeFileSync(`/proc/${container.pid}/uid_map`, `0 ${process.getuid!()} 1`)
    writeFileSync(`/proc/${container.pid}/gid_map`, `0 ${process.getgid!()} 1`)
  }
  container.release()
}

const target: ExecTarget = { pid: container.pid, namespaces: types, setgroupsDenied: true }
const args = ['sh', '-c', 'id -u; tty; hostname; cat /proc/1/comm; echo end']
const plan = planExec({ ...whole.process!, terminal: true, args }, target, facts)
let master = -1
await runPlan(
  directory,
  plan,
  (_, launched) => {
    const taken = launched.take(terminalMaster)
    if ('errno' in taken) throw new Error(`take the terminal: ${taken.errno}`)
    master = taken.value
  },
  { terminal: true },
)
const bytes = new Uint8Array(4096)
let seen = ''
while (!seen.includes('end\r\n')) seen += new TextDecoder().decode(bytes.subarray(0, readSync(master, bytes)))
console.log(seen.replaceAll('\r', '').trim())

process.kill(container.pid, 'SIGKILL')
await container.exited
container.cleaned()
container.close()

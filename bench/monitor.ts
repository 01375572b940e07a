// The memory of one monitor beside conmon's, both over a container that sleeps. Run as root: node bench/monitor.ts

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { busyboxRoot } from './support/rootfs.ts'

const directory = mkdtempSync(join(tmpdir(), 'vitrine-bench-'))
const root = busyboxRoot(directory)
const containersConf = join(directory, 'containers.conf')
writeFileSync(containersConf, '[containers]\ndefault_ulimits = []\n')
const launcher = join(import.meta.dirname, '../bin/vitrine.cjs')
const vitrine = [process.execPath, launcher, '--root', join(directory, 'root'), '--runroot', join(directory, 'run')]
const podman = [
  ...['podman', '--root', join(directory, 'podman'), '--runroot', join(directory, 'podman-run')],
  ...['--cgroup-manager=cgroupfs', '--events-backend=none', '--runtime=runc'],
]

function run(words: readonly string[]): string {
  const env = { ...process.env, CONTAINERS_CONF: containersConf }
  const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${words.join(' ')}: exit code ${status}\n${stderr}`)
  return stdout.trim()
}

/** KiB of a process: resident, proportional, private. proc_pid_smaps_rollup(5) */
function memoryOf(pid: number) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}:\\s+(\\d+)`, 'gm'))].reduce((all, [, kib]) => all + Number(kib), 0)
  return { rssKib: sum('Rss'), pssKib: sum('Pss'), privateKib: sum('Private_Clean') + sum('Private_Dirty') }
}

const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
const containerArgs = ['run', '-d', '--network=none', '--name', 'bench-sleeper', '--rootfs', root, '/bin/sleep', '1000']
try {
  const rows: [string, ReturnType<typeof memoryOf>][] = []
  for (const [name, command] of [
    ['vitrine-monitor', vitrine],
    ['conmon', podman],
  ] as const) {
    try {
      run([...command, ...containerArgs])
      const pid = Number(run([...command, 'inspect', '--format', '{{.State.Pid}}', 'bench-sleeper']))
      rows.push([name, memoryOf(parentOf(pid))])
      run([...command, 'rm', '-f', '-t', '0', 'bench-sleeper'])
    } catch (error) {
      console.log(`left out: ${name}: ${(error as Error).message.split('\n').at(-1)}`)
    }
  }
  console.log('memory of one monitor (KiB)              RSS      PSS  private')
  for (const [name, { rssKib, pssKib, privateKib }] of rows)
    console.log(`  ${name.padEnd(34)} ${[rssKib, pssKib, privateKib].map((kib) => String(kib).padStart(8)).join(' ')}`)
  const [ours, theirs] = rows
  if (ours && theirs) console.log(`  PSS ratio: ${(ours[1].pssKib / theirs[1].pssKib).toFixed(3)}`)
} finally {
  for (const name of readdirSync(directory))
    if (name === 'podman') spawnSync(podman[0]!, [...podman.slice(1), 'system', 'reset', '--force'])
  rmSync(directory, { recursive: true, force: true })
}

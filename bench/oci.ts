// The OCI runtimes, command by command, as podman and containerd call them: vitrine-oci, runc, crun, on one bundle. Run as
// root: node bench/oci.ts [ROUNDS]. On a host with both kinds of cgroups crun's figures contain an unshare(1).

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, percentile } from './support/measure.ts'
import { onPath, withoutUnified } from './support/peers.ts'
import { busyboxRoot } from './support/rootfs.ts'
import { defaultSpec } from './support/spec.ts'

const rounds = Number(process.argv[2] ?? 30)
const directory = mkdtempSync(join(tmpdir(), 'vitrine-bench-'))
const root = busyboxRoot(directory)

function bundle(name: string, argv: readonly string[]): string {
  const path = join(directory, name)
  mkdirSync(path)
  // crun 1.8 knows no later version.
  const spec = { ...defaultSpec(root, argv, '/vitrine-bench/oci'), ociVersion: '1.0.2' }
  writeFileSync(join(path, 'config.json'), JSON.stringify(spec))
  return path
}
const [short, long] = [bundle('true', ['/bin/true']), bundle('sleep', ['/bin/sleep', '1000'])]

interface Runtime {
  readonly name: string
  readonly words: (command: readonly string[]) => readonly string[]
}

const launcher = join(import.meta.dirname, '../bin/vitrine-oci.cjs')
const state = (name: string) => ['--root', join(directory, name)]
const runtimes: readonly Runtime[] = [
  { name: 'vitrine-oci', words: (command) => [process.execPath, launcher, ...state('vitrine'), ...command] },
  { name: 'runc', words: (command) => ['runc', ...state('runc'), ...command] },
  { name: 'crun', words: (command) => withoutUnified(['crun', ...state('crun'), ...command]) },
]

/** The life of a container, each line timed. */
const life: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['run /bin/true', ['run', '-b', short, 'one']],
  ['create', ['create', '-b', long, 'two']],
  ['start', ['start', 'two']],
  ['state', ['state', 'two']],
  ['exec /bin/true', ['exec', 'two', '/bin/true']],
  ['kill', ['kill', 'two', 'KILL']],
  ['delete --force', ['delete', '--force', 'two']],
]

/** A file: what `create` leaves keeps it open, and a pipe would have no end. */
const errors = join(directory, 'errors')

function milliseconds([program, ...argv]: readonly string[]): number {
  const fd = openSync(errors, 'w')
  const start = performance.now()
  const { status } = spawnSync(program!, argv, { stdio: ['ignore', 'ignore', fd], timeout: 20_000 })
  const time = performance.now() - start
  closeSync(fd)
  if (status !== 0)
    throw new Error(`${program} ${argv.join(' ')}: exit code ${status}\n${readFileSync(errors, 'utf8')}`)
  return time
}

const there = runtimes.filter(({ name }) => {
  if (name === 'vitrine-oci' || onPath(name)) return true
  console.log(`left out: ${name} is not installed`)
  return false
})
try {
  const times = new Map<string, number[]>()
  for (let round = -2; round < rounds; round++)
    for (const { name, words } of there)
      for (const [step, command] of life) {
        const time = milliseconds(words(command))
        const key = `${step} ${name}`
        if (round >= 0) times.set(key, [...(times.get(key) ?? []), time])
      }
  console.log(
    `${rounds} lives of a container in turns: median, tenth and ninetieth percentile in ms, ratio of vitrine-oci`,
  )
  for (const [step] of life) {
    const own = median(times.get(`${step} vitrine-oci`)!)
    for (const { name } of there) {
      const values = times.get(`${step} ${name}`)!
      const figures = [median(values), percentile(values, 0.1), percentile(values, 0.9)]
      const ratio = name === 'vitrine-oci' ? '' : `   ${(own / median(values)).toFixed(2)}x`
      console.log(
        `  ${step.padEnd(16)} ${name.padEnd(12)} ${figures.map((n) => n.toFixed(1).padStart(7)).join(' ')}${ratio}`,
      )
    }
  }
} finally {
  for (const { words } of there)
    spawnSync(words([])[0]!, [...words(['delete', '--force', 'two'])].slice(1), { stdio: 'ignore' })
  // runc and crun leave the cgroup above their container's.
  for (const hierarchy of ['.', ...readdirSync('/sys/fs/cgroup')])
    spawnSync('rmdir', [`/sys/fs/cgroup/${hierarchy}/vitrine-bench`], { stdio: 'ignore' })
  rmSync(directory, { recursive: true, force: true })
}

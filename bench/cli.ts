// Whole commands, one container of /bin/true each, same root filesystem: vitrine, podman, runc, crun, bwrap, and what an
// empty Node script costs. Run as root: node bench/cli.ts [ROUNDS]. Peers that are not installed are left out by name.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contender, inTurns, report } from './support/measure.ts'
import { onPath, withoutUnified } from './support/peers.ts'
import { busyboxRoot } from './support/rootfs.ts'
import { defaultSpec } from './support/spec.ts'

const rounds = Number(process.argv[2] ?? 60)
const directory = mkdtempSync(join(tmpdir(), 'vitrine-bench-'))
const root = busyboxRoot(directory)
const empty = join(directory, 'empty.cjs')
const launcher = join(import.meta.dirname, '../bin/vitrine.cjs')
const state = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')]
const vitrine = (...words: string[]) => [launcher, ...state, ...words]
writeFileSync(empty, '')

const bundle = join(directory, 'bundle')
mkdirSync(bundle)
const spec = defaultSpec(root, ['/bin/true'], '/vitrine-bench/oci')
// crun 1.8 knows no later version.
writeFileSync(join(bundle, 'config.json'), JSON.stringify({ ...spec, ociVersion: '1.0.2' }))

// Root without CAP_SYS_RESOURCE cannot raise the limits that podman sets by default.
const containersConf = join(directory, 'containers.conf')
writeFileSync(containersConf, '[containers]\ndefault_ulimits = []\n')
const podmanState = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'podman-run')]
const podman = (runtime: string) => [
  ...['podman', ...podmanState, '--cgroup-manager=cgroupfs', '--events-backend=none', '--runtime', runtime],
  ...['run', '--rm', '--network=none', '--rootfs', root, '/bin/true'],
]
const commands: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['an empty script in Node', [process.execPath, empty]],
  ['vitrine --version', [launcher, '--version']],
  ['vitrine run --rm --network=none', vitrine('run', '--rm', '--network=none', '--rootfs', root, '/bin/true')],
  ['podman run (runc)', podman('runc')],
  ['podman run (crun)', withoutUnified(podman('crun'))],
  ['runc run', ['runc', '--root', join(directory, 'runc'), 'run', '-b', bundle, 'one']],
  ['crun run', withoutUnified(['crun', '--root', join(directory, 'crun'), 'run', '-b', bundle, 'one'])],
  ['bwrap', ['bwrap', '--unshare-all', '--bind', root, '/', '--proc', '/proc', '--dev', '/dev', '/bin/true']],
]

function run(words: readonly string[]): undefined {
  const env = { ...process.env, CONTAINERS_CONF: containersConf }
  const { status, stderr } = spawnSync(words[0]!, words.slice(1), { env, stdio: ['ignore', 'ignore', 'pipe'] })
  if (status !== 0) throw new Error(`${words.join(' ')}: exit code ${status}\n${stderr}`)
}

const contenders: Contender[] = []
for (const [name, words] of commands) {
  const program = words.includes('crun') ? 'crun' : words[0]!
  if (!onPath(program)) console.log(`left out: ${name}, because ${program} is not installed`)
  else {
    try {
      run(words)
      contenders.push({ name, run: () => run(words) })
    } catch (error) {
      console.log(`left out: ${name}, because it fails here: ${(error as Error).message.trim().split('\n').at(-1)}`)
    }
  }
}
try {
  for (const pauseMs of [0, 200]) {
    const times = await inTurns(contenders, pauseMs === 0 ? rounds : Math.max(50, rounds / 2), pauseMs)
    const title = pauseMs === 0 ? 'back to back' : `pauses of ${pauseMs} ms`
    report(
      `whole commands, ${title} (median, p10, p90; ratio to vitrine run)`,
      times,
      'vitrine run --rm --network=none',
    )
  }
} finally {
  // runc and crun leave the cgroup above their container's.
  for (const hierarchy of ['.', ...readdirSync('/sys/fs/cgroup')])
    spawnSync('rmdir', [`/sys/fs/cgroup/${hierarchy}/vitrine-bench`], { stdio: 'ignore' })
  if (onPath('podman')) spawnSync('podman', [...podmanState, 'system', 'reset', '--force'], { stdio: 'ignore' })
  rmSync(directory, { recursive: true, force: true })
}

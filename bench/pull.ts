// Pulls from a registry on loopback: vitrine against podman, of an image with 300 MiB in eight layers; again when all is
// there; of one that shares layers; and what a start from the image costs more than one from a directory. Run as root:
// node bench/pull.ts [ROUNDS]

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { programPath } from '../test/support/needs.ts'
import { startRegistry } from '../test/support/registry.ts'
import { makeImage, putImage } from '../test/support/remote-images.ts'
import { compile, inTurns, median, report } from './support/measure.ts'
import { makeBenchImage, smallLayer } from './support/pull-image.ts'

const rounds = Number(process.argv[2] ?? 7)
const directory = mkdtempSync(join(tmpdir(), 'vitrine-bench-'))
const launcher = join(import.meta.dirname, '../bin/vitrine.cjs')
const measured = compile('measured.c', join(directory, 'native'))
const registry = await startRegistry({ directory: join(directory, 'registry') })
const [first, second] = ['one', 'two'].map((tag) => `${registry.address}/bench/image:${tag}`) as [string, string]

interface Taken {
  readonly ms: number
  readonly cpuMs: number
  readonly mostMiB: number
}

function measure(words: readonly string[]): Taken {
  const { status, stdout, stderr } = spawnSync(measured, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${words.join(' ')}: exit code ${status}\n${stderr}`)
  const [us = 0, cpuUs = 0, kib = 0] = stdout.split(' ').map(Number)
  return { ms: us / 1000, cpuMs: cpuUs / 1000, mostMiB: kib / 1024 }
}

const vitrine = (state: string) => [launcher, '--root', join(state, 'root'), '--runroot', join(state, 'run')]
const podman = (state: string) => [
  ...['podman', '--root', join(state, 'root'), '--runroot', join(state, 'run')],
  ...['--storage-driver=overlay', '--events-backend=none'],
]
const engines = [
  { name: 'vitrine', words: vitrine },
  ...(programPath('podman') === undefined ? [] : [{ name: 'podman', words: podman }]),
]
const kinds = ['into an empty store', 'again, all is there', 'another that shares all layers but one'] as const

try {
  const made = makeBenchImage(directory)
  const blobMiB = made.layers.reduce((sum, { blob }) => sum + blob.length, 0) / 2 ** 20
  console.log(
    `${made.files} files, ${(made.bytes / 2 ** 20).toFixed(0)} MiB, ${made.layers.length} layers of ${blobMiB.toFixed(0)} MiB`,
  )
  await putImage(registry, 'bench/image', makeImage({ layers: made.layers }), 'one')
  await putImage(registry, 'bench/image', makeImage({ layers: [...made.layers, smallLayer(directory)] }), 'two')
  await comparePulls()
  await compareStarts(made.tars)
} finally {
  await registry.stop()
  // At the end only: ext4 is slow for seconds after many files are removed.
  if (programPath('podman') !== undefined) {
    for (let round = 0; round <= rounds; round++) {
      spawnSync('podman', [...podman(join(directory, `podman-${round}`)).slice(1), 'system', 'reset', '--force'])
    }
  }
  rmSync(directory, { recursive: true, force: true })
}

/** Every round has stores of its own; the first is for caches. What is still to be written goes before the next. */
async function comparePulls(): Promise<void> {
  const taken = new Map<string, Taken[]>()
  for (let round = 0; round <= rounds; round++) {
    for (const { name, words } of round % 2 === 0 ? engines : engines.toReversed()) {
      const state = join(directory, `${name}-${round}`)
      mkdirSync(state)
      execFileSync('sync')
      await sleep(300)
      for (const [index, image] of [first, first, second].entries()) {
        const took = measure([...words(state), 'pull', '--quiet', '--tls-verify=false', image])
        const key = `${kinds[index]}: ${name}`
        if (round > 0) taken.set(key, [...(taken.get(key) ?? []), took])
      }
    }
  }
  for (const kind of kinds) {
    console.log(`\npull ${kind} (medians: time, CPU time, most memory; ratio of time to vitrine)`)
    const base = median(taken.get(`${kind}: vitrine`)!.map(({ ms }) => ms))
    for (const { name } of engines) {
      const all = taken.get(`${kind}: ${name}`)!
      const of = (key: keyof Taken) => median(all.map((one) => one[key]))
      const figures = `${of('ms').toFixed(0).padStart(6)} ms ${of('cpuMs').toFixed(0).padStart(6)} ms CPU`
      const memory = `${of('mostMiB').toFixed(0).padStart(5)} MiB`
      console.log(`  ${name.padEnd(10)} ${figures} ${memory}   ${(of('ms') / base).toFixed(2)}x`)
    }
  }
}

/** A container from the image in vitrine's last store, and from its files in a directory. */
async function compareStarts(tars: readonly string[]): Promise<void> {
  const rootfs = join(directory, 'rootfs')
  mkdirSync(rootfs)
  for (const tar of tars) execFileSync('tar', ['-xf', tar, '-C', rootfs])
  for (const name of ['proc', 'dev', 'sys', 'etc', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true })
  const start = (...words: string[]) => {
    measure([...vitrine(join(directory, `vitrine-${rounds}`)), 'run', '--rm', '--network=none', ...words, '/bin/true'])
    return undefined
  }
  const contenders = [
    { name: '--rootfs DIRECTORY', run: () => start('--rootfs', rootfs) },
    { name: '--rootfs DIRECTORY:O', run: () => start('--rootfs', `${rootfs}:O`) },
    { name: 'IMAGE', run: () => start('--pull=never', first) },
  ]
  report(
    'vitrine run --rm --network=none (median, p10, p90; ratio)',
    await inTurns(contenders, 40, 0),
    '--rootfs DIRECTORY',
  )
}

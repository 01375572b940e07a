// Finds a user-mode Linux and runs the real-kernel tests in it: a pure cgroup v2 host with every capability.

import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { availableParallelism, homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { buildBusyboxImage, buildHttpdImage } from '../../test/fixtures/build.ts'
import { cacheDirectory } from '../../test/fixtures/packages.ts'
import { root, run } from './suite.mjs'

/** Where test/uml/build leaves its kernel. */
export const cachedKernel = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vitrine/uml/linux-6.12')

/** A kernel (an ELF program), or a script with the options of bin/uml/run: the first that is there. */
export function findUserModeLinux() {
  const named = process.env.VITRINE_UML
  if (named) {
    if (!existsSync(named)) throw new Error(`VITRINE_UML names ${named}, which is not there`)
    return named
  }
  const onPath = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'linux.uml'))
  return [join(root, '../shared/uml/run'), cachedKernel, ...onPath, '/usr/bin/linux.uml'].find(existsSync)
}

function isKernel(path) {
  const magic = Buffer.alloc(4)
  const file = openSync(path, 'r')
  readSync(file, magic, 0, 4, 0)
  closeSync(file)
  return magic.toString('latin1') === '\x7fELF'
}

// That kernel miscounts the pages of io_uring, which Node maps, when Node forks; it panics soon after.
const withoutIoUring = 'echo 2 >/proc/sys/kernel/io_uring_disabled; exec "$@"'

/** Where the image fixtures are, all of them built: there is no network inside to download packages from. */
function fixtures() {
  const directory = cacheDirectory()
  try {
    for (const build of [buildBusyboxImage, buildHttpdImage, () => buildHttpdImage('default')]) build()
  } catch (error) {
    console.log(`the image fixtures cannot be built: ${error.message}`)
  }
  // Said, because the home directory is another one inside.
  process.env.XDG_CACHE_HOME ||= join(directory, '../..')
  return directory
}

/**
 * Runs the real-kernel tests in the given user-mode Linux; the report is like that of `runSuite`. It has one CPU, so on a
 * machine with more, two are booted and share the files.
 */
export async function runInUserModeLinux(found) {
  const shards = availableParallelism() > 1 ? ['1/2', '2/2'] : ['1/1']
  const cache = fixtures()
  const reports = await Promise.all(shards.map((shard) => runShare(found, cache, shard)))
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: reports.flatMap(({ failed }) => failed),
    unsteady: reports.flatMap(({ unsteady }) => unsteady),
    skipped: reports.flatMap(({ skipped }) => skipped),
  }
}

async function runShare(found, cache, shard) {
  const directory = mkdtempSync(join(tmpdir(), 'vitrine-uml-'))
  const reportPath = join(directory, 'report.json')
  const script = isKernel(found) ? join(root, 'bin/uml/run') : found
  const kept = [directory, root, cache].flatMap((path) => ['-w', path])
  const argv = [...(isKernel(found) ? ['-k', found] : []), '-m', '3G', '-t', '2700', ...kept, '--']
  try {
    const inside = [process.execPath, join(root, 'scripts/testing/inside.mjs'), reportPath, shard]
    const boot = () => run(script, [...argv, 'sh', '-c', withoutIoUring, 'sh', ...inside])
    let code = await boot()
    if (!existsSync(reportPath)) {
      // The machine went down, not a test: on a crowded host a fork that the host refuses makes this kernel panic.
      console.log(`user-mode Linux ended with ${code} and without a report; once more`)
      code = await boot()
    }
    if (!existsSync(reportPath)) {
      const failed = [`user-mode Linux (${found}) ended twice without a report, at last with ${code}`]
      return { passed: 0, failed, unsteady: [], skipped: [] }
    }
    return JSON.parse(readFileSync(reportPath, 'utf8'))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Runs one program in a user-mode Linux, with some directories of the host's in their places.
 *
 * @returns its exit code
 */
export async function runInside(found, program, directories) {
  const script = isKernel(found) ? join(root, 'bin/uml/run') : found
  const kept = directories.flatMap((path) => ['-w', path])
  const argv = [...(isKernel(found) ? ['-k', found] : []), '-m', '2G', '-t', '2700', ...kept, '--']
  return await run(script, [...argv, 'sh', '-c', withoutIoUring, 'sh', ...program])
}

/** What `uname -r` says inside, for the log. */
export function release(found) {
  if (!isKernel(found)) return found
  return `${found} (${execFileSync(found, ['--version'], { encoding: 'utf8' }).trim()})`
}

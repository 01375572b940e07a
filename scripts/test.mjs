// The test command: builds, checks types and style, runs every test natively, then those that need a real kernel once more
// in user-mode Linux, and ends with one line `N passed, N failed`. `--only checks|native|uml` runs a part.

import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bringOlderNode, installPackages, unpackTools } from './testing/packages.mjs'
import { root, run, runSuite } from './testing/suite.mjs'
import { findUserModeLinux, release, runInUserModeLinux } from './testing/uml.mjs'

const parts = ['checks', 'native', 'uml']
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined
if (only !== undefined && !parts.includes(only)) {
  console.error(`--only ${only}: must be one of ${parts.join(', ')}`)
  process.exit(125)
}

const total = { passed: 0, failed: [], unsteady: [], skipped: [] }
const started = Date.now()

function add(report) {
  total.passed += report.passed
  total.failed.push(...report.failed)
  total.unsteady.push(...report.unsteady)
  total.skipped.push(...report.skipped)
}

function say(text) {
  console.log(`[${((Date.now() - started) / 1000).toFixed(1)} s] ${text}`)
}

// A run is repeated by its seed; without one it follows the commit, so that one commit is tested in one way.
function chooseSeed() {
  if (process.env.VITRINE_SEED) return process.env.VITRINE_SEED
  try {
    const hash = execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return String(Number.parseInt(hash.slice(0, 7), 16))
  } catch {
    return '1'
  }
}

async function check(name, program, argv) {
  const code = await run(join(root, 'node_modules/.bin', program), argv)
  return code === 0
    ? { passed: 1, failed: [], unsteady: [], skipped: [] }
    : { passed: 0, failed: [`${name}: ended with ${code}`], unsteady: [], skipped: [] }
}

async function checks() {
  say('types (tsc) and style (biome)')
  const reports = await Promise.all([check('types', 'tsc', ['--noEmit']), check('style', 'biome', ['check', '.'])])
  reports.forEach(add)
}

async function native() {
  say('all tests, on this kernel')
  add(
    await runSuite({ projects: ['unit', 'snapshot', 'house', 'real', 'e2e'], where: 'natively', temporary: tmpdir() }),
  )
}

async function uml() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    total.skipped.push({ name: 'user-mode Linux', reason: `user-mode Linux runs on Linux on x64 only` })
    return
  }
  let found = findUserModeLinux()
  if (found === undefined) {
    for (const line of installPackages({ 'linux.uml': 'user-mode-linux' })) say(line)
    found = findUserModeLinux()
  }
  if (found === undefined) {
    const reason = 'no user-mode Linux: run test/uml/build (about ten minutes), or install the package user-mode-linux'
    total.skipped.push({ name: 'user-mode Linux', reason })
    return
  }
  say(`the real-kernel tests again, in ${release(found)}`)
  const report = await runInUserModeLinux(found)
  const ran = report.passed + report.failed.length + report.skipped.length
  add(report)
  if (ran === 0) total.failed.push('user-mode Linux: no test ran')
}

function summary() {
  const reasons = new Map()
  for (const { reason } of total.skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`)
  for (const name of total.unsteady) console.log(`passed at the second try: ${name}`)
  for (const name of total.failed) console.log(`failed: ${name}`)
}

const seed = chooseSeed()
process.env.VITRINE_SEED = seed
console.log(`seed ${seed} (again with VITRINE_SEED=${seed}), Node ${process.version}`)
try {
  for (const line of [...installPackages(), ...unpackTools(), ...bringOlderNode()]) say(line)
  say('build')
  const built = await run(process.execPath, [join(root, 'scripts/build.mjs')])
  if (built !== 0) total.failed.push(`build: ended with ${built}`)
  if (only === undefined || only === 'checks') await checks()
  if (only === undefined || only === 'native') await native()
  if (only === undefined || only === 'uml') await uml()
} catch (error) {
  console.error(error)
  total.failed.push(`the test command itself: ${error.message}`)
}
summary()
say(`seed ${seed}`)
console.log(`${total.passed} passed, ${total.failed.length} failed`)
process.exitCode = total.failed.length === 0 ? 0 : 1

// The contract between the simulated kernel and Linux: every rule of the catalogue, what real kernels answer and what the
// simulated one does. `npm run contract [-- RULE...]`, where RULE may be the beginning of some (`CLN-0`); `--no-uml` leaves
// user-mode Linux out, `--no-emulator` the emulated machine. The last line is `N rules agree, M differ, K not probed`; it
// ends with 1 when any differs.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEmulator, runInEmulator } from './testing/emulator.mjs'
import { installPackages } from './testing/packages.mjs'
import { root, run } from './testing/suite.mjs'
import { findUserModeLinux, runInside } from './testing/uml.mjs'

const words = process.argv.slice(2)
const prefixes = words.filter((word) => !word.startsWith('--'))
const directory = mkdtempSync(join(tmpdir(), 'vitrine-contract-'))
const script = join(root, 'scripts/contract/here.ts')
const report = (name) => join(directory, `${name}.json`)

async function here() {
  await run(process.execPath, [script, report('here'), 'sim', 'real', ...prefixes])
  return JSON.parse(readFileSync(report('here'), 'utf8'))
}

async function userMode() {
  const found = words.includes('--no-uml') ? undefined : findUserModeLinux()
  if (found === undefined) return []
  await runInside(found, [process.execPath, script, report('uml'), 'real', ...prefixes], [directory, root])
  return JSON.parse(readFileSync(report('uml'), 'utf8'))
}

async function emulated() {
  if (words.includes('--no-emulator')) return []
  for (const line of installPackages({ 'qemu-system-x86_64': 'qemu-system-x86', xz: 'xz-utils' })) console.log(line)
  const { directory: kernel, reason } = findEmulator()
  if (reason !== undefined) console.log(`left out: ${reason}`)
  if (kernel === undefined) return []
  await runInEmulator(kernel, [process.execPath, script, report('emulated'), 'real', ...prefixes], [directory, root])
  return JSON.parse(readFileSync(report('emulated'), 'utf8'))
}

/** Of several scenarios of one rule: the worst. */
function worst(outcomes) {
  const order = ['differs', 'not modelled', 'skipped', 'agrees', 'not played']
  return outcomes.sort((a, b) => rank(order, a) - rank(order, b))[0] ?? 'no scenario'
}
const rank = (order, outcome) => order.findIndex((word) => outcome.startsWith(word))

try {
  const lines = (await Promise.all([here(), userMode(), emulated()])).flat()
  const kernels = [...new Set(lines.map(({ kernel }) => kernel))].sort((a, b) => (a === 'sim') - (b === 'sim'))
  const counts = { agree: 0, differ: 0, unknown: 0 }
  const rules = readFileSync(join(root, 'test/contract/rules.txt'), 'utf8').trim().split('\n')
  for (const rule of rules.filter(
    (rule) => prefixes.length === 0 || prefixes.some((prefix) => rule.startsWith(prefix)),
  )) {
    const of = (kernel) =>
      worst(lines.filter((line) => line.kernel === kernel && line.rules.includes(rule)).map(({ outcome }) => outcome))
    const outcomes = kernels.map((kernel) => [kernel, of(kernel)])
    const real = outcomes.filter(([kernel]) => kernel !== 'sim').map(([, outcome]) => outcome)
    const sim = outcomes.find(([kernel]) => kernel === 'sim')?.[1] ?? 'no scenario'
    if (sim === 'no scenario' || !real.some((outcome) => /^(agrees|differs)/.test(outcome))) counts.unknown += 1
    else if (sim.startsWith('agrees') && !real.some((outcome) => outcome.startsWith('differs'))) counts.agree += 1
    else counts.differ += 1
    const shown =
      sim === 'no scenario' ? 'no scenario' : outcomes.map(([kernel, outcome]) => `${kernel}: ${outcome}`).join('  ')
    console.log(`${rule.padEnd(9)} ${shown}`)
  }
  console.log(`${counts.agree} rules agree, ${counts.differ} differ, ${counts.unknown} not probed`)
  process.exitCode = counts.differ > 0 ? 1 : 0
} finally {
  rmSync(directory, { recursive: true, force: true })
}

// Plays the scenarios on the kernel that is here (and on the simulated one when asked) and writes what came of it as JSON.
// Arguments: the file, then `real`, `sim` or both, then beginnings of rules; none means all.

import { writeFileSync } from 'node:fs'
import { cannotPlay, contracts, outcomeOf, playReal, playSimulated } from '../../test/support/contract.ts'
import { titleOfKernel } from '../../backends/player/machine.ts'

export interface Line {
  readonly rules: readonly string[]
  readonly title: string
  readonly file: string
  readonly kernel: string
  /** `agrees`, `differs at ...`, `not modelled at ...`, or `not played: REASON`. */
  readonly outcome: string
}

const [path = '/dev/stdout', ...words] = process.argv.slice(2)
const kinds = words.filter((word) => word === 'real' || word === 'sim')
const prefixes = words.filter((word) => word !== 'real' && word !== 'sim')
const here = titleOfKernel()
const lines: Line[] = []

async function outcome(act: () => Promise<string>): Promise<string> {
  try {
    return await act()
  } catch (error) {
    return `differs: the player failed: ${(error as Error).message}`
  }
}

for (const { file, scenario } of contracts()) {
  const { rules, title } = scenario
  if (prefixes.length > 0 && !rules.some((rule) => prefixes.some((prefix) => rule.startsWith(prefix)))) continue
  const add = (kernel: string, outcome: string) => lines.push({ rules, title, file, kernel, outcome })
  if (kinds.includes('sim')) add('sim', await outcome(async () => outcomeOf(await playSimulated(scenario))))
  if (!kinds.includes('real')) continue
  const reason = cannotPlay(scenario)
  const played =
    reason === undefined ? outcome(async () => outcomeOf(await playReal(scenario))) : `not played: ${reason}`
  add(here, await played)
}
writeFileSync(path, JSON.stringify(lines))

// The rules of the catalogue, each as a scenario that is played on the simulated kernel and on the real one that is here.

import { describe, expect, it } from 'vitest'
import { passes, report } from '../../sim/scenario/result.ts'
import { allRules, cannotPlay, contracts, playReal, playSimulated } from '../support/contract.ts'
import { isUserModeLinux } from '../support/needs.ts'

const all = contracts()

describe('scenarios', () => {
  it('are about rules that the catalogue has, and can be read', () => {
    const known = new Set(allRules())
    const strange = all.flatMap(({ file, scenario }) => [
      ...scenario.rules.filter((rule) => !known.has(rule)).map((rule) => `${file}: no rule ${rule}`),
      ...scenario.lines.flatMap((line) => (line.kind === 'unreadable' ? [`${file}:${line.line}: ${line.reason}`] : [])),
      ...(scenario.rules.length === 0 ? [`${file}: "${scenario.title}" names no rule`] : []),
    ])
    expect(strange).toEqual([])
  })
})

for (const file of new Set(all.map((contract) => contract.file)))
  describe(file, () => {
    for (const { scenario } of all.filter((contract) => contract.file === file)) {
      const name = `${scenario.rules.join(', ')}: ${scenario.title}`
      // It is the same on every kernel, and user-mode Linux is slow.
      const simulated = isUserModeLinux() ? it.skip : it
      simulated(`${name} — simulated${isUserModeLinux() ? ' — skipped: it is played natively' : ''}`, async () => {
        const result = await playSimulated(scenario)
        expect(passes(result), report(result)).toBe(true)
      })
      const reason = cannotPlay(scenario)
      const real = reason === undefined ? it : it.skip
      real(`${name} — on this kernel${reason === undefined ? '' : ` — skipped: ${reason}`}`, async () => {
        const result = await playReal(scenario)
        expect(passes(result), report(result)).toBe(true)
      })
    }
  })

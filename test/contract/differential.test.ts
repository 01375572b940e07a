// Random scenarios give the same on the simulated kernel and on the real one that is here. VITRINE_SCENARIOS says how many.

import fc from 'fast-check'
import { expect } from 'vitest'
import { play } from '../../sim/scenario/play.ts'
import { passes, report } from '../../sim/scenario/result.ts'
import { parseScenario } from '../../sim/scenario/scenario.ts'
import { skipUnless } from '../support/needs.ts'
import { builtPlayer, realStage } from '../support/player.ts'
import { record, steps } from '../support/scenario-steps.ts'

const { describe, it } = skipUnless({ linux: true, root: true, programs: ['gcc'] })
const runs = Number(process.env.VITRINE_SCENARIOS ?? 25)

describe('random scenarios', () => {
  it('go on a real kernel as on the simulated one', { timeout: Math.max(120_000, runs * 400) }, async () => {
    expect(builtPlayer()).toBeDefined()
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const text = await record(list)
        const stage = await realStage()
        try {
          const result = await play(parseScenario(text), stage)
          if (!passes(result)) throw new Error(`the simulated kernel says:\n\n${text}\n${report(result)}`)
        } finally {
          await stage.close()
        }
      }),
      {
        numRuns: runs,
        seed: Number(process.env.VITRINE_SEED),
        ...(process.env.VITRINE_PATH ? { path: process.env.VITRINE_PATH } : {}),
      },
    )
  })
})

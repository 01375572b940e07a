// Plays the scenarios of a file on a real kernel: this one, or a user-mode Linux.

import { UserError } from '../../core/errors.ts'
import { play } from '../../sim/scenario/play.ts'
import { type Played, passes, report, summary } from '../../sim/scenario/result.ts'
import { parseScenarios } from '../../sim/scenario/scenario.ts'
import { isEmulated } from './machine.ts'
import { realStage } from './stage.ts'

export { playInUserModeLinux } from './uml.ts'

export interface PlayedScenario {
  readonly title: string
  readonly passed: boolean
  readonly lines: readonly Played[]
  readonly report: string
  readonly summary: string
}

/**
 * Each on a corner of its own of this machine's kernel.
 *
 * @param until - stops each after so many calls
 * @errors UserError: not root, no native player
 */
export async function playNatively(text: string, until?: number): Promise<readonly PlayedScenario[]> {
  if (process.platform !== 'linux')
    throw new UserError(`play on the real kernel: this is ${process.platform}, not linux: play on the simulated one`)
  if (process.geteuid?.() !== 0)
    throw new UserError(
      'play on this kernel: it makes namespaces and cgroups of its own, and you are not root: use sudo',
    )
  const all: PlayedScenario[] = []
  for (const scenario of parseScenarios(text)) {
    const stage = await realStage(scenario.cgroups, isEmulated())
    try {
      const result = await play(scenario, stage, { until })
      const { title } = scenario
      all.push({
        title,
        passed: passes(result),
        lines: result.played,
        report: report(result),
        summary: summary(result),
      })
    } finally {
      await stage.close()
    }
  }
  return all
}

// One random scenario on both kernels: what the simulated one says is written down, and the real one is asked.

import { realStage } from '../../backends/player/stage.ts'
import { type PlayOptions, play } from '../../sim/scenario/play.ts'
import type { Played, Result } from '../../sim/scenario/result.ts'
import { parseScenario } from '../../sim/scenario/scenario.ts'
import { declared } from './random/declared.ts'
import type { Machine } from './random/machine.ts'
import { type Recorded, record, type Steps } from './scenario-steps.ts'

export interface Compared extends Recorded {
  readonly result: Result
  /** The line where the kernels first went different ways; undefined when they never did. */
  readonly difference: Played | undefined
  /** The rule and name under which this difference is declared. */
  readonly declared: string | undefined
}

const isDifferent = ({ verdict }: Played): boolean =>
  verdict === 'differs' || verdict === 'fails' || verdict === 'not modelled'

const before = (text: string, { line }: Played): string =>
  text
    .split('\n')
    .slice(0, line - 1)
    .join('\n')

/** Plays a scenario on both kernels, until they differ. */
export async function compare(steps: Steps, machine: Machine): Promise<Compared> {
  const recorded = await record(steps, machine)
  const stage = await realStage()
  try {
    const options: PlayOptions = { stopAt: isDifferent }
    const result = await play(parseScenario(recorded.text), stage, options)
    const difference = result.played.find(isDifferent)
    return {
      ...recorded,
      result,
      difference,
      declared: difference && declared(difference, before(recorded.text, difference), machine),
    }
  } finally {
    await stage.close()
  }
}

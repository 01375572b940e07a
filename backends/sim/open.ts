// What the rest of the program asks of the simulated kernel.

import { isForeign } from '../../sim/scenario/host/foreign.ts'
import { machineOf } from '../../sim/scenario/host/machine.ts'
import { saysWho } from '../../sim/scenario/host/start.ts'
import { play } from '../../sim/scenario/play.ts'
import { count, type Played, passes, type Result, report, summary } from '../../sim/scenario/result.ts'
import { parseScenarios, type Scenario } from '../../sim/scenario/scenario.ts'
import { simulatedStage } from '../../sim/scenario/stage-sim.ts'
import { machineFor } from '../../sim/scenario/version.ts'
import { table } from '../../sim/sys/all.ts'

export interface PlayedScenario {
  readonly title: string
  /** Nothing differs, and at most a tenth of the calls is not modelled. */
  readonly passed: boolean
  readonly lines: readonly Played[]
  /** What did not go as written, and a last line that counts. */
  readonly report: string
  /** That last line. */
  readonly summary: string
}

/**
 * Plays the scenarios of a file, each on a machine of its own.
 *
 * @param until - stops each after so many calls
 */
export async function playScenarios(text: string, until?: number): Promise<readonly PlayedScenario[]> {
  const all: PlayedScenario[] = []
  for (const scenario of parseScenarios(text)) {
    const result = isForeign(scenario)
      ? await playLog(scenario, until)
      : await play(scenario, simulatedStage(machineFor(scenario)), { until })
    const { title } = scenario
    all.push({ title, passed: passes(result), lines: result.played, report: report(result), summary: summary(result) })
  }
  return all
}

/** A log that was made elsewhere: where it does not say whose it is, the superuser is tried first, then an ordinary user. */
async function playLog(scenario: Scenario, until?: number): Promise<Result> {
  const { lines } = scenario
  const as = (uid: number) =>
    play(scenario, simulatedStage(machineOf(scenario), { lines, assumed: { uid } }), { until })
  const first = await as(0)
  const differ = (result: Result) => count(result).differs + count(result).fails
  if (differ(first) === 0 || saysWho(lines)) return first
  const second = await as(1000)
  return differ(second) < differ(first) ? second : first
}

export interface Feature {
  readonly call: string
  readonly level: 'full' | 'partial' | 'none'
  readonly note: string
}

/** Every system call, by name. */
export function features(): readonly Feature[] {
  return Object.entries(table)
    .map(([call, entry]) => ({ call, level: entry.level, note: 'note' in entry ? entry.note : '' }))
    .sort((a, b) => (a.call < b.call ? -1 : 1))
}

// Every scenario of the contract, and whole lives of containers, watched: after each call the machine's invariants hold, what
// is denied changes nothing, and when all is closed down nothing is left.

import { describe, expect, it } from 'vitest'
import { kill } from '../../../core/engine/kill.ts'
import { pause, unpause } from '../../../core/engine/pause.ts'
import { remove } from '../../../core/engine/remove.ts'
import { run } from '../../../core/engine/run.ts'
import type { Config } from '../../../sim/kernel.ts'
import { play } from '../../../sim/scenario/play.ts'
import type { Scenario } from '../../../sim/scenario/scenario.ts'
import { simulatedStage } from '../../../sim/scenario/stage-sim.ts'
import { machineFor } from '../../../sim/scenario/version.ts'
import { beginningOf, closeDown, leaks, type Things } from '../../support/close-down.ts'
import { contracts } from '../../support/contract.ts'
import { isUserModeLinux } from '../../support/needs.ts'
import { openSimulatedEngine } from '../../support/sim-engine.ts'
import { told, watch } from '../../support/watch.ts'

const all = contracts()
const untouched = new Map<string, Things>()

function untouchedLike(config: Partial<Config>): Things {
  const key = JSON.stringify(config)
  const { kernel } = simulatedStage(config)
  const things = untouched.get(key) ?? closeDown(kernel, beginningOf(kernel))!
  untouched.set(key, things)
  return things
}

/** What goes wrong while a scenario is played; empty when nothing does. */
async function wrongIn(scenario: Scenario): Promise<string> {
  const config = machineFor(scenario)
  const watched = async (explain?: number) => {
    const stage = simulatedStage(config)
    const before = beginningOf(stage.kernel)
    const faults = watch(stage.kernel, { invariants: true, ...(explain === undefined ? {} : { explain }) })
    await play(scenario, stage)
    return { kernel: stage.kernel, before, faults }
  }
  const { kernel, before, faults } = await watched()
  const [first] = faults
  if (first) return told((await watched(first.at)).faults)
  const left = closeDown(kernel, before)
  return left ? leaks(left, untouchedLike(config)).join('\n') : ''
}

const simulated = isUserModeLinux() ? describe.skip : describe

simulated('a machine that is watched while scenarios are played', () => {
  for (const file of new Set(all.map((contract) => contract.file)))
    it(`is sound after each line of ${file}, unchanged by refusals, and clean at the end`, {
      timeout: 60_000,
    }, async () => {
      const wrong: string[] = []
      for (const { scenario } of all.filter((contract) => contract.file === file)) {
        const what = await wrongIn(scenario)
        if (what) wrong.push(`${scenario.rules.join(', ')}: ${scenario.title}\n${what}`)
      }
      expect(wrong.join('\n\n'), `vitrine sim play test/contract/rules/${file}`).toBe('')
    })
})

simulated('a machine that is watched while containers live', () => {
  it('is sound after each call of the engine', { timeout: 60_000 }, async () => {
    const { machine, host, settings, request } = openSimulatedEngine()
    const faults = watch(machine, { invariants: true })
    const attached = { stdout: 1, stderr: 2 }
    const limits = { memoryBytes: 64 << 20, pidsLimit: 20 }
    const first = await run(host, settings, request(['exit', '3'], { resources: limits }), attached)
    await first.exitCode
    await run(host, settings, request(['sleep', '100'], { name: 'web', resources: limits }))
    await pause(host, settings, 'web')
    await unpause(host, settings, 'web')
    await kill(host, settings, 'web', 9)
    await remove(host, settings, first.id, { force: true, volumes: true })
    expect(told(faults)).toBe('')
  })
})

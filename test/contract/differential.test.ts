// Random scenarios give the same on the simulated kernel and on the real one that is here. VITRINE_SCENARIOS says how many,
// VITRINE_CALLS of how many calls; VITRINE_SEED and VITRINE_PATH play one of them again.

import fc from 'fast-check'
import { expect } from 'vitest'
import { builtPlayer } from '../../backends/player/program.ts'
import type { SyscallName } from '../../core/syscall.ts'
import { report } from '../../sim/scenario/result.ts'
import { table } from '../../sim/sys/all.ts'
import { compare } from '../support/differential.ts'
import { skipUnless } from '../support/needs.ts'
import { makers, notDrawn } from '../support/random/all.ts'
import { drawing } from '../support/random/draw.ts'
import { thisMachine } from '../support/random/machine.ts'
import { callsOfScenario, type Steps, steps } from '../support/scenario-steps.ts'

const { describe, it } = skipUnless({ linux: true, root: true, programs: ['gcc'] })
const runs = Number(process.env.VITRINE_SCENARIOS ?? 25)
/** Each commit has its own, and so plays other scenarios. */
const seed = Number(process.env.VITRINE_SEED)
/** How many scenarios are played side by side: one mostly waits for processes to start. */
const lanes = 8

/** What a campaign has met, for its last line. */
class Tally {
  scenarios = 0
  calls = 0
  readonly declared = new Map<string, number>()
  readonly notModelled = new Map<string, number>()

  static count(counts: Map<string, number>, name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }

  toString(): string {
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, n]) => `${n} ${name}`).join(', ') || 'none'
    return (
      `${this.scenarios} scenarios of ${(this.calls / this.scenarios).toFixed(1)} calls on average; ` +
      `declared differences: ${list(this.declared)}; ` +
      `calls without a model, left out: ${list(this.notModelled)}`
    )
  }
}

/** All scenarios of a seed, several at a time; answers what was found, each with how to play and shrink it again. */
async function campaign(same: (drawn: Steps) => Promise<void>): Promise<string[]> {
  const samples = fc.sample(steps, { numRuns: runs, seed }).entries()
  const found: string[] = []
  const lane = async (): Promise<void> => {
    for (const [index, drawn] of samples)
      await same(drawn).catch(({ message }: Error) => {
        const again = `VITRINE_SEED=${seed} VITRINE_PATH=${index} VITRINE_CALLS=${callsOfScenario}`
        found.push(`${message}\nagain: ${again} npx vitest run test/contract/differential.test.ts`)
      })
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return found
}

describe('random scenarios', () => {
  it('go on a real kernel as on the simulated one', { timeout: Math.max(120_000, runs * 2000) }, async () => {
    expect(builtPlayer()).toBeDefined()
    const machine = thisMachine()
    const tally = new Tally()
    const started = performance.now()
    const same = async (drawn: Steps): Promise<void> => {
      const { text, result, difference, declared, calls, notModelled } = await compare(drawn, machine)
      tally.scenarios += 1
      tally.calls += calls
      for (const name of notModelled) Tally.count(tally.notModelled, name)
      if (declared !== undefined) Tally.count(tally.declared, declared)
      else if (difference) throw new Error(`the simulated kernel says:\n\n${text}\n${report(result)}`)
    }
    const path = process.env.VITRINE_PATH
    if (path !== undefined || runs <= 100)
      await fc.assert(fc.asyncProperty(steps, same), {
        ...{ numRuns: path ? 1 : runs, seed, ...(path && { path }) },
        // What it has been made smaller to until then is told.
        interruptAfterTimeLimit: 60_000,
      })
    else {
      const found = await campaign(same)
      console.log(`seed ${seed}: ${tally}; ${Math.round((performance.now() - started) / 1000)} s`)
      if (found.length > 0) throw new Error(`${found.length} differ:\n\n${found.join('\n\n')}`)
    }
  })

  it('have all calls of the table but those that say why not', () => {
    const around = { descriptors: [{ fd: 3, made: 'openat' }], pids: [2], results: new Map(), addresses: [] }
    const drawn = new Set<string>()
    const numbers = fc.array(fc.nat(1023), { minLength: 8, maxLength: 8 })
    for (const make of Object.values(makers))
      for (const sample of fc.sample(numbers, { numRuns: 300, seed: 1 }))
        drawn.add(make(drawing(sample, 0, around)).name)
    const names = Object.keys(table) as SyscallName[]
    expect(names.filter((name) => !drawn.has(name) && notDrawn[name] === undefined)).toEqual([])
    expect(names.filter((name) => drawn.has(name) && notDrawn[name] !== undefined)).toEqual([])
  })
})

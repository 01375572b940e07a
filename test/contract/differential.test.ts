// Random scenarios give the same on the simulated kernel and on the real one that is here. VITRINE_SCENARIOS says how many,
// VITRINE_CALLS of how many calls.

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
import { steps } from '../support/scenario-steps.ts'

const { describe, it } = skipUnless({ linux: true, root: true, programs: ['gcc'] })
const runs = Number(process.env.VITRINE_SCENARIOS ?? 25)

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
      `${this.scenarios} scenarios, ${this.calls} calls; declared differences: ${list(this.declared)}; ` +
      `calls without a model, left out: ${list(this.notModelled)}`
    )
  }
}

describe('random scenarios', () => {
  it('go on a real kernel as on the simulated one', { timeout: Math.max(120_000, runs * 2000) }, async () => {
    expect(builtPlayer()).toBeDefined()
    const machine = thisMachine()
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const { text, result, difference, declared, calls, notModelled } = await compare(drawn, machine)
        tally.scenarios += 1
        tally.calls += calls
        for (const name of notModelled) Tally.count(tally.notModelled, name)
        if (declared !== undefined) Tally.count(tally.declared, declared)
        else if (difference) throw new Error(`the simulated kernel says:\n\n${text}\n${report(result)}`)
      }),
      {
        numRuns: runs,
        seed: Number(process.env.VITRINE_SEED),
        ...(process.env.VITRINE_PATH ? { path: process.env.VITRINE_PATH } : {}),
      },
    )
    if (runs > 100) console.log(`seed ${process.env.VITRINE_SEED}: ${tally}`)
  })

  it('have all calls of the table but those that say why not', () => {
    const around = { descriptors: [{ fd: 3, made: 'openat' }], pids: [2], results: new Map(), addresses: [] }
    const drawn = new Set<string>()
    for (const make of Object.values(makers))
      for (let number = 0; number < 400; number++) {
        const numbers = Array.from({ length: 8 }, (_, index) => (number * (7 * index + 1)) >> (index % 3))
        drawn.add(make(drawing(numbers, 0, around)).name)
      }
    const names = Object.keys(table) as SyscallName[]
    expect(names.filter((name) => !drawn.has(name) && notDrawn[name] === undefined)).toEqual([])
    expect(names.filter((name) => drawn.has(name) && notDrawn[name] !== undefined)).toEqual([])
  })
})

// Random scenarios on the simulated machine alone: its invariants hold after each call, what is denied changes nothing, all is
// given back, and the same seed gives the same. VITRINE_INVARIANTS says how many, VITRINE_CALLS how long.

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digest } from '../../../sim/digest.ts'
import type { Kernel } from '../../../sim/kernel.ts'
import { simulatedStage } from '../../../sim/scenario/stage-sim.ts'
import { beginningOf, closeDown, leaks } from '../../support/close-down.ts'
import { isUserModeLinux } from '../../support/needs.ts'
import { sameMachine } from '../../support/random/machine.ts'
import { anyMachine, traces } from '../../support/random-traces.ts'
import { record, steps } from '../../support/scenario-steps.ts'
import { repository } from '../../support/source.ts'
import { type StressStep, strain, stress } from '../../support/stress.ts'
import { told, watch } from '../../support/watch.ts'

const runs = Number(process.env.VITRINE_INVARIANTS ?? 60)
const simulated = isUserModeLinux() ? describe.skip : describe
const timeout = Math.max(60_000, runs * 1000)

simulated('random scenarios', () => {
  it('leave a machine sound after each call, and unchanged by refusals', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (scenario) => {
        let faults: ReturnType<typeof watch> = []
        const { text } = await record(scenario, anyMachine, (kernel) => {
          faults = watch(kernel, { invariants: true })
        })
        const [first] = faults
        if (first === undefined) return
        await record(scenario, anyMachine, (kernel) => {
          faults = watch(kernel, { invariants: true, explain: first.at })
        })
        throw new Error(`${told(faults)}\n\n${text}`)
      }),
      { numRuns: runs },
    )
  })

  it('leave nothing behind when all is closed down', { timeout }, async () => {
    const fresh = simulatedStage({ version: anyMachine.version, cpus: anyMachine.cpus }).kernel
    sameMachine(fresh, anyMachine)
    const untouched = closeDown(fresh, beginningOf(fresh))!
    await fc.assert(
      fc.asyncProperty(steps, async (scenario) => {
        let machine: Kernel | undefined
        let before: ReturnType<typeof beginningOf> | undefined
        const { text } = await record(scenario, anyMachine, (kernel) => {
          machine = kernel
          before = beginningOf(kernel)
        })
        const left = closeDown(machine!, before!)
        if (left && leaks(left, untouched).length > 0)
          throw new Error(`left over: ${leaks(left, untouched).join('\n')}\n\n${text}`)
      }),
      { numRuns: runs * 2 },
    )
  })
})

simulated('a machine under stress', () => {
  const configs = [{ cgroups: 'v2' }, { cgroups: 'hybrid' }] as const
  for (const { cgroups } of configs)
    it(`is sound after each call, and clean at the end (${cgroups})`, { timeout }, () => {
      const config = { cgroups, memoryBytes: 64 << 20, swapBytes: 4 << 20 }
      const fresh = simulatedStage(config).kernel
      const untouched = closeDown(fresh, beginningOf(fresh))!
      const run = (steps: readonly StressStep[], explain?: number) => {
        const { kernel } = simulatedStage(config)
        const before = beginningOf(kernel)
        const faults = watch(kernel, { invariants: true, ...(explain === undefined ? {} : { explain }) })
        const lines = strain(kernel, kernel.lastBorn!, steps)
        const [first] = faults
        const left = first ? undefined : closeDown(kernel, before)
        return { first, faults, lines, leaks: left ? leaks(left, untouched) : [] }
      }
      fc.assert(
        fc.property(stress, (steps) => {
          const { first, lines, leaks } = run(steps)
          if (first) throw new Error(`${told(run(steps, first.at).faults)}\n\n${lines.join('\n')}`)
          if (leaks.length > 0) throw new Error(`left over: ${leaks.join('\n')}\n\n${lines.join('\n')}`)
        }),
        { numRuns: Math.ceil(runs / 2) },
      )
    })
})

simulated('the same seed', () => {
  it('gives the same trace and the same machine, in this process and in another', { timeout: 60_000 }, async () => {
    const seed = Number(process.env.VITRINE_SEED)
    const ours = await traces(seed, 5)
    expect(await traces(seed, 5)).toEqual(ours)
    const script = `import { traces } from './test/support/random-traces.ts'
      process.stdout.write(JSON.stringify(await traces(${seed}, 5)))`
    const other = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      cwd: repository,
      encoding: 'utf8',
    })
    expect(other.stderr).toBe('')
    expect(JSON.parse(other.stdout)).toEqual(ours)
  })

  it('is part of the state: another one makes another machine', () => {
    const of = (seed: number) => digest(simulatedStage({ seed }).kernel)
    expect(of(1)).toBe(of(1))
    expect(of(1)).not.toBe(of(2))
  })
})

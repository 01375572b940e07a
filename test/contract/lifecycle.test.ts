// The lifecycle machine, walked with the engine on the real and on the simulated kernel: every path, every transition, every
// illegal move; both kernels tell the same.

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { getSimplePaths } from 'xstate/graph'
import { lifecycle } from '../../core/lifecycle/machine.ts'
import { type Move, moves, type Phase, phases } from '../../core/lifecycle/phases.ts'
import { next } from '../../core/lifecycle/table.ts'
import { type EngineGround, useEngine } from '../support/engine.ts'
import { type Ground, walk } from '../support/lifecycle-walk.ts'
import { missing } from '../support/needs.ts'
import { openSession } from '../support/sim-session.ts'

const needs = { linux: true, root: true, natives: true, filesystems: ['overlay'], programs: ['busybox'] } as const
const absent = missing(needs)

/** All that visit no phase twice and end where nothing is left. */
const simple = getSimplePaths(lifecycle, {
  events: moves.map((type) => ({ type })),
  toState: ({ value }) => value === 'deleted',
}).map(({ steps }) => steps.map(({ event }) => event.type as Move).filter((type) => moves.includes(type)))

/** What those leave out: back from a pause, an end that was asked for, and further lives. */
const more: readonly (readonly Move[])[] = [
  ['create', 'start', 'execute', 'pause', 'resume', 'stop', 'exit', 'start', 'execute', 'exit', 'delete'],
  ['create', 'start', 'fail', 'start', 'recover', 'start', 'exit', 'start', 'execute', 'stop', 'exit', 'delete'],
]
const paths = [...simple, ...more]

let real: EngineGround | undefined
if (absent === undefined)
  useEngine('lifecycle', (ground) => {
    real = ground
    const program = join(ground.directory, 'rootfs/bin/work')
    writeFileSync(program, '#!/bin/sh\nwhile :; do sleep 1; done\n')
    chmodSync(program, 0o755)
  })

const onLinux = (): Ground => ({ ...real!.engine, root: join(real!.directory, 'rootfs') })
const onMachine = (): Ground => ({
  ...openSession({ programs: { work: endless, true: nothing } }),
  root: '/rootfs',
})
function* endless(): Generator<{ readonly name: 'pause' }, number, unknown> {
  for (;;) yield { name: 'pause' }
}
function* nothing(): Generator<{ readonly name: 'getpid' }, number, unknown> {
  yield { name: 'getpid' }
  return 0
}

describe('the paths that are walked', () => {
  it('take every transition of the machine', () => {
    const taken = new Set<string>()
    for (const path of paths) {
      let phase: Phase = 'creating'
      for (const move of path) {
        taken.add(`${phase} ${move}`)
        phase = next(phase, move)!
        for (const loop of moves) if (next(phase, loop) === phase && loop !== 'stop') taken.add(`${phase} ${loop}`)
      }
    }
    const all = phases.flatMap((phase) => moves.filter((move) => next(phase, move)).map((move) => `${phase} ${move}`))
    expect([...taken].sort()).toEqual(all.sort())
  })
})

describe.each(paths.map((path) => [path.join(', '), path] as const))('%s', (_, path) => {
  it('goes that way on the simulated kernel, and illegal moves change nothing', async () => {
    const seen = await walk(onMachine(), path)
    expect(seen).toContain(`${path.at(-1)}: deleted`)
  })

  it.skipIf(absent !== undefined)(
    `goes that way on this kernel, and both tell the same${absent ? `: ${absent}` : ''}`,
    async () => {
      expect(await walk(onLinux(), path)).toEqual(await walk(onMachine(), path))
    },
  )
})

// The lifecycle machine: which moves are legal, in OCI's words, and that the table the verbs use is the machine.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../../core/errors.ts'
import { diagram } from '../../../core/lifecycle/diagram.ts'
import { lifecycle, persisted, transition } from '../../../core/lifecycle/machine.ts'
import { type Move, moves, type Phase, phases } from '../../../core/lifecycle/phases.ts'
import { moved, next, snapshotOf } from '../../../core/lifecycle/table.ts'

/** Every path through the machine that visits no phase twice, as lists of moves. */
function paths(from: Phase, seen: readonly Phase[] = []): (readonly [Move, Phase])[][] {
  const on = moves.flatMap((move): [Move, Phase][] => {
    const to = transition(from, move)
    return to === undefined || to === from || seen.includes(to) ? [] : [[move, to]]
  })
  return [[], ...on.flatMap(([move, to]) => paths(to, [...seen, from]).map((rest) => [[move, to] as const, ...rest]))]
}

describe('the lifecycle machine', () => {
  it('is the table that the verbs use, for every phase and every move', () => {
    for (const phase of phases)
      for (const move of moves) expect([phase, move, next(phase, move)]).toEqual([phase, move, transition(phase, move)])
  })

  it('knows no state and no event that phases and moves do not name', () => {
    expect(Object.keys(lifecycle.states).sort()).toEqual([...phases].sort())
    expect([...lifecycle.events].sort()).toEqual([...moves].sort())
  })

  it('is persisted in the form that state.json has', () => {
    for (const phase of phases) expect(JSON.stringify(snapshotOf(phase))).toBe(JSON.stringify(persisted(phase)))
  })

  it('comes to deleted from every phase that a path reaches', () => {
    const reached = new Set<Phase>(['creating'])
    for (const path of paths('creating')) for (const [, to] of path) reached.add(to)
    expect([...reached].sort()).toEqual([...phases].sort())
    for (const phase of phases) {
      const ends = paths(phase).map((path) => path.at(-1)?.[1] ?? phase)
      expect([phase, ends.includes('deleted')]).toEqual([phase, true])
    }
  })

  it('never deletes what runs or stands still, because its process would be left behind', () => {
    for (const phase of ['starting', 'running', 'paused'] as const) expect(next(phase, 'delete')).toBeUndefined()
  })

  it('lets a killed command be recovered from wherever processes may be', () => {
    for (const phase of ['creating', 'starting', 'running', 'paused'] as const)
      expect(next(phase, 'recover')).toBeDefined()
  })

  it('answers an illegal move with the container, the move and what the container is', () => {
    expect(() => moved('running', 'start', 'web')).toThrow(new UserError('cannot start container web: it is running'))
    expect(() => moved('stopped', 'pause', 'web')).toThrow(new UserError('cannot pause container web: it is stopped'))
    expect(() => moved('paused', 'exec', 'web')).toThrow('cannot execute a process in container web: it is paused')
    expect(() => moved('created', 'kill', 'web')).toThrow('cannot kill container web: it has not been started')
    expect(() => moved('running', 'resume', 'web')).toThrow('cannot unpause container web: it is running')
  })

  it('changes nothing by an illegal move, since the phase is a value', () => {
    expect(moved('running', 'pause', 'web')).toBe('paused')
    expect(next('deleted', 'start')).toBeUndefined()
  })

  it('is drawn in docs/lifecycle.md as it is', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/lifecycle.md'), 'utf8')
    expect(text).toContain(diagram())
  })
})

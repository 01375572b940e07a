// The lifecycle machine as a table, for verbs that have no time to load xstate. A test proves that both agree everywhere.

import { UserError } from '../errors.ts'
import { type Move, moveVerbs, type Phase, phaseSentences } from './phases.ts'

export const table: Readonly<Record<Phase, Partial<Readonly<Record<Move, Phase>>>>> = {
  creating: { create: 'created', fail: 'deleted', recover: 'deleted' },
  created: { start: 'starting', update: 'created', delete: 'deleted' },
  starting: { execute: 'running', fail: 'stopped', exit: 'stopped', recover: 'stopped' },
  running: {
    exec: 'running',
    kill: 'running',
    stop: 'running',
    update: 'running',
    pause: 'paused',
    exit: 'stopped',
    recover: 'stopped',
  },
  paused: { kill: 'paused', update: 'paused', resume: 'running', exit: 'stopped', recover: 'stopped' },
  stopped: { start: 'starting', update: 'stopped', delete: 'deleted' },
  deleted: {},
}

/** Where a move leads, or undefined when it is not legal in this phase. */
export function next(phase: Phase, move: Move): Phase | undefined {
  return table[phase][move]
}

/**
 * Where a move leads. OCI runtime spec, runtime.md: an operation in the wrong state must be an error and change nothing.
 *
 * @errors UserError `cannot pause container web: it is stopped`
 */
export function moved(phase: Phase, move: Move, container: string): Phase {
  const to = next(phase, move)
  if (to !== undefined) return to
  throw new UserError(`cannot ${moveVerbs[move]} container ${container}: ${phaseSentences[phase]}`)
}

/** xstate's persisted snapshot of a phase, in the same order of keys. */
export interface PersistedLifecycle {
  readonly status: 'active' | 'done'
  readonly value: Phase
  readonly historyValue: Readonly<Record<string, never>>
  readonly context: Readonly<Record<string, never>>
  readonly children: Readonly<Record<string, never>>
}

export function snapshotOf(phase: Phase): PersistedLifecycle {
  const status = phase === 'deleted' ? 'done' : 'active'
  return { status, value: phase, historyValue: {}, context: {}, children: {} }
}

// The lifecycle of a container: the one xstate machine that says which moves are legal. OCI runtime spec, runtime.md "Lifecycle".

import { setup, transition as step } from 'xstate'
import type { Move, Phase } from './phases.ts'

/**
 * `created` is a container that has never run, `stopped` one that did; either may be started. `recover` is for what is
 * found by a later command: a runtime that died in the middle, or a process that vanished with its monitor.
 */
export const lifecycle = setup({ types: { events: {} as { readonly type: Move } } }).createMachine({
  id: 'container',
  initial: 'creating',
  states: {
    creating: { on: { create: 'created', fail: 'deleted', recover: 'deleted' } },
    created: { on: { start: 'starting', update: 'created', delete: 'deleted' } },
    starting: { on: { execute: 'running', fail: 'stopped', exit: 'stopped', recover: 'stopped' } },
    running: {
      on: {
        exec: 'running',
        kill: 'running',
        stop: 'running',
        update: 'running',
        pause: 'paused',
        exit: 'stopped',
        recover: 'stopped',
      },
    },
    paused: { on: { kill: 'paused', update: 'paused', resume: 'running', exit: 'stopped', recover: 'stopped' } },
    stopped: { on: { start: 'starting', update: 'stopped', delete: 'deleted' } },
    deleted: { type: 'final' },
  },
})

/** The machine as a pure function; undefined for a move that is not legal. xstate would ignore it in silence. */
export function transition(phase: Phase, move: Move): Phase | undefined {
  const snapshot = lifecycle.resolveState({ value: phase })
  if (snapshot.status !== 'active' || !snapshot.can({ type: move })) return undefined
  return step(lifecycle, snapshot, { type: move })[0].value as Phase
}

/** What xstate persists of a phase: the form that state.json has. */
export function persisted(phase: Phase): unknown {
  return lifecycle.getPersistedSnapshot(lifecycle.resolveState({ value: phase }))
}

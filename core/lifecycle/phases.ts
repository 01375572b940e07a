// The lifecycle's words: phases and moves, and OCI's names for the phases.

export const phases = ['creating', 'created', 'starting', 'running', 'paused', 'stopped', 'deleted'] as const
export type Phase = (typeof phases)[number]

export const moves = [
  'create',
  'start',
  'execute',
  'exec',
  'kill',
  'stop',
  'update',
  'pause',
  'resume',
  'exit',
  'fail',
  'delete',
  'recover',
] as const
export type Move = (typeof moves)[number]

/** How messages say what a container in this phase is. */
export const phaseSentences: Readonly<Record<Phase, string>> = {
  creating: 'it is being created',
  created: 'it has not been started',
  starting: 'it is being started',
  running: 'it is running',
  paused: 'it is paused',
  stopped: 'it is stopped',
  deleted: 'it has been removed',
}

/** How messages name a move: `cannot pause container web: it is stopped`. */
export const moveVerbs: Readonly<Record<Move, string>> = {
  create: 'create',
  start: 'start',
  execute: 'start',
  exec: 'execute a process in',
  kill: 'kill',
  stop: 'stop',
  update: 'update',
  pause: 'pause',
  resume: 'unpause',
  exit: 'end',
  fail: 'undo',
  delete: 'remove',
  recover: 'recover',
}

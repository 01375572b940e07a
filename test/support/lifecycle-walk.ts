// Walks paths of the lifecycle machine with the engine, on whatever kernel it has: each move is brought about from outside, and
// after each the engine says where it is.

import { create } from '../../core/engine/create.ts'
import { exec } from '../../core/engine/exec.ts'
import type { Host, Settings } from '../../core/engine/host.ts'
import { kill } from '../../core/engine/kill.ts'
import { look } from '../../core/engine/open.ts'
import { pause, unpause } from '../../core/engine/pause.ts'
import { remove } from '../../core/engine/remove.ts'
import { start } from '../../core/engine/start.ts'
import { stop } from '../../core/engine/stop.ts'
import { update } from '../../core/engine/update.ts'
import { UserError } from '../../core/errors.ts'
import type { Move, Phase } from '../../core/lifecycle/phases.ts'
import { moved, next, snapshotOf } from '../../core/lifecycle/table.ts'
import type { ContainerRequest } from '../../core/spec/request.ts'
import { phaseOf, readStored, type Stored, writeState } from '../../core/store/record.ts'

export interface Ground {
  readonly host: Host
  readonly settings: Settings
  /** The directory that containers are made of; it has a program `work` that goes on for ever, and `true`. */
  readonly root: string
  readonly request: (command: readonly string[], more: Partial<ContainerRequest>) => ContainerRequest
}

const [SIGKILL, SIGWINCH] = [9, 28]
const name = 'walker'
const gone = `no container with name or ID "${name}" found: no such container`

/** Verbs by the move that they ask for; `stop` of one that does not run is no error, and so not among them. */
const verbs: Partial<Record<Move, (ground: Ground) => Promise<unknown>>> = {
  start: ({ host, settings }) => start(host, settings, name),
  exec: async ({ host, settings }) => {
    const rest = { env: [], privileged: false, interactive: false, terminal: false, detach: true }
    await exec(host, settings, name, { command: ['true'], ...rest })
  },
  // What is ignored by default, so that it changes nothing. signal(7)
  kill: ({ host, settings }) => kill(host, settings, name, SIGWINCH),
  update: ({ host, settings }) => update(host, settings, name, { pidsLimit: 99 }),
  pause: ({ host, settings }) => pause(host, settings, name),
  resume: ({ host, settings }) => unpause(host, settings, name),
  delete: ({ host, settings }) => remove(host, settings, name, { force: false, volumes: true }),
}

/** One or two moves that happen together, as `created start execute`, and what brings them about. */
type Act = (walk: Walk) => Promise<unknown>
const acts: Readonly<Record<string, Act>> = {
  'creating create': (walk) => walk.create({}),
  'creating fail': async (walk) => refusal(() => walk.create({ user: 'ghost' })),
  'creating recover': async (walk) => {
    await walk.create({})
    walk.write({ ...walk.stored.state, lifecycle: snapshotOf('creating') })
  },
  'start execute': (walk) => verbs.start!(walk.ground),
  'start fail': async (walk) => {
    walk.rename('work', 'away')
    const { exitCode } = await refusal(() => verbs.start!(walk.ground))
    walk.rename('away', 'work')
    if (exitCode !== 127) throw new Error(`it ended with ${exitCode} and not 127`)
  },
  // A command that was killed before it could write down that the program runs.
  'start exit': async (walk) => {
    await verbs.start!(walk.ground)
    walk.write({ ...walk.stored.state, lifecycle: snapshotOf('starting') })
    walk.signal(walk.stored.state.process!.pid)
  },
  'start recover': async (walk) => {
    await verbs.start!(walk.ground)
    const { process: _, monitor: __, ...rest } = walk.stored.state
    walk.write({ ...rest, lifecycle: snapshotOf('starting') })
  },
  'stop exit': ({ ground: { host, settings } }) => stop(host, settings, name, { timeoutSeconds: 0 }),
  'running pause': (walk) => verbs.pause!(walk.ground),
  'running exit': async (walk) => walk.signal(walk.stored.state.process!.pid),
  'running recover': endWithMonitor,
  'paused resume': (walk) => verbs.resume!(walk.ground),
  'paused exit': ({ ground: { host, settings } }) => kill(host, settings, name, SIGKILL),
  'paused recover': endWithMonitor,
  'created delete': (walk) => verbs.delete!(walk.ground),
  'stopped delete': (walk) => verbs.delete!(walk.ground),
}

/** The monitor first, so that nobody is left who could say how the process ended. */
async function endWithMonitor(walk: Walk): Promise<void> {
  const { monitor, process } = walk.stored.state
  walk.signal(monitor!.pid)
  await walk.until(() => walk.isGone(monitor!.pid))
  walk.signal(process!.pid)
}

async function refusal(act: () => Promise<unknown>): Promise<UserError> {
  try {
    await act()
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
  throw new Error('it was not refused')
}

class Walk {
  readonly ground: Ground
  #id = ''

  constructor(ground: Ground) {
    this.ground = ground
  }

  async create(more: Partial<ContainerRequest>): Promise<void> {
    const { host, settings, request } = this.ground
    this.#id = (await create(host, settings, request(['work'], { name, ...more }))).id
  }

  /** As it is written down. */
  get stored(): Stored {
    const { host, settings } = this.ground
    return readStored(host.kernel, settings, this.#id)!
  }

  write(state: Stored['state']): void {
    writeState(this.ground.host.kernel, this.stored.paths, state)
  }

  signal(pid: number): void {
    this.ground.host.kernel.call({ name: 'kill', pid, sig: SIGKILL })
  }

  isGone(pid: number): boolean {
    const { kernel } = this.ground.host
    const opened = kernel.call({ name: 'pidfd_open', pid, flags: 0 })
    if ('errno' in opened) return true
    const fds = [{ fd: opened.value, events: 1 }]
    const polled = kernel.call({ name: 'ppoll', fds, tmo_p: 0n, sigmask: 0, sigsetsize: 8 })
    kernel.call({ name: 'close', fd: opened.value })
    return 'value' in polled && polled.value > 0
  }

  rename(from: string, to: string): void {
    const { host, root } = this.ground
    const paths = { olddirfd: -100, oldpath: `${root}/bin/${from}`, newdirfd: -100, newpath: `${root}/bin/${to}` }
    const moved = host.kernel.call({ name: 'renameat2', ...paths, flags: 0 })
    if ('errno' in moved) throw new Error(`move the program: ${moved.errno}`)
  }

  async until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
    for (let tried = 0; tried < 1000; tried++) {
      if (await holds()) return true
      await this.ground.host.sleep(10)
    }
    return false
  }

  /** The phase, once it is the one that is expected; and how the last run ended, where that is known. */
  async see(expected: Phase): Promise<string> {
    const { host, settings } = this.ground
    // It has never had an id.
    if (this.#id === '') return 'deleted'
    let seen = 'nothing'
    await this.until(async () => {
      const stored = await look(host, settings, this.#id)
      const { ending, failure } = stored?.state ?? {}
      const how = ending?.unknown ? ' unknown' : ending === undefined ? '' : ` ${ending.code}`
      seen = stored === undefined ? 'deleted' : `${phaseOf(stored.state)}${how}${failure ? ` (${failure})` : ''}`
      return (stored === undefined ? 'deleted' : phaseOf(stored.state)) === expected
    })
    return seen
  }
}

/** Which moves of a path are made together: start and stop lead to where something else happens. */
function together(path: readonly Move[]): Move[][] {
  const groups: Move[][] = []
  for (let at = 0; at < path.length; at++) {
    const two = path[at] === 'start' || path[at] === 'stop'
    groups.push(path.slice(at, at + (two ? 2 : 1)))
    if (two) at++
  }
  return groups
}

/**
 * Walks a path from `creating` on. Wherever the container comes to rest, each move that leads back there is made, and each that
 * is illegal is asked for.
 *
 * @returns the phases and their ends as the engine tells them, and the words of refusals
 * @errors Error where the engine is elsewhere than the machine
 */
export async function walk(ground: Ground, path: readonly Move[]): Promise<string[]> {
  try {
    return await walkOn(ground, path)
  } finally {
    await remove(ground.host, ground.settings, name, { force: true, volumes: true })
  }
}

async function walkOn(ground: Ground, path: readonly Move[]): Promise<string[]> {
  const walker = new Walk(ground)
  const seen: string[] = []
  let phase: Phase = 'creating'
  for (const group of together(path)) {
    const act = acts[group.length > 1 ? group.join(' ') : `${phase} ${group[0]}`]
    if (act === undefined) throw new Error(`nothing brings ${group.join(' ')} about in ${phase}`)
    await act(walker)
    for (const move of group) phase = moved(phase, move, name)
    const reached: string = await walker.see(phase)
    if (!reached.startsWith(phase)) throw new Error(`after ${group.join(' ')}: ${reached}, and not ${phase}`)
    seen.push(`${group.join(' ')}: ${reached}`)
    seen.push(...(await stayThere(ground, walker, phase)))
  }
  return seen
}

async function stayThere(ground: Ground, walker: Walk, phase: Phase): Promise<string[]> {
  const seen: string[] = []
  for (const move of Object.keys(verbs) as Move[]) {
    const to = next(phase, move)
    if (to !== undefined && to !== phase) continue
    const before = await walker.see(phase)
    if (to === phase) await verbs[move]!(ground)
    else seen.push(await expectRefusal(ground, phase, move))
    const after = await walker.see(phase)
    if (after !== before) throw new Error(`${move} in ${phase}: ${before} became ${after}`)
  }
  return seen
}

/** In OCI's words: which move, which container, what it is. */
async function expectRefusal(ground: Ground, phase: Phase, move: Move): Promise<string> {
  const { message } = await refusal(() => verbs[move]!(ground))
  const words = phase === 'deleted' ? gone : (await refusal(async () => moved(phase, move, name))).message
  if (!message.startsWith(words)) throw new Error(`${move} in ${phase}: ${message}; not: ${words}`)
  return message
}

// `machine snapshot`, `snapshots`, `rewind` and `branch`: moments of machines, which are the steps behind their commands.

import { cpSync, existsSync } from 'node:fs'
import { stateDigest } from '../../backends/sim/machine.ts'
import { UserError } from '../../core/errors.ts'
import { printLine } from '../output.ts'
import { renderTable } from '../views/table.ts'
import { bringUp, type Course, type Parts, statesIn } from './bring-up.ts'
import { listMachines, type MachineLog, type Store, takeMachine } from './log.ts'

const usages: Readonly<Record<string, string>> = {
  snapshot: 'machine snapshot NAME [LABEL]',
  snapshots: 'machine snapshots NAME',
  rewind: 'machine rewind NAME --to LABEL|STEP|TIME',
  branch: 'machine branch NAME NEW [--from LABEL|STEP|TIME]',
}

export const isMoment = (action: string | undefined): boolean => action !== undefined && Object.hasOwn(usages, action)

/** @param words - behind `machine` @errors UserError */
export async function momentVerb(
  directory: string,
  [action = '', ...words]: readonly string[],
  ways: Ways,
): Promise<number> {
  const { rest, at } = flagOf(action, words, action === 'rewind' ? '--to' : action === 'branch' ? '--from' : undefined)
  const most = action === 'snapshot' || action === 'branch' ? 2 : 1
  const [name, other] = rest
  if (name === undefined || rest.length > most || (action === 'branch' && other === undefined)) throw usage(action)
  if (!listMachines(directory).includes(name)) throw new UserError(`machine ${name}: there is none of that name`)
  const store = takeMachine(directory, name)
  try {
    const log = store.read()!
    const kept = { store, log, parts: ways.partsOf(log.seed), course: ways.courseOf(store.bodies) }
    if (action === 'snapshots') return list(directory, name, kept)
    if (action === 'snapshot') return await label(directory, name, kept, other)
    if (action === 'rewind') return await rewind(directory, name, kept, at ?? raise(usage(action)))
    return await branch(directory, name, kept, other!, at)
  } finally {
    store.release()
  }
}

/** What machines are made of, and how they are played. */
export interface Ways {
  readonly partsOf: (seed: number) => Parts
  readonly courseOf: (bodies: string) => Course
}

interface Kept {
  readonly store: Store
  readonly log: MachineLog
  readonly parts: Parts
  readonly course: Course
}

/** The log of a machine up to a step, having looked that it leads there. */
async function upTo(directory: string, name: string, { log, parts, course }: Kept, step: number): Promise<MachineLog> {
  const up =
    log.key === parts.key ? await bringUp(parts, log, statesIn(directory, name, parts), course, step) : undefined
  if (!up)
    throw new UserError(`machine ${name} was made by another vitrine: begin anew with vitrine --sim machine rm ${name}`)
  const labels = Object.fromEntries(Object.entries(log.labels ?? {}).filter(([, at]) => at <= step))
  return { ...log, commands: log.commands.slice(0, step), labels, digest: stateDigest(up.machine) }
}

async function label(directory: string, name: string, kept: Kept, given: string | undefined): Promise<number> {
  const { log, store, parts, course } = kept
  const step = log.commands.length
  const word = given ?? `step-${step}`
  if (!/^[a-zA-Z][a-zA-Z0-9_.-]{0,63}$/.test(word))
    throw new UserError(
      `machine snapshot ${word}: a label begins with a letter, and has letters, digits, and _ . - behind it`,
    )
  if (log.labels?.[word] !== undefined) throw new UserError(`machine snapshot ${word}: ${name} has one of that label`)
  const states = statesIn(directory, name, parts)
  if (states.read(step, log.digest) === undefined) {
    const up = await bringUp(parts, log, states, course)
    const taken = up?.take()
    // Without a file it is a place in the log, which is replayed up to there.
    if (taken && !('refused' in taken)) states.write(step, log.digest, taken)
  }
  store.write({ ...log, labels: { ...log.labels, [word]: step } })
  printLine(word)
  return 0
}

function list(directory: string, name: string, { log, parts }: Kept): number {
  const states = statesIn(directory, name, parts)
  const labels = Object.entries(log.labels ?? {})
  const steps = new Set([...states.steps(), ...labels.map(([, step]) => step)])
  const rows = [...steps]
    .sort((a, b) => a - b)
    .map((step) => {
      const atNs = log.commands[step - 1]?.after?.atNs
      const words = labels.filter(([, at]) => at === step).map(([word]) => word)
      const bytes = states.bytesOf(step)
      return [
        String(step),
        words.join(','),
        atNs === undefined ? '' : `${(atNs / 1e9).toFixed(3)}s`,
        bytes === undefined ? '-' : `${Math.ceil(bytes / 1024)}kB`,
        log.commands[step - 1]?.words.join(' ').slice(0, 40) ?? '',
      ]
    })
  process.stdout.write(renderTable(['STEP', 'LABEL', 'TIME', 'SIZE', 'COMMAND'], rows, { heading: true }))
  return 0
}

async function rewind(directory: string, name: string, kept: Kept, at: string): Promise<number> {
  const step = stepOf(kept.log, name, at)
  const log = await upTo(directory, name, kept, step)
  kept.store.write(log)
  const states = statesIn(directory, name, kept.parts)
  for (const later of states.steps()) if (later > step) states.remove(later)
  printLine(`${name} step ${step}`)
  return 0
}

async function branch(directory: string, name: string, kept: Kept, other: string, at: string | undefined) {
  if (listMachines(directory).includes(other)) throw new UserError(`machine branch: ${other} is there already`)
  const step = at === undefined ? kept.log.commands.length : stepOf(kept.log, name, at)
  const log = await upTo(directory, name, kept, step)
  const store = takeMachine(directory, other)
  try {
    const states = statesIn(directory, name, kept.parts)
    for (const earlier of states.steps()) if (earlier <= step) states.copy(earlier, other)
    if (existsSync(kept.store.bodies)) cpSync(kept.store.bodies, store.bodies, { recursive: true })
    store.write(log)
  } finally {
    store.release()
  }
  printLine(other)
  return 0
}

/** A label, how many commands have run, or how much virtual time has passed: then the last step before that. */
export function stepOf({ labels = {}, commands }: MachineLog, name: string, at: string): number {
  if (Object.hasOwn(labels, at)) return labels[at]!
  if (/^\d+$/.test(at)) {
    if (Number(at) <= commands.length) return Number(at)
    throw new UserError(`machine ${name}: there is no step ${at}: it has ${commands.length}`)
  }
  const time = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(at)
  if (!time)
    throw new UserError(`machine ${name}: ${at} is no label of its snapshots, no step, and no time such as 90s`)
  const ns = Number(time[1]) * { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }[time[2] as 'ms' | 's' | 'm' | 'h']
  const later = commands.findIndex(({ after }) => after === undefined || after.atNs > ns)
  return later < 0 ? commands.length : later
}

function flagOf(action: string, words: readonly string[], flag: string | undefined) {
  const rest: string[] = []
  let at: string | undefined
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    if (flag !== undefined && word === flag) {
      index += 1
      at = words[index] ?? raise(usage(action))
    } else if (flag !== undefined && word.startsWith(`${flag}=`)) at = word.slice(flag.length + 1)
    else if (word.startsWith('-')) throw new UserError(`machine ${action}: unknown flag: ${word}`)
    else rest.push(word)
  }
  return { rest, at }
}

const usage = (action: string): UserError => new UserError(`machine ${action}: give it as ${usages[action]}`)

function raise(error: Error): never {
  throw error
}

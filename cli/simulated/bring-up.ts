// A machine as its log has it: from the nearest state that was kept, and by replay of what came after it. And which states to keep.

import { bootMachine, type Machine, type MachineParts, machineConfig, stateDigest } from '../../backends/sim/machine.ts'
import { buildKey, type Snapshot, Snapshots } from '../../backends/sim/snapshot.ts'
import type { GuestRunner } from '../../backends/sim/wasm/process.ts'
import type { LoggedCommand, MachineLog } from './log.ts'
import { type States, statesOf } from './states.ts'

/** How machines get from one step to the next. */
export interface Course {
  /** What comes before all commands. */
  readonly load: (machine: Machine) => Promise<void>
  readonly play: (machine: Machine, commands: readonly LoggedCommand[]) => Promise<void>
}

/** What a machine is made of; of another key they make others. */
export type Parts = MachineParts & { readonly key: string }

export interface UpMachine {
  readonly machine: Machine
  /** The step that its state was kept of; undefined: it was switched on anew. */
  readonly from: number | undefined
  /** A command has run: its state is kept where that saves more time than it takes. */
  readonly keep: (step: number, digest: string, log: Pick<MachineLog, 'labels'>) => void
  /** How it is now; or why it cannot be taken. */
  readonly take: () => Snapshot | { readonly refused: string }
}

/** Replays that take less time, milliseconds, are not worth a file. */
const worthMs = 150
/** Of the steps without a label the last one is kept, and of the others each of so many. */
const stride = 16

export function statesIn(directory: string, name: string, parts: Omit<Parts, 'seed'>): States {
  return statesOf(directory, name, `${parts.key} ${buildKey()}`, [parts.box.content, ...parts.images.values()])
}

/** The digest behind a step, as the log knows it. */
export function digestAfter(
  log: Pick<MachineLog, 'commands' | 'digest'> | undefined,
  step: number,
): string | undefined {
  if (!log || step === 0) return undefined
  return step === log.commands.length ? log.digest : log.commands[step - 1]?.after?.digest
}

/**
 * @param to - the step; absent: the last
 * @returns undefined when the commands lead to another machine than they did
 */
export async function bringUp(
  parts: Parts,
  log: MachineLog | undefined,
  states: States,
  course: Course,
  to = log?.commands.length ?? 0,
): Promise<UpMachine | undefined> {
  const begunMs = performance.now()
  const snapshots = new Snapshots({ box: parts.box.program as GuestRunner })
  const restored = Snapshots.isPossible ? newest(parts, log, states, snapshots, to) : undefined
  const machine = restored?.machine ?? bootMachine(parts)
  if (!restored) await course.load(machine)
  const commands = log?.commands.slice(restored?.step ?? 0, to) ?? []
  await course.play(machine, commands)
  const wanted = digestAfter(log, to)
  if (commands.length > 0 && wanted !== undefined && stateDigest(machine) !== wanted) return undefined
  const take = () => snapshots.take(machine)
  return {
    ...{ machine, from: restored?.step, take },
    keep: (step, digest, { labels = {} }) => {
      if (!Snapshots.isPossible || performance.now() - begunMs < worthMs) return
      const taken = take()
      if ('refused' in taken) return
      states.write(step, digest, taken)
      const labelled = new Set(Object.values(labels))
      for (const other of states.steps())
        if (other !== step && other % stride !== 0 && !labelled.has(other)) states.remove(other)
    },
  }
}

function newest(
  parts: Parts,
  log: MachineLog | undefined,
  states: States,
  snapshots: Snapshots,
  to: number,
): { readonly machine: Machine; readonly step: number } | undefined {
  for (const step of states.steps()) {
    const digest = digestAfter(log, step)
    if (step > to || (step > 0 && digest === undefined)) continue
    const snapshot = states.read(step, digest)
    if (!snapshot) continue
    try {
      return { machine: snapshots.restore(snapshot, machineConfig(parts)), step }
    } catch {
      // It lacks something that is there no more: the log is what counts.
    }
  }
  return undefined
}

// What the rest of the program asks of the simulated kernel.

import type { Errno } from '../../core/errno.ts'
import { UserError } from '../../core/errors.ts'
import { errnosOf } from '../../core/syscall-errors.ts'
import { HostFiles } from '../../sim/scenario/host/files.ts'
import { isForeign } from '../../sim/scenario/host/foreign.ts'
import { machineOf } from '../../sim/scenario/host/machine.ts'
import { BadRootLine, furnishWith, parseRoot, type RootEntry } from '../../sim/scenario/host/root-file.ts'
import { saysWho } from '../../sim/scenario/host/start.ts'
import { play } from '../../sim/scenario/play.ts'
import { count, type Played, passes, type Result, report, summary } from '../../sim/scenario/result.ts'
import { parseScenarios, type Scenario } from '../../sim/scenario/scenario.ts'
import { joinLogs, type LogFile } from '../../sim/scenario/separate.ts'
import { type SimulatedStage, simulatedStage } from '../../sim/scenario/stage-sim.ts'
import { machineFor } from '../../sim/scenario/version.ts'
import { table } from '../../sim/sys/all.ts'
import type { Task } from '../../sim/task.ts'

export interface PlayedScenario {
  readonly title: string
  /** Nothing differs, and at most a tenth of the calls is not modelled. */
  readonly passed: boolean
  readonly lines: readonly Played[]
  /** What did not go as written, and a last line that counts. */
  readonly report: string
  /** That last line. */
  readonly summary: string
}

/**
 * Plays the scenarios of a file, each on a machine of its own.
 *
 * @param text - or the files of `strace -ff`
 * @param until - stops each after so many calls
 * @param root - paths that are there besides; the syntax is in sim/README.md
 */
export async function playScenarios(
  text: string | readonly LogFile[],
  until?: number,
  root?: RootText,
): Promise<readonly PlayedScenario[]> {
  const entries = root === undefined ? [] : entriesOf(root)
  const all: PlayedScenario[] = []
  for (const scenario of typeof text === 'string' ? parseScenarios(text) : [joinLogs(text)]) {
    const result = isForeign(scenario)
      ? await playLog(scenario, entries, until)
      : await play(scenario, furnished(scenario, entries), { until })
    const { title } = scenario
    all.push({ title, passed: passes(result), lines: result.played, report: report(result), summary: summary(result) })
  }
  return all
}

/** A file of paths, and its name for what is wrong with it. */
export interface RootText {
  readonly name: string
  readonly text: string
}

/** @errors UserError: the line that is none */
function entriesOf({ name, text }: RootText): readonly RootEntry[] {
  try {
    return parseRoot(text)
  } catch (error) {
    if (error instanceof BadRootLine) throw new UserError(`${name}, line ${error.line}: ${error.message}`)
    throw error
  }
}

/** A machine of ours, with more files. */
function furnished(scenario: Scenario, entries: readonly RootEntry[]): SimulatedStage {
  const stage = simulatedStage({ ...machineFor(scenario), ...(entries.length > 0 && { machineCode: 'outside' }) })
  if (entries.length > 0) furnishWith(entries, new HostFiles(stage.kernel), stage.task(stage.first.actor))
  return stage
}

/** A log that was made elsewhere: where it does not say whose it is, the superuser is tried first, then an ordinary user. */
async function playLog(scenario: Scenario, entries: readonly RootEntry[], until?: number): Promise<Result> {
  const { lines } = scenario
  const furnish = (files: HostFiles, task: Task) => furnishWith(entries, files, task)
  const as = (uid: number) =>
    play(scenario, simulatedStage(machineOf(scenario), { lines, assumed: { uid }, furnish }), { until })
  const first = await as(0)
  const differ = (result: Result) => count(result).differs + count(result).fails
  if (differ(first) === 0 || saysWho(lines)) return first
  const second = await as(1000)
  return differ(second) < differ(first) ? second : first
}

export interface Feature {
  readonly call: string
  readonly level: 'full' | 'partial' | 'none'
  readonly note: string
  /** What Linux can answer to it; absent: the runtime does not make it. */
  readonly errnos?: readonly Errno[]
}

/** Every system call, by name. */
export function features(): readonly Feature[] {
  const errnosByCall: Readonly<Record<string, readonly Errno[]>> = errnosOf
  return Object.entries(table)
    .map(([call, entry]) => {
      const errnos = errnosByCall[call]
      return { call, level: entry.level, note: 'note' in entry ? entry.note : '', ...(errnos && { errnos }) }
    })
    .sort((a, b) => (a.call < b.call ? -1 : 1))
}

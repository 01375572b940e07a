// A simulated machine in a page: switched on with a seed, it runs the commands of `vitrine` and the programs of its containers.

import { beginCommand, loadOwnImages } from '../backends/sim/host.ts'
import { bootMachine, stateDigest } from '../backends/sim/machine.ts'
import { attachSimulated } from '../cli/simulated/attach.ts'
import { type Inputs, liveInputs, replayedInputs } from '../cli/simulated/inputs.ts'
import type { Input, LoggedCommand } from '../cli/simulated/log.ts'
import { UserError } from '../core/errors.ts'
import { Trace } from '../sim/trace.ts'
import { capabilities, runCommand } from './command.ts'
import { claimPrinting, printError } from './instead.ts'
import { type Read, reading, readParts } from './parts.ts'

export interface BootOptions {
  /** Of all chance on the machine; absent: 1. */
  readonly seed?: number
  /** How `prebuilds/` is read; absent: by HTTP, from where it lies beside `dist/`. */
  readonly read?: Read
  /** Processes that have an instance of the engine at a time, others being data: browsers have little room for memories. */
  readonly liveMost?: number
  /** What a machine of the same seed was told before (`Machine.commands`): it is replayed. */
  readonly commands?: readonly LoggedCommand[]
}

export interface CommandOptions {
  /** Told what is printed, and what a terminal shows. */
  readonly write?: (fd: 1 | 2, bytes: Uint8Array) => void
  /** What came from outside, and when, in place of the methods of `Command`. */
  readonly replay?: readonly Input[]
}

/** A command that is running. */
export interface Command {
  /** Keys, or standard input, for `-i`. */
  readonly type: (text: string | Uint8Array) => void
  /** Ends standard input. */
  readonly end: () => void
  readonly signal: (number: number) => void
  readonly resize: (columns: number, rows: number) => void
  readonly exitCode: Promise<number>
}

export interface Machine {
  /**
   * Begins a command: the words of a command line behind `vitrine`. One at a time, of all machines of a page.
   *
   * @errors UserError while another is running
   */
  readonly begin: (words: readonly string[], options?: CommandOptions) => Command
  /** What it was told: with its seed, all that has to be kept of it. */
  readonly commands: readonly LoggedCommand[]
  /** Stands for all system calls so far, their times and answers. */
  readonly traceHash: string
  /** How many there were. */
  readonly calls: number
  /** Stands for all that is on it. */
  readonly stateDigest: string
  readonly processes: number
  /** Virtual time since it was switched on. */
  readonly nowNs: number
}

/** Switches a machine on, with its images. @errors Error when they cannot be read */
export async function boot({ seed = 1, read, liveMost = 16, commands = [] }: BootOptions = {}): Promise<Machine> {
  const parts = await readParts(read ?? reading(new URL('../../prebuilds/', import.meta.url)), liveMost)
  const trace = new Trace()
  const kernel = bootMachine({ seed, ...parts, traced: trace.traced })
  const told: LoggedCommand[] = []
  const warn = (sentence: string) => printError(`warning: ${sentence}`)

  const begin = (words: readonly string[], { write = () => {}, replay }: CommandOptions = {}): Command => {
    claimPrinting(write)
    const live = replay ? undefined : liveInputs(kernel)
    const inputs: Inputs = live ?? replayedInputs(kernel, replay!)
    const attach = attachSimulated(inputs, ({ terminal }) => {
      if (terminal) live?.keepPace()
    })
    const run = async () => {
      try {
        return await runCommand(kernel, words, { ...inputs, write, warn }, attach)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        printError(error.message)
        return error.exitCode
      } finally {
        claimPrinting(undefined)
        told.push({ words, inputs: live?.noted ?? replay! })
      }
    }
    return {
      type: (text) => live?.arrive({ kind: 'typed', base64: base64Of(text) }),
      end: () => live?.arrive({ kind: 'end' }),
      signal: (signal) => live?.arrive({ kind: 'signal', signal }),
      resize: (columns, rows) => live?.arrive({ kind: 'size', columns, rows }),
      exitCode: run(),
    }
  }

  const loading = beginCommand(kernel, ['load'], capabilities, { ...replayedInputs(kernel, []), write: () => {}, warn })
  await loadOwnImages(loading)
  await loading.end()
  for (const { words, inputs } of commands) await begin(words, { replay: inputs }).exitCode
  return {
    begin,
    commands: told,
    get traceHash() {
      return trace.hash
    },
    get calls() {
      return trace.calls
    },
    get stateDigest() {
      return stateDigest(kernel)
    },
    get processes() {
      return kernel.tasks.size
    },
    get nowNs() {
      return kernel.clock.nowNs
    },
  }
}

function base64Of(text: string | Uint8Array): string {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  let letters = ''
  for (const byte of bytes) letters += String.fromCharCode(byte)
  return btoa(letters)
}

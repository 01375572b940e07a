// `vitrine --sim`: commands on a machine whose kernel is simulated. Its log is replayed first, and written with the new command.

import { beginCommand, loadOwnImages } from '../../backends/sim/host.ts'
import { type Machine, stateDigest } from '../../backends/sim/machine.ts'
import { programLoader } from '../../backends/sim/wasm/loader.ts'
import { UserError } from '../../core/errors.ts'
import type { Http } from '../../core/image/registry/http.ts'
import { mute, printBytes, printError } from '../output.ts'
import { attachSimulated } from './attach.ts'
import { bringUp, type Course, statesIn, type UpMachine } from './bring-up.ts'
import { bringFiles } from './brought.ts'
import { capabilities, openNetwork, publishReal, runCommand } from './command.ts'
import { watchEnvironment } from './environment.ts'
import { type OwnParts, readOwnParts } from './guests.ts'
import { type Inputs, liveInputs, replayedInputs } from './inputs.ts'
import { type LoggedCommand, listMachines, type MachineLog, type Store, takeMachine } from './log.ts'
import { machineVerb, machineWords } from './machine-verb.ts'
import { isMoment, momentVerb } from './moments.ts'
import { type Exchange, notedNetwork, replayedNetwork } from './network.ts'
import { machinesDirectory, programsDirectory } from './places.ts'
import { programShelf } from './programs.ts'
import { listen } from './terminal.ts'

export interface SimulatedOptions {
  readonly machine: string
  readonly seed?: number
  /** Published ports are ports of this computer's loopback too. */
  readonly publishReal?: boolean
  /** `--root` or VITRINE_ROOT. */
  readonly root: string | undefined
}

/** Others on this computer come to it. */
const listens = (words: readonly string[]): boolean =>
  words[0] === publishReal || (words[0] === 'machine' && words[1] === 'serve')

/** Output that is shown in stretches follows the clock on the wall. */
const looksOn = (words: readonly string[]): boolean =>
  listens(words) ||
  (words.includes('logs') && words.some((word) => /^(-f|--follow)$/.test(word))) ||
  (words.includes('stats') && !words.includes('--no-stream'))

/** Runs one command. Answers its exit code; what is wrong has been said. */
export async function simulated(options: SimulatedOptions, words: readonly string[]): Promise<number> {
  try {
    return await runOn(options, words)
  } catch (error) {
    // Errors are told apart here: whoever calls may be another bundle, which has classes of its own.
    if (!(error instanceof UserError)) throw error
    printError(error.message)
    return error.exitCode
  }
}

/** @errors UserError */
async function runOn(options: SimulatedOptions, given: readonly string[]): Promise<number> {
  const { seed, root } = options
  const directory = machinesDirectory(root)
  const onMachine =
    given[0] === 'machine' ? machineWords(given.slice(1), options.machine, listMachines(directory)) : undefined
  const partsOf = (own: OwnParts, seed: number) => {
    const shelf = programShelf(programsDirectory(root), own.passes)
    return { ...own, seed, componentOf: programLoader(shelf) }
  }
  if (given[0] === 'machine' && isMoment(given[1]))
    return await momentVerb(directory, given.slice(1), { partsOf: (seed) => partsOf(readOwnParts(), seed), courseOf })
  if (given[0] === 'machine' && onMachine === undefined) return machineVerb(directory, given.slice(1))
  const plain = options.publishReal ? [publishReal, ...given] : given
  const { name, words } = onMachine ?? { name: options.machine, words: plain }
  const own = readOwnParts()
  const store = takeMachine(directory, name)
  try {
    const log = store.read()
    if (log && log.key !== own.key) throw outdated(name, 'its tools or images have changed since')
    if (log && seed !== undefined && log.seed !== seed)
      throw new UserError(`--seed=${seed}: machine ${name} is there, with seed ${log.seed}: take another by --machine`)
    const chosen = log?.seed ?? seed ?? 1
    const parts = partsOf(own, chosen)
    const up = await bringUp(parts, log, statesIn(directory, name, parts), courseOf(store.bodies))
    if (!up) throw outdated(name, 'its commands do not lead to what it was')
    const before = { commands: log?.commands ?? [], ...(log?.labels && { labels: log.labels }) }
    return await live(up, words, store, { seed: chosen, key: own.key, ...before })
  } finally {
    store.release()
  }
}

const courseOf = (bodies: string): Course => ({
  load: async (machine) => {
    const command = beginCommand(machine, ['load'], capabilities, outsideOf(replayedInputs(machine, [])))
    await loadOwnImages(command)
    await command.end()
  },
  play: (machine, commands) => replay(machine, commands, bodies),
})

async function replay(machine: Machine, commands: readonly LoggedCommand[], bodies: string): Promise<void> {
  mute(true)
  try {
    for (const { words, inputs, environment = {}, answers = [], files = [] } of commands) {
      const replayed = replayedInputs(machine, inputs)
      const attach = attachSimulated(replayed, () => {})
      // One, however often it is asked for: it counts what it has answered.
      const network = replayedNetwork(bodies, answers)
      const caller = {
        ...{ outside: outsideOf(replayed), attach, environment, publishing: { inputs: replayed } },
        ...{ http: async () => network, files, bodies },
      }
      await runCommand(machine, words, caller).catch((error) => {
        if (!(error instanceof UserError)) throw error
      })
    }
  } finally {
    mute(false)
  }
}

function outdated(name: string, why: string): UserError {
  return new UserError(
    `machine ${name} was made by another vitrine: ${why}: begin anew with vitrine --sim machine rm ${name}`,
  )
}

const outsideOf = (inputs: Inputs) => ({
  ...inputs,
  write: (fd: 1 | 2, bytes: Uint8Array) => printBytes(fd, bytes),
  warn: (sentence: string) => printError(`warning: ${sentence}`),
})

async function live(
  up: UpMachine,
  given: readonly string[],
  store: Store,
  log: Omit<MachineLog, 'format' | 'digest'>,
): Promise<number> {
  const { machine } = up
  const { words, files } = await bringFiles(given, store.bodies)
  const answers: Exchange[] = []
  let network: Promise<Http> | undefined
  const http = () => {
    network ??= openNetwork().then((own) => notedNetwork(own, store.bodies, answers))
    return network
  }
  const inputs = liveInputs(machine)
  if (looksOn(words)) inputs.keepPace()
  const listener = listens(words) ? (await import('./listener.ts')).openListener(inputs) : undefined
  const ends: (() => void)[] = []
  const attach = attachSimulated(inputs, (wanted) => ends.push(listen(inputs, wanted)))
  const { environment, taken } = watchEnvironment(process.env)
  const keep = () => {
    const more = { ...(answers.length > 0 && { answers }), ...(files.length > 0 && { files }) }
    const command: LoggedCommand = { words, ...taken(), inputs: inputs.noted, ...more }
    const digest = stateDigest(machine)
    const after = { digest, atNs: machine.clock.nowNs }
    const commands = [...log.commands, { ...command, after }]
    store.write({ format: 1, ...log, commands, digest })
    up.keep(commands.length, digest, log)
  }
  try {
    const caller = {
      ...{ outside: outsideOf(inputs), attach, environment, publishing: { inputs, listener } },
      ...{ http, files, bodies: store.bodies },
    }
    const code = await runCommand(machine, words, caller)
    keep()
    return code
  } catch (error) {
    if (error instanceof UserError) keep()
    throw error
  } finally {
    for (const end of ends) end()
  }
}

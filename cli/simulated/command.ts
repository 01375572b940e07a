// One command on a simulated machine: the same verbs as on the real kernel, with that machine's host.

import { beginCommand, type Capabilities, type Outside } from '../../backends/sim/host.ts'
import type { Machine } from '../../backends/sim/machine.ts'
import { runShell } from '../../backends/sim/shell.ts'
import { UserError } from '../../core/errors.ts'
import { readText } from '../../core/files.ts'
import type { Http } from '../../core/image/registry/http.ts'
import type { Attach, Context, Verb } from '../context.ts'
import { readRun } from '../flags/run.ts'
import { commandOf, verbs } from '../main.ts'
import { versionNumber } from '../version.ts'
import { type BroughtFile, placeFiles, removeFiles } from './brought.ts'
import { type Publishing, publishingAttach, serve } from './publish.ts'

/** Before the words of a command. */
export const publishReal = '--publish-real'

/** The network of this computer. */
export const openNetwork = async (): Promise<Http> =>
  (await import('../../backends/linux/http.ts')).openHttp(process.env, `vitrine/${versionNumber}`)

/** What the machine has not by itself: hashes and decompression, and a network. */
export const capabilities: Capabilities = {
  archive: async () => (await import('../../backends/linux/archive.ts')).openArchive(),
  http: openNetwork,
}

/** Who has typed a command, or once did so. */
export interface Caller {
  readonly outside: Outside
  readonly attach: Attach
  /** What `-e NAME` takes its values from. */
  readonly environment: Context['surroundings']['environment']
  readonly publishing: Publishing
  /** In place of this computer's network. */
  readonly http?: () => Promise<Http>
  /** Files of this computer that it names, and where their contents are; absent: none. */
  readonly files?: readonly BroughtFile[]
  readonly bodies?: string
}

/**
 * @param given - with `--publish-real` before them where that was asked for
 * @errors UserError as the verb has it, and for a command that there is not
 */
export async function runCommand(
  machine: Machine,
  given: readonly string[],
  { outside, attach, environment, publishing, http = openNetwork, files = [], bodies = '' }: Caller,
): Promise<number> {
  const isReal = given[0] === publishReal
  const words = isReal ? given.slice(1) : given
  const { name, rest } = commandOf(words)
  const own = name === 'machine' ? ofMachine(machine, publishing) : undefined
  const load = Object.hasOwn(verbs, name) ? verbs[name] : own && (async () => own)
  if (load === undefined) throw (await import('../verbs/help.ts')).unknownCommand(name)
  const { host, settings, killedBy, end } = beginCommand(machine, words, { ...capabilities, http }, outside)
  const context: Context = {
    ...{ host, settings, opened: () => undefined },
    attach: isReal ? publishingAttach(attach, () => context, publishing) : attach,
    surroundings: {
      ...{ environment, directory: '/root', selinux: false },
      readFile: (path) => readText(host.kernel, path),
    },
  }
  try {
    if (isReal) mustBeForeground(name, rest, context)
    placeFiles(host.kernel, files, bodies)
    return await (await load())(rest, context)
  } catch (error) {
    const signal = killedBy()
    if (signal === undefined) throw error
    throw new UserError(`signal ${signal} has ended this command on the machine`, 128 + signal)
  } finally {
    if (killedBy() === undefined) removeFiles(host.kernel, files)
    await end()
  }
}

/** @errors UserError where nobody would hold the ports */
function mustBeForeground(name: string, rest: readonly string[], { surroundings }: Context): void {
  const read = name === 'run' ? readRun('run', rest, surroundings) : undefined
  if (read !== undefined && (read.help || !read.request.detach)) return
  throw new UserError(`${publishReal}: it is for run without -d: add what runs already by vitrine --sim machine serve`)
}

/** `machine ssh [-t] [COMMAND [ARG...]]`, a shell on the machine itself, and `machine serve`. */
const ofMachine =
  (machine: Machine, publishing: Publishing): Verb =>
  async ([action, ...words], context) => {
    if (action === 'serve') return await serve(context, publishing)
    const { host, attach } = context
    const terminal = words[0] === '-t'
    const attached = attach!(host.kernel, { interactive: true, terminal })
    const { kernel, environment } = host
    const command = terminal ? words.slice(1) : words
    const variables = environment.variables as Record<string, string>
    try {
      return await runShell(machine, kernel, command, variables, attached.attachment)
    } finally {
      await attached.end()
    }
  }

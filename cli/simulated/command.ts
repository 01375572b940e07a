// One command on a simulated machine: the same verbs as on the real kernel, with that machine's host.

import { beginCommand, type Outside } from '../../backends/sim/host.ts'
import type { Machine } from '../../backends/sim/machine.ts'
import { runShell } from '../../backends/sim/shell.ts'
import { UserError } from '../../core/errors.ts'
import { readText } from '../../core/files.ts'
import type { Attach, Context, Verb } from '../context.ts'
import { commandOf, verbs } from '../main.ts'
import { versionNumber } from '../version.ts'

/** What the machine has not by itself: hashes and decompression, and the network of this computer. */
export const capabilities = {
  archive: async () => (await import('../../backends/linux/archive.ts')).openArchive(),
  http: async () => (await import('../../backends/linux/http.ts')).openHttp({}, `vitrine/${versionNumber}`),
}

/**
 * @param environment - what `-e NAME` takes its values from
 * @errors UserError as the verb has it, and for a command that there is not
 */
export async function runCommand(
  machine: Machine,
  words: readonly string[],
  outside: Outside,
  attach: Attach,
  environment: Context['surroundings']['environment'],
): Promise<number> {
  const { name, rest } = commandOf(words)
  const own = name === 'machine' ? ofMachine(machine) : undefined
  const load = Object.hasOwn(verbs, name) ? verbs[name] : own && (async () => own)
  if (load === undefined) throw (await import('../verbs/help.ts')).unknownCommand(name)
  const { host, settings, killedBy, end } = beginCommand(machine, words, capabilities, outside)
  const context: Context = {
    ...{ host, settings, attach, opened: () => undefined },
    surroundings: {
      ...{ environment, directory: '/root', selinux: false },
      readFile: (path) => readText(host.kernel, path),
    },
  }
  try {
    return await (await load())(rest, context)
  } catch (error) {
    const signal = killedBy()
    if (signal === undefined) throw error
    throw new UserError(`signal ${signal} has ended this command on the machine`, 128 + signal)
  } finally {
    await end()
  }
}

/** `machine ssh [-t] [COMMAND [ARG...]]`: a shell on the machine itself. */
const ofMachine =
  (machine: Machine): Verb =>
  async ([, ...words], { host, attach }) => {
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

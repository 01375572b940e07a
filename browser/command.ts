// One command on a machine in a page: the verbs of cli, with what a browser has.

import { beginCommand, type Outside } from '../backends/sim/host.ts'
import type { Machine } from '../backends/sim/machine.ts'
import { runShell } from '../backends/sim/shell.ts'
import type { Attach, Context, Verb } from '../cli/context.ts'
import { commandOf, verbs } from '../cli/main.ts'
import { UserError } from '../core/errors.ts'
import { readText } from '../core/files.ts'
import { openArchive } from './archive.ts'

/** What the machine has not by itself. */
export const capabilities = {
  archive: async () => openArchive(),
  http: async () => {
    throw new UserError('the network is not there in a browser')
  },
}

/** @errors UserError as the verb has it, and for a command that there is not */
export async function runCommand(
  machine: Machine,
  words: readonly string[],
  outside: Outside,
  attach: Attach,
): Promise<number> {
  const { name, rest } = commandOf(words)
  const own = name === 'machine' ? ofMachine(machine) : undefined
  const load = Object.hasOwn(verbs, name) ? verbs[name] : own && (async () => own)
  if (load === undefined) throw (await import('../cli/verbs/help.ts')).unknownCommand(name)
  const { host, settings, killedBy, end } = beginCommand(machine, words, capabilities, outside)
  const context: Context = {
    ...{ host, settings, attach, opened: () => undefined },
    surroundings: {
      ...{ environment: {}, directory: '/root', selinux: false },
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
  async ([first, ...words], { host, attach }) => {
    if (first !== 'ssh') throw new UserError(`machine ${first ?? ''}: in a browser there is \`machine ssh\` alone`)
    const terminal = words[0] === '-t'
    const attached = attach!(host.kernel, { interactive: true, terminal })
    const variables = host.environment.variables as Record<string, string>
    try {
      return await runShell(machine, host.kernel, terminal ? words.slice(1) : words, variables, attached.attachment)
    } finally {
      await attached.end()
    }
  }

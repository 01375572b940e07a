// One command on a simulated machine: the same verbs as on the real kernel, with that machine's host.

import { beginCommand, type Outside } from '../../backends/sim/host.ts'
import type { Machine } from '../../backends/sim/machine.ts'
import { readText } from '../../core/files.ts'
import type { Attach, Context } from '../context.ts'
import { commandOf, verbs } from '../main.ts'
import { versionNumber } from '../version.ts'

/** What the machine has not by itself: hashes and decompression, and the network of this computer. */
export const capabilities = {
  archive: async () => (await import('../../backends/linux/archive.ts')).openArchive(),
  http: async () => (await import('../../backends/linux/http.ts')).openHttp({}, `vitrine/${versionNumber}`),
}

/** @errors UserError as the verb has it, and for a command that there is not */
export async function runCommand(
  machine: Machine,
  words: readonly string[],
  outside: Outside,
  attach: Attach,
): Promise<number> {
  const { name, rest } = commandOf(words)
  const load = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (load === undefined) throw (await import('../verbs/help.ts')).unknownCommand(name)
  const { host, settings, end } = beginCommand(machine, words, capabilities, outside)
  const { variables } = host.environment
  const context: Context = {
    ...{ host, settings, attach, opened: () => undefined },
    surroundings: {
      ...{ environment: variables, directory: '/root', selinux: false },
      readFile: (path) => readText(host.kernel, path),
    },
  }
  try {
    return await (await load())(rest, context)
  } finally {
    await end()
  }
}

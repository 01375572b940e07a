// `update`.

import { update as updateContainer } from '../../core/engine/update.ts'
import type { Verb } from '../context.ts'
import { readUpdate } from '../flags/run.ts'
import { printLine } from '../output.ts'

export const update: Verb = async (argv, { host, settings }) => {
  const words = readUpdate(argv)
  if (words.help) return await (await import('../help.ts')).showHelp('update')
  const { id } = await updateContainer(host, settings, words.container, words.resources)
  printLine(id)
  return 0
}

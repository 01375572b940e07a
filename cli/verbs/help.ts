// `help`, and what is printed when no command is given.

import type { Verb } from '../context.ts'
import { type CommandName, commands } from '../flags/commands.ts'
import { programHelp, showHelp } from '../help.ts'
import { print } from '../output.ts'

export const help: Verb = async ([name]) => {
  if (name !== undefined && Object.hasOwn(commands, name)) return await showHelp(name as CommandName)
  print(await programHelp())
  return 0
}

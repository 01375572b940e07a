// `help`, and what is printed when no command, or only a group's name, is given.

import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { type CommandName, commands } from '../flags/commands.ts'
import { nearest } from '../flags/nearest.ts'
import { podmanCommands } from '../flags/podman-commands.ts'
import { groupWords, programHelp, showGroup, showHelp } from '../help.ts'
import { groups, otherNames, verbs } from '../main.ts'
import { print } from '../output.ts'

export const help: Verb = async ([first, second]) => {
  if (first === undefined || first === 'help') {
    print(await programHelp())
    return 0
  }
  if (Object.hasOwn(groups, first)) {
    const name = second === undefined ? undefined : groupWords(first).get(second)
    if (name !== undefined) return await showHelp(name)
    if (second !== undefined) throw unknownCommand(`${first} ${second}`)
    await showGroup(first)
    return 0
  }
  const name = otherNames[first] ?? first
  if (!Object.hasOwn(commands, name)) throw unknownCommand(first)
  return await showHelp(name as CommandName)
}

/** A group's name alone: its help, and without --help the sentence that a command is missing. */
export async function group(name: string, asked: boolean): Promise<number> {
  await showGroup(name)
  if (asked) return 0
  throw new UserError(`${name} is a group of commands: name one of them`)
}

/** What to say of a command that is none, with the nearest that is one. */
export function unknownCommand(name: string): UserError {
  if (Object.hasOwn(podmanCommands, name))
    return new UserError(`${name} is podman's, and vitrine does not have it: ${podmanCommands[name]}`)
  const [first = '', second] = name.split(' ')
  const inGroup = second !== undefined && Object.hasOwn(groups, first)
  const near = inGroup
    ? nearest(second, [...groupWords(first).keys()])
    : nearest(name, [...Object.keys(verbs).filter((verb) => !verb.includes(' ')), ...Object.keys(groups)])
  const see = inGroup ? `see \`vitrine ${first} --help\`` : 'see `vitrine --help`'
  const hint = near === undefined ? see : `did you mean ${inGroup ? `${first} ${near}` : near}?`
  return new UserError(`unknown command: ${name} (${hint})`)
}

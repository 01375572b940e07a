// Help, written by commander from the flag tables; loaded only when it is asked for.

import type { Command } from 'commander'
import { type CommandName, commands, globalFlags } from './flags/commands.ts'
import { imageCommands } from './flags/image-commands.ts'
import { loginCommands } from './flags/login-commands.ts'
import { systemCommands } from './flags/system-commands.ts'
import type { CommandFlags } from './flags/table.ts'
import { volumeCommands } from './flags/volume-commands.ts'
import { groups, otherNames, verbs } from './main.ts'
import { print } from './output.ts'

async function commandFrom(name: string, table: CommandFlags): Promise<Command> {
  const { Command, Option } = await import('commander') // 9 ms that only help need pay
  const command = new Command(name)
    .description(table.summary)
    .usage(`[options] ${table.usage}`.trim())
    .helpOption(false)
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (inner) => inner.name() })
  for (const flag of table.flags) {
    const spelling = `${flag.short ? `-${flag.short}, ` : ''}--${flag.name}${flag.kind === 'switch' ? '' : ` <${flag.value ?? 'value'}>`}`
    command.addOption(new Option(spelling, flag.help))
  }
  return command
}

/** Prints a command's help. @returns the exit code 0 */
export async function showHelp(name: CommandName): Promise<number> {
  print((await commandFrom(`vitrine ${name}`, commands[name])).helpInformation())
  return 0
}

const summaries: Readonly<Record<string, string>> = {
  container: 'commands on containers',
  image: 'commands on images',
  volume: 'commands on volumes',
  sim: 'the simulated kernel',
  system: 'commands on all that vitrine keeps',
}

/** Under which heading a command of one word stands; the rest is about containers. */
function headingOf(name: string): string {
  if (name in imageCommands || name in loginCommands) return 'Images:'
  if (name in volumeCommands) return 'Volumes:'
  return name in systemCommands || ['info', 'version', 'help'].includes(name) ? 'All:' : 'Containers:'
}

/** All commands of one word under headings, and the groups. */
export async function programHelp(): Promise<string> {
  const program = await commandFrom('vitrine', globalFlags)
  const add = async (name: string, summary: string, heading: string) => {
    const inner = await commandFrom(name, { summary, usage: '', flags: [], podmanOnly: [] })
    program.addCommand(inner.helpGroup(heading))
  }
  for (const heading of ['Containers:', 'Images:', 'Volumes:', 'All:'])
    for (const [name, table] of Object.entries(commands))
      if (!name.includes(' ') && headingOf(name) === heading) await add(name, table.summary, heading)
  await add('help', 'show help on a command or a group', 'All:')
  for (const [name, summary] of Object.entries(summaries)) await add(name, summary, 'Groups (vitrine GROUP COMMAND):')
  return program.helpInformation()
}

/** The second words that a group knows, and the command that each is. */
export function groupWords(group: string): ReadonlyMap<string, CommandName> {
  const words = new Map<string, CommandName>()
  const add = (word: string, name: string) => {
    if (name in commands) words.set(word, name as CommandName)
  }
  const start = `${group} `
  const own = groups[group] ?? []
  const alone =
    own === 'any'
      ? Object.keys(commands).filter((name) => !name.includes(' ') && headingOf(name) === 'Containers:')
      : own
  for (const word of alone) add(word, word)
  for (const [spelling, name] of Object.entries(otherNames)) {
    if (spelling.startsWith(start)) add(spelling.slice(start.length), name)
    else if (own === 'any' && !spelling.includes(' ')) add(spelling, name)
  }
  for (const name of Object.keys(verbs)) if (name.startsWith(start)) add(name.slice(start.length), name)
  return new Map([...words].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Prints the commands of a group: `vitrine image --help`. */
export async function showGroup(group: string): Promise<void> {
  const summary = summaries[group] ?? ''
  const program = await commandFrom(`vitrine ${group}`, { summary, usage: '', flags: [], podmanOnly: [] })
  program.usage('COMMAND')
  for (const [word, name] of groupWords(group)) program.addCommand(await commandFrom(word, commands[name]))
  print(program.helpInformation())
}

// Help, written by commander from the flag tables; loaded only when it is asked for.

import { Command, Option } from 'commander'
import { type CommandName, commands, globalFlags } from './flags/commands.ts'
import type { CommandFlags } from './flags/table.ts'
import { print } from './output.ts'

function commandFrom(name: string, table: CommandFlags): Command {
  const command = new Command(name)
    .description(table.summary)
    .usage(`[options] ${table.usage}`.trim())
    .helpOption(false)
  for (const flag of table.flags) {
    const spelling = `${flag.short ? `-${flag.short}, ` : ''}--${flag.name}${flag.kind === 'switch' ? '' : ` <${flag.value ?? 'value'}>`}`
    command.addOption(new Option(spelling, flag.help))
  }
  return command
}

/** Prints a command's help. @returns the exit code 0 */
export async function showHelp(name: CommandName): Promise<number> {
  print(commandFrom(`vitrine ${name}`, commands[name]).helpInformation())
  return 0
}

export function programHelp(): string {
  const program = commandFrom('vitrine', globalFlags)
  for (const [name, table] of Object.entries(commands)) program.addCommand(commandFrom(name, table))
  return program.helpInformation()
}

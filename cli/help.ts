// Help, written by commander from the flag tables; loaded only when it is asked for.

import type { Command } from 'commander'
import { type CommandName, commands, globalFlags } from './flags/commands.ts'
import type { CommandFlags } from './flags/table.ts'
import { print } from './output.ts'

async function commandFrom(name: string, table: CommandFlags): Promise<Command> {
  const { Command, Option } = await import('commander') // 9 ms that only help need pay
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
  print((await commandFrom(`vitrine ${name}`, commands[name])).helpInformation())
  return 0
}

export async function programHelp(): Promise<string> {
  const program = await commandFrom('vitrine', globalFlags)
  for (const [name, table] of Object.entries(commands)) program.addCommand(await commandFrom(name, table))
  return program.helpInformation()
}

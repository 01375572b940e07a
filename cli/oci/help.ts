// Help and version.

import { UserError } from '../../core/errors.ts'
import { ociVersion } from '../../core/spec/defaults.ts'
import { print } from '../output.ts'
import { versionNumber } from '../version.ts'
import type { FlagTable } from './parse.ts'
import { commands, globalFlags } from './tables.ts'

export function version(): number {
  print(`vitrine-oci version ${versionNumber}\nspec: ${ociVersion}\n`)
  return 0
}

function linesOf(table: FlagTable): string {
  return Object.entries(table)
    .map(([name, { kind, short, means }]) => {
      const spelling = `${short ? `-${short}, ` : '    '}--${name}${kind === 'switch' ? '' : ' <value>'}`
      return `  ${spelling.padEnd(34)}${means}\n`
    })
    .join('')
}

/** @param name - of a command; all of them when absent */
export function help(name?: string): number {
  if (name === undefined) {
    const list = Object.values(commands).map(({ usage, means }) => `  ${usage.padEnd(38)}${means}\n`)
    print(`usage: vitrine-oci [global flags] COMMAND\n\nAn OCI runtime: what podman, containerd and others call.\n\n`)
    print(`commands:\n${list.join('')}\nglobal flags:\n${linesOf(globalFlags)}`)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UserError(`unknown command ${name}: see vitrine-oci --help`)
  print(`usage: vitrine-oci ${command.usage}\n\n${command.means}\n`)
  if (Object.keys(command.flags).length > 0) print(`\nflags:\n${linesOf(command.flags)}`)
  return 0
}

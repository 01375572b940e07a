// `info` and `version`.

import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print, printLine } from '../output.ts'
import { versionNumber } from '../version.ts'
import { compileTemplate } from '../views/template.ts'

function show(value: unknown, format: string | undefined): void {
  if (format === 'json') print(`${JSON.stringify(value, null, 4)}\n`)
  else if (format !== undefined) printLine(compileTemplate(format)(value))
  else print(outline(value, ''))
}

/** Records as indented lines: what YAML would write for plain values. */
function outline(value: unknown, indent: string): string {
  return Object.entries(value as object)
    .map(([key, inner]) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? `${indent}${key}:\n${outline(inner, `${indent}  `)}`
        : `${indent}${key}: ${Array.isArray(inner) ? inner.join(' ') : inner}\n`,
    )
    .join('')
}

export const info: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.info, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('info')
  const { info: gather } = await import('../../core/engine/info.ts')
  const facts = await gather(host, settings)
  show({ host: facts, version: { Version: versionNumber, Node: process.version } }, flags.text('format'))
  return 0
}

export const version: Verb = async (argv) => {
  if (argv[0] === '--short') {
    printLine(`vitrine ${versionNumber}`)
    return 0
  }
  const flags = parseFlags(commands.version, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('version')
  const facts = { Version: versionNumber, Node: process.version, OsArch: `${process.platform}/${process.arch}` }
  show({ Client: facts }, flags.text('format'))
  return 0
}

// `sim play` and `sim features`: the simulated kernel by itself.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { UserError } from '../../core/errors.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { wholeNumber } from '../flags/values.ts'
import { print, printLine } from '../output.ts'
import { renderTable } from '../views/table.ts'

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UserError(`read ${file}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
  }
}

/** The files of `strace -ff` by the name before their numbers: FILE.123, FILE.124. */
function partsOf(file: string): string[] {
  if (existsSync(file)) return [file]
  const directory = dirname(file)
  const name = basename(file)
  const parts = existsSync(directory) ? readdirSync(directory).filter((part) => part.startsWith(`${name}.`)) : []
  const numbered = parts.filter((part) => /^\.\d+$/.test(part.slice(name.length)))
  return numbered.length === 0 ? [file] : numbered.map((part) => join(directory, part))
}

/** Exits with 1 when a result differs, or when more than a tenth of the calls is not modelled. */
export const playVerb: Verb = async (argv) => {
  const flags = parseFlags(commands['sim play'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('sim play')
  if (flags.words.length === 0) throw new UserError('sim play: the file is missing')
  const files = flags.words.flatMap((word) => (word === '-' ? [word] : partsOf(word)))
  const wanted = flags.text('until')
  const until = wanted === undefined ? undefined : wholeNumber('--until', wanted, 0)
  const kernel = flags.text('kernel') ?? 'sim'
  if (kernel !== 'sim' && kernel !== 'linux') throw new UserError(`--kernel=${kernel}: there are sim and linux`)
  if (flags.on('native') && kernel !== 'linux')
    throw new UserError('--native is about the real kernel: add --kernel=linux')
  const root = flags.text('root')
  if (kernel === 'linux') {
    if (root !== undefined) throw new UserError('--root is about the simulated kernel: a real one has files of its own')
    if (files.length > 1)
      throw new UserError('--kernel=linux plays one file: join those of strace -ff by strace-log-merge')
    const { playInUserModeLinux, playNatively } = await import('../../backends/player/open.ts')
    const text = textOf(files[0]!)
    if (flags.on('native')) return show(await playNatively(text, until), flags.on('json'))
    const more = [...(wanted === undefined ? [] : ['--until', wanted]), ...(flags.on('json') ? ['--json'] : [])]
    return await playInUserModeLinux([process.execPath, resolve(process.argv[1]!)], text, more)
  }
  const { playScenarios } = await import('../../backends/sim/open.ts')
  const text = files.length === 1 ? textOf(files[0]!) : files.map((name) => ({ name, text: textOf(name) }))
  const rootText = root === undefined ? undefined : { name: root, text: textOf(root) }
  return show(await playScenarios(text, until, rootText), flags.on('json'))
}

interface Played {
  readonly title: string
  readonly passed: boolean
  readonly lines: readonly object[]
  readonly report: string
  readonly summary: string
}

function show(played: readonly Played[], json: boolean): number {
  for (const { title, lines, report, summary } of played) {
    if (json) {
      for (const line of lines) printLine(JSON.stringify(line))
      printLine(JSON.stringify({ title, summary }))
      continue
    }
    if (played.length > 1) printLine(`${title}:`)
    print(report)
  }
  return played.every(({ passed }) => passed) ? 0 : 1
}

export const features: Verb = async (argv) => {
  const flags = parseFlags(commands['sim features'], argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('sim features')
  const { features: list } = await import('../../backends/sim/open.ts')
  const rows = list()
  if (flags.on('json')) print(`${JSON.stringify(rows, null, 4)}\n`)
  else
    print(
      renderTable(
        ['CALL', 'LEVEL', 'NOTE'],
        rows.map(({ call, level, note }) => [call, level, note]),
        { heading: true },
      ),
    )
  return 0
}

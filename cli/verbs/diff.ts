// `diff`: what a container has changed, or an image's topmost layer.

import { type Change, diff as diffOf } from '../../core/engine/diff.ts'
import { UserError } from '../../core/errors.ts'
import { bytesOfName } from '../../core/file-name.ts'
import type { Verb } from '../context.ts'
import { commands } from '../flags/commands.ts'
import { parseFlags } from '../flags/parse.ts'
import { print, printBytes } from '../output.ts'
import { needWords } from './each.ts'

export const diff: Verb = async (argv, { host, settings }) => {
  const flags = parseFlags(commands.diff, argv)
  if (flags.on('help')) return await (await import('../help.ts')).showHelp('diff')
  needWords(flags.words, 'container or image')
  const [name, more] = flags.words as [string, string?]
  if (more !== undefined)
    throw new UserError(`diff ${name} ${more}: one is compared with what it was made of; two cannot be compared`)
  const format = flags.text('format')
  if (format !== undefined && format !== 'json') throw new UserError(`--format=${format}: must be json`)
  const changes = diffOf(host, settings, name)
  if (format === undefined) {
    for await (const { kind, path } of changes) printBytes(1, bytesOfName(`${kind} ${path}\n`))
    return 0
  }
  const all: Change[] = []
  for await (const change of changes) all.push(change)
  const of = (kind: Change['kind']) => all.filter((change) => change.kind === kind).map(({ path }) => path)
  const lists = Object.entries({ changed: of('C'), added: of('A'), deleted: of('D') })
  print(`${JSON.stringify(Object.fromEntries(lists.filter(([, paths]) => paths.length > 0)), null, 2)}\n`)
  return 0
}

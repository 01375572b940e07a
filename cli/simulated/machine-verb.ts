// `machine ls` and `machine rm`: the simulated machines that are kept; and the words of commands on a machine itself.

import { UserError } from '../../core/errors.ts'
import { printLine } from '../output.ts'
import { renderTable } from '../views/table.ts'
import { listMachines, takeMachine } from './log.ts'

/** @param words - behind `machine` */
export function machineVerb(directory: string, [action, ...names]: readonly string[]): number {
  if (action === 'ls' || action === 'list') {
    const rows = listMachines(directory).map((name) => [name, ...facts(directory, name)])
    process.stdout.write(renderTable(['NAME', 'SEED', 'COMMANDS'], rows, { heading: true }))
    return 0
  }
  if (action !== 'rm')
    throw new UserError(
      'machine: there are ls, rm NAME..., ssh [NAME] [COMMAND...], serve [NAME], snapshot NAME [LABEL], snapshots NAME, rewind NAME --to LABEL|STEP|TIME and branch NAME NEW [--from LABEL|STEP|TIME]',
    )
  if (names.length === 0) throw new UserError('machine rm: name the machines')
  for (const name of names) {
    if (!listMachines(directory).includes(name)) throw new UserError(`machine ${name}: there is none of that name`)
    const store = takeMachine(directory, name)
    store.remove()
    store.release()
    printLine(name)
  }
  return 0
}

function facts(directory: string, name: string): string[] {
  const store = takeMachine(directory, name)
  try {
    const log = store.read()
    return [String(log?.seed ?? ''), String(log?.commands.length ?? 0)]
  } finally {
    store.release()
  }
}

/**
 * `machine ssh [-t] [NAME] [COMMAND...]`: on which machine, and as the log has it; undefined for other actions. As with
 * podman the first word is a name when a machine is called so. Without a command somebody sits at a terminal, if there is one.
 */
export function machineWords(
  [action, ...rest]: readonly string[],
  chosen: string,
  there: readonly string[],
  hasTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true,
): { readonly name: string; readonly words: readonly string[] } | undefined {
  if (action === 'serve') {
    const [name = chosen, ...more] = rest
    if (more.length > 0 || name.startsWith('-')) throw new UserError('machine serve: it takes the name of one machine')
    return { name, words: ['machine', action] }
  }
  if (action !== 'ssh' && action !== 'sh') return undefined
  const asked = rest[0] === '-t'
  const words = asked ? rest.slice(1) : rest
  const flag = words[0]?.startsWith('-') ? words[0] : undefined
  if (flag !== undefined) throw new UserError(`machine ${action}: unknown flag: ${flag}`)
  const named = words[0] !== undefined && there.includes(words[0])
  const command = named ? words.slice(1) : words
  const terminal = asked || (command.length === 0 && hasTerminal)
  return { name: named ? words[0]! : chosen, words: ['machine', 'ssh', ...(terminal ? ['-t'] : []), ...command] }
}

// `machine ls` and `machine rm`: the simulated machines that are kept.

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
  if (action !== 'rm') throw new UserError('machine: there are `machine ls` and `machine rm NAME...`')
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

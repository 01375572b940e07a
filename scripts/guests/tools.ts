// Asks a multi-call guest which tools it is: it lists them when it is called by none of their names.

import { guest } from '../../backends/sim/wasm/process.ts'
import { load, type Prepared } from '../../backends/sim/wasm/program.ts'
import { bootKernel } from '../../sim/boot.ts'
import { runUntil } from '../../sim/run.ts'

/** Names, in the guest's order. */
export async function toolsOf(prepared: Prepared): Promise<string[]> {
  const machine = bootKernel({ programs: { box: guest(load(prepared)) } })
  const { init } = machine
  machine.call(init, { name: 'openat', dirfd: -100, pathname: '/box', flags: 0o101, mode: 0o755 })
  machine.call(init, { name: 'write', fd: 3, buf: '#!sim box\n' })
  machine.call(init, { name: 'close', fd: 3 })
  machine.call(init, { name: 'fork' })
  const task = machine.lastBorn!
  machine.call(task, { name: 'execve', pathname: '/box', argv: ['box'], envp: [] })
  if (!runUntil(machine, () => !task.alive)) throw new Error('the guest never ends')
  return Buffer.concat(machine.console.output).toString().split('\n').filter(Boolean)
}

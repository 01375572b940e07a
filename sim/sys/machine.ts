// reboot, ptrace: what a task may do to the machine and to others' memory, which here is to be refused, mostly. reboot(2),
// ptrace(2)

import { attachByCall, mayAccess } from '../access.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import { SIG } from '../signal/numbers.ts'
import { killProcess } from '../signal/send.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, uint } from './arguments.ts'

const magic = 0xfee1dead
const magics: ReadonlySet<number> = new Set([672274793, 85072278, 369367448, 537993216])
const REBOOT = {
  CAD_OFF: 0,
  CAD_ON: 0x89abcdef,
  HALT: 0xcdef0123,
  RESTART: 0x01234567,
  RESTART2: 0xa1b2c3d4,
  POWER_OFF: 0x4321fedc,
} as const

/** In a pid namespace only its init ends, as if by a signal (PID-023). */
function reboot(task: Task, first: number, second: number, command: number): number | Denied {
  const call = 'reboot(2)'
  const namespace = task.pidNamespace
  if (!capable(task.credentials, 'SYS_BOOT', namespace.owner))
    return deny('EPERM', 'PID-023', `${call}: no CAP_SYS_BOOT in the user namespace that owns the pid namespace`)
  if (first !== magic || !magics.has(second)) return deny('EINVAL', call, `${call}: the magic numbers are wrong`)
  if (namespace.level === 0) {
    if (command === REBOOT.CAD_ON || command === REBOOT.CAD_OFF) return 0
    return deny('ENOSYS', call, `${call}: the machine itself is switched off from outside`)
  }
  const signal = signalOf(command)
  if (signal === undefined)
    return deny(
      'EINVAL',
      'PID-023',
      `${call}: inside of a pid namespace only restart, halt and power off mean anything`,
    )
  namespace.rebootSignal = signal
  killProcess(namespace.init!.process)
  return 0
}

function signalOf(command: number): number | undefined {
  if (command === REBOOT.RESTART || command === REBOOT.RESTART2) return SIG.HUP
  return command === REBOOT.POWER_OFF || command === REBOOT.HALT ? SIG.INT : undefined
}

const PTRACE = { TRACEME: 0, ATTACH: 16, SEIZE: 0x4206 } as const

/** Only refusals: nobody is traced here. */
function ptrace(task: Task, request: number, pid: number): number | Denied {
  const call = 'ptrace(2)'
  const unknown = deny('ENOSYS', call, `${call}: tracing is not modelled`)
  if (request === PTRACE.TRACEME) return unknown
  const target = task.pidNamespace.find(pid)?.task
  if (target === undefined) return deny('ESRCH', call, `${call}: there is no task ${pid}`)
  if (request !== PTRACE.ATTACH && request !== PTRACE.SEIZE)
    return deny('ESRCH', call, `${call}: the task is not traced by the caller`)
  if (target.process === task.process) return deny('EPERM', call, `${call}: a process cannot trace itself`)
  return mayAccess(task, target, attachByCall, call) ?? unknown
}

export const calls: Calls = {
  reboot: partial('pid namespaces only', (task, { magic: first, magic2, op }) =>
    reboot(task, uint(first), uint(magic2), uint(op)),
  ),
  ptrace: partial('refusals only', (task, { request, pid }) => ptrace(task, int(request), int(pid))),
}

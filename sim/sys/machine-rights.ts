// What changes the machine itself and is refused to all but root of the initial user namespace: modules, swap, the kernel's
// log, the wall clock. init_module(2), swapon(2), syslog(2), settimeofday(2), acct(2)

import type { Capability } from '../credentials.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int } from './arguments.ts'

/** These rights count in the initial user namespace alone (USR-107); whoever has them learns that it is not modelled. */
function refused(task: Task, call: string, capability: Capability): Denied {
  if (!capable(task.credentials, capability, task.kernel.initial.user))
    return deny('EPERM', 'USR-107', `${call}: it needs CAP_${capability} in the initial user namespace`)
  return deny('ENOSYS', call, `${call}: the machine itself is as its configuration says`)
}

const SYSLOG = { READ_ALL: 3, SIZE_UNREAD: 9, SIZE_BUFFER: 10 } as const

/** Reading all of it, and asking for its size, is for everybody where dmesg_restrict is 0. check_syslog_permissions() */
function syslog(task: Task, type: number): Denied | number {
  const call = 'syslog(2)'
  if (type < 0 || type > SYSLOG.SIZE_BUFFER) {
    const refusal = refused(task, call, 'SYSLOG')
    return refusal.errno === 'EPERM' ? refusal : deny('EINVAL', call, `${call}: there is no such action`)
  }
  if (type === SYSLOG.READ_ALL || type === SYSLOG.SIZE_BUFFER) return 0
  const refusal = refused(task, call, 'SYSLOG')
  return refusal.errno === 'EPERM' ? refusal : 0
}

const note = 'refused to everybody'

export const calls: Calls = {
  acct: partial(note, (task) => refused(task, 'acct(2)', 'SYS_PACCT')),
  delete_module: partial(note, (task) => refused(task, 'delete_module(2)', 'SYS_MODULE')),
  finit_module: partial(note, (task) => refused(task, 'finit_module(2)', 'SYS_MODULE')),
  init_module: partial(note, (task) => refused(task, 'init_module(2)', 'SYS_MODULE')),
  settimeofday: partial(note, (task) => refused(task, 'settimeofday(2)', 'SYS_TIME')),
  swapoff: partial(note, (task) => refused(task, 'swapoff(2)', 'SYS_ADMIN')),
  swapon: partial(note, (task) => refused(task, 'swapon(2)', 'SYS_ADMIN')),
  syslog: partial('an empty log', (task, { type }) => syslog(task, int(type))),
}

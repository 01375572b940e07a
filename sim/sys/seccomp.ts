// seccomp: installing filters of system calls. seccomp(2)

import { instructionsMost, readProgram } from '../bpf-classic.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny } from '../outcome.ts'
import { RET, type SeccompFilter } from '../seccomp.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { uint } from './arguments.ts'

const SET_MODE_STRICT = 0
const SET_MODE_FILTER = 1
const GET_ACTION_AVAIL = 2
const GET_NOTIF_SIZES = 3
const FLAG = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, NEW_LISTENER: 8, TSYNC_ESRCH: 16, WAIT_KILLABLE: 32 } as const
/** MAX_INSNS_PER_PATH: of all filters of a task, each counted with four instructions more. */
const costMost = 32_768
const costEach = 4

const call = 'seccomp(2)'
const invalid = (why: string): Denied => deny('EINVAL', call, `${call}: ${why}`)

/** From now on only read(2), write(2) and exit(2). */
export function setStrict(task: Task): number | Denied {
  if (task.seccomp?.program) return invalid('a task with filters cannot enter the strict mode')
  task.seccomp = { program: undefined, previous: undefined, cost: 0 }
  return 0
}

function setFilter(task: Task, flags: number, bytes: Uint8Array): number | Denied {
  if (flags & ~0x3f || (flags & FLAG.TSYNC && flags & FLAG.NEW_LISTENER && !(flags & FLAG.TSYNC_ESRCH)))
    return invalid('there are unknown flags, or TSYNC with a listener')
  if (flags & FLAG.WAIT_KILLABLE && !(flags & FLAG.NEW_LISTENER)) return invalid('WAIT_KILLABLE_RECV needs a listener')
  const count = bytes.length / 8
  if (count === 0 || count > instructionsMost) return invalid('a filter has from 1 to 4096 instructions')
  if (!task.noNewPrivileges && !capable(task.credentials, 'SYS_ADMIN', task.credentials.namespace))
    return deny('EACCES', 'USR-108', `${call}: without no_new_privs a filter needs CAP_SYS_ADMIN`)
  const program = readProgram(bytes)
  if (program === undefined) return invalid('the program is not one that seccomp takes')
  if (task.seccomp && !task.seccomp.program) return invalid('the strict mode has no filters')
  if (flags & FLAG.NEW_LISTENER) return deny('ENOSYS', call, `${call}: listeners are not modelled`)
  const others = flags & FLAG.TSYNC ? [...task.process.tasks].filter((other) => other !== task && other.alive) : []
  const strange = others.find(({ seccomp }) => !isAncestor(seccomp, task.seccomp))
  if (strange) {
    if (flags & FLAG.TSYNC_ESRCH) return deny('ESRCH', call, `${call}: a thread has filters of its own`)
    return strange.entry.in(task.pidNamespace)!
  }
  const cost = count + costEach + (task.seccomp?.cost ?? 0)
  if (cost > costMost) return deny('ENOMEM', call, `${call}: all filters together are too long`)
  task.seccomp = { program, previous: task.seccomp, cost }
  for (const other of others) {
    other.seccomp = task.seccomp
    other.noNewPrivileges ||= task.noNewPrivileges
  }
  return 0
}

function isAncestor(older: SeccompFilter | undefined, newer: SeccompFilter | undefined): boolean {
  if (older === undefined) return true
  for (let at = newer; at; at = at.previous) if (at === older) return true
  return false
}

function isAvailable(bytes: Uint8Array): number | Denied {
  const action = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
  const known = Object.values<number>(RET).includes(action) && action !== RET.USER_NOTIF
  return known ? 0 : deny('EOPNOTSUPP', call, `${call}: there is no such action`)
}

export const calls: Calls = {
  seccomp: partial('filters without listeners and tracers', (task, { operation, flags, args }) => {
    switch (uint(operation)) {
      case SET_MODE_STRICT:
        return uint(flags) === 0 && args.length === 0 ? setStrict(task) : invalid('the strict mode takes no arguments')
      case SET_MODE_FILTER:
        return setFilter(task, uint(flags), args)
      case GET_ACTION_AVAIL:
        return uint(flags) === 0 && args.length >= 4 ? isAvailable(args) : invalid('there are no flags')
      case GET_NOTIF_SIZES:
        return uint(flags) === 0 ? 0 : invalid('there are no flags')
      default:
        return invalid('the operation is unknown')
    }
  }),
}

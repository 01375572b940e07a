// setns: a task joins namespaces that are there, by the file of one or by a pidfd and several kinds, all or none. setns(2)

import type { Fd } from '../../core/syscall.ts'
import { mayAccess, readByCall } from '../access.ts'
import { commitCredentials } from '../commit-credentials.ts'
import { leaveUndo } from '../ipc/undo.ts'
import { pidEntryOf } from '../life/pidfd.ts'
import { namespaceOf } from '../ns/file.ts'
import { Join } from '../ns/join.ts'
import { type Namespace, type NamespaceKind, namespaceFlags } from '../ns/namespace.ts'
import type { PidEntry } from '../ns/pid.ts'
import { leaveSet } from '../ns/set.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import { type Calls, full } from '../table.ts'
import type { Task } from '../task.ts'
import { fileOf, uint } from './arguments.ts'

const call = 'setns(2)'
/** In the order in which they are joined (CLN-039). */
const order: readonly NamespaceKind[] = ['user', 'mnt', 'uts', 'ipc', 'pid', 'cgroup', 'net', 'time']
const everyFlag = Object.values(namespaceFlags).reduce((all, flag) => all | flag, 0)

function setns(task: Task, fd: Fd, wanted: number): number | Denied {
  const file = fileOf(task, fd, call)
  if (isDenied(file)) return file
  const namespace = namespaceOf(file)
  if (namespace) {
    if (wanted !== 0 && wanted !== namespaceFlags[namespace.kind])
      return deny(
        'EINVAL',
        'CLN-036',
        `${call}: the file is a namespace of kind ${namespace.kind}, another was asked for`,
      )
    return join(task, [namespace])
  }
  const entry = pidEntryOf(file)
  if (entry === undefined)
    return deny('EINVAL', 'CLN-036', `${call}: the descriptor is neither a namespace nor a pidfd`)
  if (wanted === 0 || wanted & ~everyFlag)
    return deny('EINVAL', 'CLN-039', `${call}: with a pidfd, the kinds are one or more of CLONE_NEW*, and nothing else`)
  const targets = targetsOf(task, entry, wanted)
  return isDenied(targets) ? targets : join(task, targets)
}

/** The namespaces of another task, of the kinds wanted. */
function targetsOf(task: Task, entry: PidEntry, wanted: number): readonly Namespace[] | Denied {
  const target = entry.task
  const gone = deny('ESRCH', 'CLN-039', `${call}: the process of the pidfd has ended`)
  if (target === undefined || target.state === 'dead') return gone
  const refusal = mayAccess(task, target, readByCall, call)
  if (refusal) return refusal
  if (target.state === 'zombie' || target.state === 'ending') return gone
  const { namespaces, credentials, pidNamespace } = target
  const all = { ...namespaces, user: credentials.namespace, pid: pidNamespace }
  return order.filter((kind) => wanted & namespaceFlags[kind]).map((kind) => all[kind])
}

function join(task: Task, targets: readonly Namespace[]): number | Denied {
  const joining = new Join(task, targets.length > 1)
  for (const target of targets) {
    const refusal = joining.enter(target)
    if (refusal) return refusal
  }
  const { set, credentials } = joining.commit()
  if (set.ipc !== task.namespaces.ipc) leaveUndo(task)
  const before = task.namespaces
  task.namespaces = set
  leaveSet(before)
  if (credentials !== task.credentials) commitCredentials(task, credentials)
  return 0
}

export const calls: Calls = {
  setns: full((task, { fd, nstype }) => setns(task, fd, uint(nstype))),
}

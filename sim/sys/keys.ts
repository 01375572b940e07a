// keyctl, as far as runtimes use it: a session keyring of one's own. keyctl(2), keyctl_join_session_keyring(3)

import { firstSerial } from '../keyring.ts'
import { deny, type Reply } from '../outcome.ts'
import { type Calls, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { longerThan } from '../vfs/utf8.ts'
import { int } from './arguments.ts'

const KEYCTL_JOIN_SESSION_KEYRING = 1
const descriptionBytesMax = 4095

/** A new keyring: other processes may not join it unless by its name, which only the owner's can. */
function joinSession(task: Task, description: string | null): Reply {
  const call = 'keyctl(2)'
  if (description === '' || (description !== null && longerThan(description, descriptionBytesMax)))
    return deny('EINVAL', call, `${call}: the name of a keyring has 1 to ${descriptionBytesMax} bytes`)
  if (description?.startsWith('.'))
    return deny('EPERM', call, `${call}: names that begin with a dot are the kernel's own`)
  const { credentials, kernel } = task
  const current = task.keyring
  if (description !== null && current?.description === description && current.owner === credentials.uid)
    return current.serial
  const serial = firstSerial + kernel.counters.nextUnique()
  task.keyring = { serial, description: description ?? undefined, owner: credentials.uid }
  return serial
}

export const calls: Calls = {
  keyctl: partial('only KEYCTL_JOIN_SESSION_KEYRING', (task, { operation, arg2 }) => {
    if (int(operation) === KEYCTL_JOIN_SESSION_KEYRING) return joinSession(task, arg2)
    return deny('EOPNOTSUPP', 'keyctl(2)', `keyctl(2): operation ${int(operation)} is not modelled`)
  }),
}
